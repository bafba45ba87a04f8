"""`supasync schema sql`: the SQL that NEW needs once, and what helps before and after the switch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from supasync_core.cli import output, streams
from supasync_core.cli.output import longer_than_the_screen
from supasync_core.model.errors import TableError
from supasync_core.project.session import Session
from supasync_core.system import lock
from supasync_core.system.files import write_script

if TYPE_CHECKING:
    from supasync_core.model.table import Table

_DEFAULT_CONFIG = "tables.yaml"
_OF_OLD = ({"old", "uninstall"}, {"horizon", "uninstall"})
"""The options that belong together: they remove what OLD has."""


class ScriptCommand(click.Command):
    """The command with an option for each step of a plugin that has SQL of its own."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The options: the command's own, then those of the steps, then what all commands have."""
        own = super().get_params(ctx)
        steps = ctx.find_root().ensure_object(Session).host.steps
        added = [
            click.Option([f"--{name}"], is_flag=True, help=step.script_help)
            for name in steps
            if (step := steps.get(name)).script and not any(f"--{name}" in each.opts for each in own)
        ]
        at = next(place for place, each in enumerate(own) if each.name == "applied")
        return [*own[:at], *added, *own[at:]]


@click.command(cls=ScriptCommand)
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
@click.option(
    "--apply",
    "applied",
    is_flag=True,
    help="Run the script in NEW over its connection string, NEW_DATABASE_URL.",
)
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Write the script to this file.")
@click.pass_obj
def sql(session: Session, /, *, applied: bool, out: str | None, **options: str | bool | None) -> None:
    """Print SQL to paste into NEW's SQL editor.

    Pasting it again is harmless. Without an option, it prints what NEW needs before the first sync. Each
    option prints another, optional script instead. Without --apply nothing is sent anywhere. OLD's SQL is
    always pasted by a person. On a terminal, a script that is longer than the screen goes into a file under
    .supasync, which is named.
    """
    streams.use_utf8()
    chosen = [name for name, value in options.items() if value]
    steps = [name for name in session.host.steps if name in chosen]
    together = set(chosen) in _OF_OLD or (len(steps) == 1 and set(chosen) <= {*steps, "old", "uninstall"})
    if len(chosen) > 1 and not together:
        shown = ", ".join(f"--{name.replace('_', '-')}" for name in chosen)
        raise click.UsageError(f"{shown}: one at a time, each prints a script of its own")
    if applied and not {"old", "horizon"}.isdisjoint(chosen):
        raise click.UsageError(
            "--apply: this SQL is OLD's, and supasync changes nothing in OLD: paste it there"
        )
    if applied and out:
        raise click.UsageError("--apply and --out: give one of them")
    text = _of_step(session, steps[0], options) if steps else _script(session, chosen, options)
    if applied:
        _apply(session, text)
    elif out or longer_than_the_screen(text):
        _write(session, Path(out) if out else None, text, chosen, options)
    else:
        click.echo(text, nl=False)


def _write(
    session: Session,
    out: Path | None,
    text: str,
    chosen: Sequence[str],
    options: Mapping[str, str | bool | None],
) -> None:
    """Write the script to the file, or to one that bears the names of the options, and say where it is."""
    words = [name if options[name] is True else f"{name}-{options[name]}" for name in chosen]
    project = "OLD" if {"old", "horizon"} & {*chosen} else "NEW"
    if out is None:
        name = "-".join(["schema", *words]).replace("_", "-")
        out = lock.folder(session.folder) / f"{name}.sql"
    write_script(out, text)
    output.line(f"written to {out}: paste it into {project}'s SQL editor")


def _script(session: Session, chosen: Sequence[str], options: Mapping[str, str | bool | None]) -> str:
    from supasync_core.schema import scripts  # noqa: PLC0415 - --help reads no files

    match chosen:
        case []:
            return scripts.ready(_tables_if_any(session))
        case ["horizon"]:
            return scripts.script("horizon")
        case ["uninstall"]:
            return scripts.script("uninstall-new")
        case ["old"]:
            return scripts.script("old", session.settings.tables)
        case [name]:
            return scripts.script(f"{name.replace('_', '-')}-{options[name]}", session.settings.tables)
        case _:
            return scripts.script("uninstall-old")


def _of_step(session: Session, name: str, options: Mapping[str, str | bool | None]) -> str:
    """The SQL of a step of a plugin; the section in tables.yaml may say what it admits."""
    from supasync_core.api.run_step import ScriptAsked  # noqa: PLC0415 - as above
    from supasync_core.schema.scripts import of_step  # noqa: PLC0415 - as above

    has_settings = session.config != _DEFAULT_CONFIG or Path(session.config).exists()
    parts = session.settings.steps if has_settings else ()
    settings = next((part.settings for part in parts if part.name == name), {})
    script = session.host.steps.get(name).script
    assert script  # noqa: S101 - an option for it was there
    project = "OLD" if options.get("old") else "NEW"
    asked = ScriptAsked(project=project, uninstall=bool(options.get("uninstall")), settings=settings)
    return of_step(script(asked))


def _apply(session: Session, text: str) -> None:
    """Run it in NEW as one transaction, and show what holds then; nothing stays of a script that fails."""
    from supasync_core.project.sql_sessions import address_of_new, session_on_new  # noqa: PLC0415 - as above
    from supasync_core.schema.scripts import in_one_transaction  # noqa: PLC0415 - as above

    with session.migration() as migration, session_on_new(migration) as new:
        try:
            found = new.script(in_one_transaction(text))
        except TableError as err:
            hint = err.hint if err.reason else "nothing was changed; paste the script into NEW's SQL editor"
            raise err.amended(hint=hint) from err
        output.line(f"done in NEW ({address_of_new(migration)})", err=True)
    if found.rows:
        output.table(found.columns, found.rows)


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
