"""Write what comes from the code itself: ``python docs/generate.py``.

That is the page of the command line, the tables of settings on the page of tables.yaml, and the schema of
tables.yaml that the package ships.
"""  # noqa: INP001 - a script

from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import click

from supasync_core.api.installed import GROUP
from supasync_core.api.plugin_host import Host
from supasync_core.cli.commands import cli
from supasync_core.config.declarations import BUDGETS, CUTOVER, REPORT, TOP, Field
from supasync_core.config.json_schema import SHIPPED, schema_text
from supasync_core.config.table_declarations import TABLE
from supasync_core.project.session import Session

PAGE = Path(__file__).parent / "reference" / "cli.md"
SETTINGS_PAGE = PAGE.with_name("tables-yaml.md")
HEAD = """\
# The command line

<!-- Written by docs/generate.py: change the help texts in the code, then run python docs/generate.py -->

Results go to stdout, progress and errors to stderr. Commands that a script may read know `--json`.
What a command exits with is in [exit codes](exit-codes.md).
"""


def main() -> None:
    """Write the pages and the schema."""
    written = {
        PAGE: cli_page(),
        SETTINGS_PAGE: settings_page(SETTINGS_PAGE.read_text(encoding="utf-8")),
        SHIPPED: schema_text(host_of_this_distribution()),
    }
    for page, text in written.items():
        page.write_text(text, encoding="utf-8")
        click.echo(f"written: {page.name}")


def cli_page() -> str:
    """The page as it has to be: every command of supasync and of the plugins that come with it."""
    return "\n".join([HEAD, *(_section(command, ctx) for command, ctx in commands())])


def settings_page(page: str) -> str:
    """The page of tables.yaml with its tables as they have to be."""
    for heading, fields in {
        "## The file": TOP,
        "### budgets": BUDGETS,
        "### cutover": CUTOVER,
        "### report": REPORT,
        "## Each table": TABLE,
    }.items():
        start = page.index("| setting | value | default | ", page.index(f"\n{heading}\n"))
        page = page[:start] + _settings(fields) + page[page.index("\n\n", start) :]
    return page


def _settings(fields: Sequence[Field]) -> str:
    """A table of settings; with a column for those that ``defaults`` may hold, where there are any."""
    shared = any(field.shared for field in fields)
    heads = ["setting", "value", "default", *(["shared"] if shared else []), "meaning"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for field in fields:
        name = f"**`{field.name}`**" if field.required else f"`{field.name}`"
        default = "" if field.default is None else f"`{field.default}`"
        mark = [("✓" if field.shared else "")] if shared else []
        lines.append(f"| {' | '.join([name, field.form, default, *mark, field.meaning])} |")
    return "\n".join(lines)


def commands() -> Iterator[tuple[click.Command, click.Context]]:
    """Every command with its context, groups before what they hold."""
    yield from _walk(cli, click.Context(cli, info_name="supasync", obj=_session()))


def _session() -> Session:
    session = Session()
    session.host = host_of_this_distribution()
    return session


def host_of_this_distribution() -> Host:
    """The plugins of this distribution alone, whatever else is installed."""
    host = Host()
    host.load_installed(
        point for point in entry_points(group=GROUP) if point.dist and point.dist.name == "supasync"
    )
    return host


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
        for param in command.get_params(ctx)
        if isinstance(param, click.Option)
        and "--help" not in param.opts
        and (record := param.get_help_record(ctx))
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
