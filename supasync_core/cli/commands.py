"""All commands by name, and how their errors are printed."""

import gc
import os
import textwrap
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from typing import Any

import click

from supasync_core.api.plugin_fault import PluginFault
from supasync_core.cli import streams
from supasync_core.cli.command_help import prepare
from supasync_core.cli.common_options import common_options
from supasync_core.cli.lines import Lines
from supasync_core.cli.plugin_commands import PluginCommands
from supasync_core.model.errors import ExitCode, StateError, SupasyncError
from supasync_core.model.printable import visible
from supasync_core.project.session import Session
from supasync_core.system.faults import explain

COMMANDS = {
    "check": ("setup", "Inspect both projects and the state; write nothing."),
    "completion": ("completion", "Print what a shell needs to complete commands."),
    "cutover": ("cutover", "Switch the app from OLD to NEW."),
    "diff": ("diff", "Compare LEFT and RIGHT row by row."),
    "gap": ("gap", "Copy the last changes when OLD's API is (nearly) unavailable."),
    "help": ("help", "Show the help of a command."),
    "init": ("init", "Write a first tables.yaml."),
    "plugins": ("plugins", "List the plugins and what they provide; write and check one."),
    "quarantine": ("quarantine", "List, retry or drop the rows that NEW refused."),
    "reconcile": ("reconcile", "Make one side equal to the other, or undo that."),
    "report": ("report", "Write a page that shows where the migration stands."),
    "schedule": ("schedule", "Print a crontab line, systemd units or a Windows task."),
    "schema": ("schema", "Compare the tables of both projects, print SQL for NEW."),
    "setup": ("setup", "Check both projects and write the baseline into NEW."),
    "state": ("state", "Show the state that is kept in NEW, or change it."),
    "status": ("status", "Show the last runs, the success rate and each table's lag."),
    "sync": ("sync", "Copy what is new or changed from OLD to NEW."),
    "tables": ("tables", "Add tables to tables.yaml, or remove them."),
    "usage": ("usage", "Show this month's requests, egress and database size."),
    "verify": ("verify", "Compare OLD with NEW over the API, or over their databases."),
}
"""Each command's module, imported only when the command is run or asked for its help, and its summary."""
_ADDED = "supasync.added"


def builtin(name: str) -> click.Command:
    """A built-in command, imported now."""
    module = import_module(f"supasync_core.cli.{COMMANDS[name][0]}")
    command: click.Command = getattr(module, "help_" if name == "help" else name)
    return command


class Commands(click.Group):
    """The built-in commands, and those that plugins add.

    Where a plugin adds a group under a built-in group's name, such as ``schema``, its commands join that one.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*COMMANDS, *plugin_commands(ctx).commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; from here on garbage is looked for, which that is not."""
        try:
            return self._imported(ctx, cmd_name)
        finally:
            if not gc.isenabled():  # as `supasync_core.cli.main` has left it
                gc.freeze()
                gc.enable()

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run the command that was named; who watches it sees why it waits."""
        from supasync_core.api.retries import heard_by  # noqa: PLC0415 - --help waits for nothing
        from supasync_core.cli.waits import Waits  # noqa: PLC0415 - as above

        wanted = streams.lines()
        wanted.depth += 1
        try:
            with heard_by(Waits()) if wanted.depth == 1 else nullcontext():
                return super().invoke(ctx)
        finally:
            wanted.depth -= 1

    def _imported(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            command = builtin(cmd_name)
            if isinstance(command, click.Group):
                plugin_commands(ctx).join(cmd_name, command)
            return prepare(command)
        return plugin_commands(ctx).commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        added = plugin_commands(ctx).commands
        summaries = {name: command.get_short_help_str() for name, command in added.items()}
        summaries |= {name: summary for name, (_, summary) in COMMANDS.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(summaries.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a misspelled command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as err:
            from supasync_core.api.registry import did_you_mean  # noqa: PLC0415 - wanted here alone

            raise click.UsageError(
                f"unknown command {args[0]}{did_you_mean(args[0], self.list_commands(ctx))}", ctx
            ) from err


def plugin_commands(ctx: click.Context) -> PluginCommands:
    """The commands of plugins, asked for once in a call."""
    root = ctx.find_root()
    if _ADDED not in root.meta:
        session = root.ensure_object(Session)
        root.meta[_ADDED] = PluginCommands(COMMANDS, partial(_tell, session))
        root.meta[_ADDED].collect(session.host)
    found: PluginCommands = root.meta[_ADDED]
    return found


def _tell(session: Session, fault: PluginFault) -> None:
    from supasync_core.cli.plugin_notes import tell  # noqa: PLC0415 - where a plugin is wrong

    tell(session, [fault])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="supasync", message="%(prog)s %(version)s")
@common_options
@click.pass_context
def cli(_ctx: click.Context) -> None:
    """Move a Supabase project to another one: hourly, resumable, provable.

    OLD is the project that the app uses today, NEW the one that takes over. OLD is only ever read.

    \b
    Exit codes: 0 done, 1 internal error, 2 wrong settings or options, 3 a person
    is needed, 4 failed for now and the next run tries again, 5 another run is
    active, 130 interrupted.

    The options below may also follow the command.
    """  # noqa: D301 - \b is click's mark against rewrapping


prepare(cli)


def run(args: list[str]) -> tuple[Session, int]:
    """Run the command that the arguments name; its session and its exit code."""
    session = Session(
        wants_json="--json" in args,
        note=lambda text: streams.remark(visible(f"note: {text}")),
        detail=lambda text: streams.detail(visible(text)),
    )
    if session.wants_json:
        streams.use_utf8()
    streams.guard(session.redact, Lines(as_json=session.wants_json))
    began = time.monotonic()
    code = guarded(lambda: cli.main(args, prog_name="supasync", standalone_mode=False, obj=session), session)
    streams.detail(f"exit code {code} after {time.monotonic() - began:.1f} s")
    streams.finish(code)
    return session, code


def guarded(run: Callable[[], object], session: Session) -> int:
    """The exit code of ``run``, its errors printed in a sentence on stderr."""
    try:
        code = run()
    except click.exceptions.Exit as err:
        return err.exit_code
    except click.ClickException as err:
        err.show()
        return err.exit_code
    except (click.Abort, KeyboardInterrupt) as err:
        session.interrupted = isinstance(err, KeyboardInterrupt)
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except SupasyncError as err:
        hint = err.hint
        if isinstance(err, StateError) and (ends := session.projects):
            hint = "\n".join(filter(None, (hint, ends)))
        return _print_error(session, err.exit_code, str(err), hint)
    except BaseException as err:  # noqa: BLE001 - the last guard: an internal error is said as one
        return _unforeseen(session, err)
    return code if isinstance(code, int) else 0


def _is_of_a_command(err: SystemExit) -> bool:
    """Whether a command has ended itself, and not what the engine called."""
    names = (str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(err.__traceback__))
    return all(name.startswith("supasync_core.cli") for name in names if name.startswith("supasync_core."))


def _unforeseen(session: Session, err: BaseException) -> int:
    """The exit code of an error that nobody has caught, or of a command that has ended itself."""
    if isinstance(err, SystemExit) and _is_of_a_command(err):
        if isinstance(err.code, str):
            click.echo(err.code, err=True)
        return err.code if isinstance(err.code, int) else int(err.code is not None)
    known = explain(err, session.whose(err))
    hint = "".join(traceback.format_exception(err)) if os.environ.get("SUPASYNC_DEBUG") else known.hint
    return _print_error(session, known.exit_code, str(known), hint)


def _print_error(session: Session, code: int, text: str, hint: str | None) -> int:
    """The code, after the text and what to do about it were printed without any key."""
    code = session.error_code or code
    if session.wants_json:
        import json  # noqa: PLC0415 - --help prints none

        shown = {"error": text, "hint": hint, "exit_code": code}
        click.echo(json.dumps(shown, indent=2))
    click.echo(f"error: {text}", err=True)
    if hint:
        click.echo(textwrap.indent(hint, "  "), err=True)
    return code
