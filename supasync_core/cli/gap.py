"""`supasync gap`: the last gap by hand, while OLD answers no request any more."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from supasync_core.api.registration import Context
from supasync_core.cli import output, streams
from supasync_core.cli.common_options import LongCommand
from supasync_core.cli.gap_import import Command
from supasync_core.cli.output import longer_than_the_screen
from supasync_core.cli.params import csv_options
from supasync_core.cli.sync import run
from supasync_core.config.endpoints import same_project
from supasync_core.gap import wanted
from supasync_core.gap.csv.queries import query, refuse_same_files
from supasync_core.gap.no_source import NoSource
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, SupasyncError
from supasync_core.model.printable import file_name
from supasync_core.model.row_key import NOT_BY_HAND, has_row_key
from supasync_core.model.settings import Endpoint, Settings
from supasync_core.project.migration import opened
from supasync_core.project.session import Session
from supasync_core.staging.staging_file import Staging
from supasync_core.system import lock
from supasync_core.system.files import write_script

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def gap() -> None:
    """Copy the last changes when OLD's API is (nearly) unavailable."""


@gap.command()
@click.option("--out", type=click.Path(file_okay=False), metavar="DIR", help="Write a file for each query.")
@click.option(
    "--exact", is_flag=True, help="Write queries for the lossless form: one column, which shows any damage."
)
@click.option("--offline", is_flag=True, help="Use the last known cursors; send no requests.")
@_JSON
@click.pass_obj
def sql(session: Session, out: str | None, *, exact: bool, offline: bool, as_json: bool) -> int:
    """Print the queries to run in OLD's SQL editor.

    They are in import order; each says where to save its result. On a terminal, queries that are longer than
    the screen go into files under .supasync, which are named.
    """
    streams.use_utf8()
    settings = session.settings
    with closing(Staging(settings.staging)) as staging:
        if offline:
            known, shapes = wanted.remembered(settings, staging)
        else:
            with opened(settings, session.host, NoSource()) as migration:
                known, shapes = wanted.ask(migration, staging)
    queries = [query(each, exact=exact) for each in wanted.wanted(settings, session.host, known, shapes)]
    refuse_same_files(queries)
    for note in (note for each in queries for note in each.notes):
        output.line(f"note: {note}", err=True)
    if names := ", ".join(wanted.unseen_updates(settings, session.host)):
        what = "rows that were updated in OLD since they were copied are not in these queries"
        output.line(f"note: {names}: {what}; to include them, export the whole table", err=True)
    for table in filter(has_row_key, settings.tables):
        output.line(f"note: {table.name}: {NOT_BY_HAND}", err=True)
    if not out and not as_json and longer_than_the_screen("".join(f"{each.sql}\n\n\n" for each in queries)):
        out = str(lock.folder(settings.folder) / "gap")
    if out:
        _write(Path(out), [(each.table, each.sql) for each in queries])
    if as_json:
        rows = [{"table": q.table, "file": q.file, "sql": q.sql, "copy": q.copy} for q in queries]
        output.sql(json.dumps(rows, indent=2))
        return 0
    for number, each in enumerate(queries, 1):
        if out:
            output.line(
                f"{each.table}: {Path(out) / _name(number, each.table)} -> save the result as {each.file}"
            )
        else:
            output.line(f"-- {number}. {each.table}: paste this alone, save the result as {each.file}")
            output.sql(each.sql)
            output.sql(f"-- or with a connection, in psql:\n-- {each.copy}\n" if each.copy else "")
    return 0


@gap.command("import", cls=LongCommand)
@click.argument("folder", type=click.Path(file_okay=False), required=False)
@click.option("--yes", is_flag=True, help="Send rows without asking.")
@click.option("--dry-run", is_flag=True, help="Check and report only; send nothing, take no lease.")
@click.option(
    "--sink", metavar="duckdb:PATH", help="Import into this local file instead of NEW: a rehearsal."
)
@csv_options
@click.option(
    "--accept", "accepted", multiple=True, metavar="KIND", help="Accept the risk of this kind of finding."
)
@click.option("--report", type=click.Path(dir_okay=False), help="Write every finding as .csv or .json.")
@click.option(
    "--no-defuse",
    is_flag=True,
    help="Keep cells of a .csv report that begin like a spreadsheet formula as they are.",
)
@_JSON
@click.pass_obj
def import_(session: Session, /, folder: str | None, sink: str | None, **options: Any) -> int:  # noqa: ANN401 - of every kind
    """Check the files of FOLDER and import them into NEW.

    They are compared with NEW first; rows are sent parents first. With --file FOLDER may be left out.

    Exits with 3 where a table was not sent because its files have errors.
    """
    if folder is None and not options["files"]:
        raise click.UsageError("Missing argument 'FOLDER'.")
    settings = _rehearsed(session, sink) if sink else session.settings
    with closing(Staging(settings.staging, compressed=False)) as staging:
        command = Command(
            session=session, settings=settings, staging=staging, rehearsal=bool(sink), **options
        )
        return command.run(None if folder is None else Path(folder))


@gap.command(cls=LongCommand)
@_JSON
@click.pass_obj
def transfer(session: Session, *, as_json: bool) -> int:
    """Copy the last gap over the API, or over OLD's database.

    This is one more sync. Where OLD's API answers 402 and OLD_DATABASE_URL is set, it reads the database.
    """
    return run(session, (), (), command="gap transfer", as_json=as_json)


def _rehearsed(session: Session, sink: str) -> Settings:
    """The settings with another sink: ``duckdb:PATH``."""
    name, colon, path = sink.partition(":")
    host = session.host
    if not colon or not path or name not in host.sinks or set(host.sinks.get(name).settings) != {"path"}:
        raise ConfigError(
            [f"--sink {sink}: give a backend of files and a path, as in duckdb:rehearsal.duckdb"]
        )
    values = {"path": str(Path(path).absolute())}
    backend = host.sinks.get(name)
    context = Context(settings=values, folder=session.settings.folder, ledger=Ledger(), project="NEW")
    rehearsal = Endpoint(name, values, backend.ref(context))
    if flaw := same_project(session.settings.source, rehearsal):
        raise ConfigError([f"--sink {sink}: {flaw}"])
    if same_project(session.settings.sink, rehearsal):
        raise ConfigError([f"--sink {sink}: is NEW itself: a rehearsal needs another file"])
    return replace(session.settings, sink=rehearsal)


def _name(number: int, table: str) -> str:
    return f"{number:02}_{file_name(table)}.sql"


def _write(folder: Path, queries: Sequence[tuple[str, str]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise SupasyncError(f"{folder} cannot be created: {err.strerror}") from err
    for number, (table, sql) in enumerate(queries, 1):
        write_script(folder / _name(number, table), sql + "\n")
