"""The options that every command has, before its name or behind it, and the commands that work for long."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from supasync_core.cli import streams
from supasync_core.cli.lines import BEGINNING, log_to
from supasync_core.model.errors import SupasyncError
from supasync_core.project.session import Session


class VerdictCommand(click.Command):
    """A command whose exit code says whether all is well: with ``--quiet`` it then prints nothing."""

    timed = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; wrong options are answered in the command's own form, and help is not."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError:
            self._begin()
            raise

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run it in that form."""
        self._begin()
        return super().invoke(ctx)

    def _begin(self) -> None:
        wanted = streams.lines()
        if wanted.depth <= 1:
            wanted.verdict, wanted.timed = True, self.timed


class LongCommand(VerdictCommand):
    """The same, and it works for long: off a terminal each of its lines starts with a time."""

    timed = True


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, as the help of ``supasync`` shows them."""
    for name, (given, attributes) in reversed(_OPTIONS.items()):
        more = _OF_CONFIG if name == "config" else {}
        command = click.option(*given, expose_value=False, **attributes, **more)(command)
    return command


def hidden_options() -> list[click.Option]:
    """The same for a command's own place; its help leaves them out."""
    return [
        click.Option(given, hidden=True, expose_value=False, **attributes)
        for given, attributes in _OPTIONS.values()
    ]


def _take_config(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Session).config = value


def _take_quiet(_ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - as click calls it
    if value:
        streams.lines().quiet = True
        _refuse_both()


def _take_verbose(_ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - as above
    if value:
        streams.lines().verbose = True
        _refuse_both()


def _refuse_both() -> None:
    wanted = streams.lines()
    if wanted.quiet and wanted.verbose:
        raise click.UsageError("--quiet and --verbose: give one of them")


def _take_log_file(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is None or ctx.resilient_parsing:  # a shell that completes the line
        return
    from supasync_core.system.links import appended  # noqa: PLC0415 - few calls have a log

    try:
        number = appended(Path(value), BEGINNING)
    except SupasyncError as err:
        raise click.UsageError("\n  ".join(filter(None, (f"--log-file: {err}", err.hint))), ctx) from err
    streams.lines().log = log_to(number)


_OF_CONFIG: dict[str, Any] = {
    "envvar": "SUPASYNC_CONFIG",
    "default": "tables.yaml",
    "show_default": True,
    "show_envvar": True,
}
_OPTIONS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "config": (
        ["--config"],
        {
            "type": click.Path(dir_okay=False),
            "callback": _take_config,
            "help": "The file that declares both projects and the tables.",
        },
    ),
    "quiet": (
        ["--quiet", "-q"],
        {
            "is_flag": True,
            "callback": _take_quiet,
            "help": "Print errors alone. A command that copies or compares prints its result only where the "
            "exit code is not 0; what another command is asked to show still comes.",
        },
    ),
    "verbose": (
        ["--verbose", "-v"],
        {"is_flag": True, "callback": _take_verbose, "help": "Also print each step on stderr."},
    ),
    "log_file": (
        ["--log-file"],
        {
            "metavar": "FILE",
            "callback": _take_log_file,
            "help": "Append all lines to this file, each with its time, also those that --quiet leaves out.",
        },
    ),
}
