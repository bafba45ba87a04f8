"""Options that name tables of tables.yaml, which a shell completes."""

from pathlib import Path

import click

from supasync_core.project.session import Session


def complete_tables(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The tables of tables.yaml that begin so, and that every shell takes for a plain word.

    A shell puts a completion into the command line as it is: a name such as ``$(...)`` would be a command.
    """
    from shlex import quote  # noqa: PLC0415 - wanted where a shell asks

    from supasync_core.config import names_of_tables  # noqa: PLC0415 - the same

    path = ctx.find_root().params.get("config") or ctx.ensure_object(Session).config
    known = names_of_tables(Path(path))
    plain = (name for name in known if quote(name) == name and not name.startswith("-"))
    return [name for name in plain if name.startswith(incomplete)]


ONLY_TABLES = click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="T",
    help="Only this table; repeatable.",
    shell_complete=complete_tables,
)
