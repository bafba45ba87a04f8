"""`supasync schema sql`: the SQL that NEW needs once, and what helps before and after the switch."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supasync_core.cli import streams
from supasync_core.project.session import Session

if TYPE_CHECKING:
    from supasync_core.model.table import Table

_DEFAULT_CONFIG = "tables.yaml"
_OF_OLD = ({"old", "uninstall"}, {"horizon", "uninstall"})
"""The options that belong together: they remove what OLD has."""


@click.command()
@click.option(
    "--identity",
    type=click.Choice(["default", "always"]),
    is_flag=False,
    flag_value="default",
    help="For NEW: identity columns accept OLD's numbers until the switch (default), or are GENERATED ALWAYS "
    "again (always).",
)
@click.option(
    "--sequences",
    type=click.Choice(["set", "check"]),
    is_flag=False,
    flag_value="set",
    help="For NEW: set every sequence beyond the largest key (set), or only show where each one is (check).",
)
@click.option(
    "--triggers",
    type=click.Choice(["guard", "unguard", "off", "on"]),
    help="For NEW: your triggers do not fire for what supasync writes (guard), or have their original "
    "definitions again (unguard); or they are disabled for everybody until the switch (off), and enabled "
    "again (on).",
)
@click.option(
    "--foreign-keys",
    type=click.Choice(["off", "on"]),
    help="For NEW: drop foreign keys to tables that are not copied until the switch (off), and restore them "
    "(on).",
)
@click.option(
    "--fence",
    type=click.Choice(["on", "off"]),
    is_flag=False,
    flag_value="on",
    help="For NEW: the database refuses late writes of a run that another run has taken over from (on), or "
    "accepts them again (off).",
)
@click.option(
    "--old",
    is_flag=True,
    help="For OLD: the secret key may read the tables, and two optional functions that only read: digests "
    "for verify, and what makes idle runs cheap.",
)
@click.option("--horizon", is_flag=True, help="For OLD: only the function that makes idle runs cheap.")
@click.option("--uninstall", is_flag=True, help="Remove what supasync added to NEW; with --old, to OLD.")
@click.pass_obj
def sql(session: Session, /, **options: str | bool | None) -> None:
    """Print SQL to paste into NEW's SQL editor.

    Pasting it again is harmless. Without an option, it prints what NEW needs before the first sync. Each
    option prints another, optional script instead. Nothing is sent anywhere.
    """
    from supasync_core.schema import scripts  # noqa: PLC0415 - --help reads no files

    streams.use_utf8()
    chosen = [name for name, value in options.items() if value]
    if len(chosen) > 1 and set(chosen) not in _OF_OLD:
        shown = ", ".join(f"--{name.replace('_', '-')}" for name in chosen)
        raise click.UsageError(f"{shown}: one at a time, each prints a script of its own")
    match chosen:
        case []:
            text = scripts.ready(_tables_if_any(session))
        case ["horizon"]:
            text = scripts.script("horizon")
        case ["uninstall"]:
            text = scripts.script("uninstall-new")
        case ["old"]:
            text = scripts.script("old", session.settings.tables)
        case [name]:
            script = f"{name.replace('_', '-')}-{options[name]}"
            text = scripts.script(script, session.settings.tables)
        case _:
            text = scripts.script("uninstall-old")
    click.echo(text, nl=False)


def _tables_if_any(session: Session) -> "tuple[Table, ...]":
    """The tables of tables.yaml; none, and a note, while there is no tables.yaml."""
    if session.config == _DEFAULT_CONFIG and not Path(session.config).exists():
        click.echo(
            "note: there is no tables.yaml in this folder, so the script lacks the grants for its tables\n"
            "  run supasync init first, then supasync schema sql again",
            err=True,
        )
        return ()
    return session.settings.tables
