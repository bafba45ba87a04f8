"""`supasync schema`: the SQL that NEW needs once, and what helps around the switch."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supasync_core.cli import streams
from supasync_core.project.session import Session

if TYPE_CHECKING:
    from supasync_core.model.table import Table

_DEFAULT_CONFIG = "tables.yaml"


@click.group()
def schema() -> None:
    """What NEW needs before the first sync."""


@schema.command()
@click.option(
    "--identity",
    type=click.Choice(["default", "always"]),
    is_flag=False,
    flag_value="default",
    help="For NEW: identity columns take OLD's numbers until the switch (default), or no more (always).",
)
@click.option(
    "--sequences",
    type=click.Choice(["set", "check"]),
    is_flag=False,
    flag_value="set",
    help="For NEW: set every sequence beyond the largest key (set), or only show where each is (check).",
)
@click.option(
    "--triggers",
    type=click.Choice(["guard", "unguard", "off", "on"]),
    help="For NEW: your triggers on the tables no longer fire for what supasync writes (guard), and have "
    "their own definitions again (unguard); or off for everybody until the switch, and the same ones on.",
)
@click.option(
    "--foreign-keys",
    type=click.Choice(["off", "on"]),
    help="For NEW: drop foreign keys to tables that are not copied until the switch, and put them back.",
)
@click.option(
    "--fence",
    type=click.Choice(["on", "off"]),
    is_flag=False,
    flag_value="on",
    help="For NEW: it refuses by itself what a run sends after another one has taken over (on), or no "
    "more (off).",
)
@click.option("--old", is_flag=True, help="For OLD: the secret key may read the tables.")
@click.option("--horizon", is_flag=True, help="For OLD: one function that makes idle runs cheap. Optional.")
@click.option("--uninstall", is_flag=True, help="Remove what supasync put into NEW; with --horizon, OLD.")
@click.pass_obj
def sql(session: Session, /, **options: str | bool | None) -> None:
    """Print SQL to paste into NEW's SQL editor.

    To paste it again is harmless. Without an option it is what NEW needs before the first sync. Each option
    prints something else instead; all of it is optional. Nothing is sent anywhere.
    """
    from supasync_core.model.row_key import has_row_key  # noqa: PLC0415 - --help reads no files
    from supasync_rest import scripts  # noqa: PLC0415 - --help reads no files

    streams.for_programs()
    given = [name for name, value in options.items() if value]
    if len(given) > 1 and set(given) != {"horizon", "uninstall"}:
        shown = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{shown}: one at a time, each prints a script of its own")
    match given:
        case []:
            tables = _tables_if_any(session)
            bare = [table for table in tables if has_row_key(table)]
            text = scripts.ready() + (scripts.row_keys(bare) if bare else "")
            text += scripts.grants(tables) if tables else ""
        case ["horizon"]:
            text = scripts.horizon()
        case ["uninstall"]:
            text = scripts.uninstall()
        case ["old"]:
            text = scripts.grants_old(session.settings.tables)
        case [name]:
            text = getattr(scripts, name)(session.settings.tables, options[name])
        case _:
            text = scripts.uninstall_old()
    click.echo(text, nl=False)


def _tables_if_any(session: Session) -> "tuple[Table, ...]":
    """The tables of tables.yaml; none where nobody has written it yet."""
    if session.config == _DEFAULT_CONFIG and not Path(session.config).exists():
        return ()
    return session.settings.tables
