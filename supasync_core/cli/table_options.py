"""Options that name tables of tables.yaml, which a shell completes."""

import click

from supasync_core.project.session import Session


def complete_tables(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The tables of tables.yaml that begin so; none where it cannot be read: a tab prints no error."""
    session = ctx.ensure_object(Session)
    session.config = ctx.find_root().params.get("config") or session.config
    try:
        known = [table.name for table in session.settings.tables]
    except Exception:  # noqa: BLE001 - whatever is wrong with the file, a command will say it
        return []
    return [name for name in known if name.startswith(incomplete)]


ONLY_TABLES = click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="T",
    help="Only this table; repeatable.",
    shell_complete=complete_tables,
)
