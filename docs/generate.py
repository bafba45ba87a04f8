"""Write docs/reference/cli.md from the commands themselves: ``python docs/generate.py``."""  # noqa: INP001 - a script

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click

from supasync_core.api.installed import GROUP
from supasync_core.api.plugin_host import Host
from supasync_core.cli.commands import cli
from supasync_core.project.session import Session

PAGE = Path(__file__).parent / "reference" / "cli.md"
HEAD = """\
# The command line

<!-- Written by docs/generate.py: change the help texts in the code, then run python docs/generate.py -->

Results go to stdout, progress and errors to stderr. Commands that a script may read know `--json`.
What a command exits with is in [exit codes](exit-codes.md).
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(cli_page(), encoding="utf-8")
    click.echo(f"written: {PAGE.name}")


def cli_page() -> str:
    """The page as it has to be: every command of supasync and of the plugins that come with it."""
    return "\n".join([HEAD, *(_section(command, ctx) for command, ctx in commands())])


def commands() -> Iterator[tuple[click.Command, click.Context]]:
    """Every command with its context, groups before what they hold."""
    yield from _walk(cli, click.Context(cli, info_name="supasync", obj=_session()))


def _session() -> Session:
    """A session that sees the plugins of this distribution alone, whatever else is installed."""
    session = Session()
    session.host = Host()
    session.host.load_installed(
        point for point in entry_points(group=GROUP) if point.dist and point.dist.name == "supasync"
    )
    return session


def _walk(command: click.Command, ctx: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    yield command, ctx
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner is not None:
                yield from _walk(inner, click.Context(inner, parent=ctx, info_name=name))


def _section(command: click.Command, ctx: click.Context) -> str:
    """Heading, usage, help text, options and commands."""
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    parts = [f"{'#' * (2 + _depth(ctx))} {ctx.command_path}\n", f"```\n{usage}\n```\n", _text(command)]
    options = [
        _row(*record)
        for param in command.params
        if isinstance(param, click.Option) and (record := param.get_help_record(ctx))
    ]
    if options:
        parts.append("\n".join(["| option | meaning |", "|---|---|", *options]) + "\n")
    if isinstance(command, click.Group):
        parts.append("\n".join(_links(command, ctx)) + "\n")
    return "\n".join(parts)


def _depth(ctx: click.Context) -> int:
    return 0 if ctx.parent is None else _depth(ctx.parent) + 1


def _text(command: click.Command) -> str:
    """The help text, without click's marks against rewrapping."""
    lines = [line.strip() for line in (command.help or "").strip().split("\n")]
    return "\n".join(line for line in lines if line != "\b") + "\n"


def _row(names: str, meaning: str) -> str:
    """A line of the table; bars would end a cell."""
    cells = (cell.replace("|", "\\|").replace("  [", " [") for cell in (f"`{names}`", meaning))
    return f"| {' | '.join(cells)} |"


def _links(group: click.Group, ctx: click.Context) -> Iterator[str]:
    yield "| command | what it does |"
    yield "|---|---|"
    for name in group.list_commands(ctx):
        inner = group.get_command(ctx, name)
        if inner is not None:
            anchor = f"{ctx.command_path} {name}".replace(" ", "-").lower()
            yield f"| [`{name}`](#{anchor}) | {inner.get_short_help_str()} |"


if __name__ == "__main__":
    main()
