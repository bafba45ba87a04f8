"""`supasync init`: a first tables.yaml from OLD's tables, or what an existing one lacks."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import click

from supasync_core.api.backend import Reference, Sink, Source
from supasync_core.api.sql_session import SqlSpeaking
from supasync_core.cli import output
from supasync_core.config import secrets_beside
from supasync_core.init import render
from supasync_core.init.choose_strategy import Proposal, StrategyChooser, cost_summary, within_budget
from supasync_core.init.draft_source import (
    OTHERS,
    VARIABLES,
    doubled,
    listed,
    of_environment,
    of_path,
    schemas_of,
    sink_of_environment,
)
from supasync_core.init.known_references import elsewhere, with_references
from supasync_core.init.missing_indexes import with_missing_indexes
from supasync_core.init.propose import distinct, proposals
from supasync_core.init.schema_file import write_schema
from supasync_core.init.undecided import written
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, RefusedError, SchemaError, SupasyncError
from supasync_core.model.settings import Settings
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import opened_sink, opened_source
from supasync_core.project.session import Session
from supasync_core.project.sql_sessions import database_by_name, session_on_old
from supasync_core.schema import unique_keys
from supasync_core.schema.whole_catalog import references_in

_GUESSED = (
    "This draft was made from files, which show no keys, types and foreign keys: it is guessed from names "
    "and values. Run supasync init again with OLD's key to compare."
)
_UNSEEN = (
    "OLD does not show foreign keys of several columns or to other schemas (auth.users): where a table has "
    "one, make sure that what it refers to is in NEW first."
)

Keys = Mapping[tuple[str, str], tuple[str, ...]] | None


@click.command()
@click.option(
    "--from",
    "place",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Read exported CSV files (or a DuckDB file) instead of OLD; OLD gets no request.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_obj
def init(session: Session, place: Path | None, *, as_json: bool) -> int:
    """Write a first tables.yaml.

    It reads OLD's tables; each choice has its reason as a comment. Tables that cannot be copied as they are
    go under undecided:, each with its reason. An existing tables.yaml is never changed: init prints the
    entries that it lacks, ready to be pasted, and names entries whose table is gone; it then exits with 1 if
    there are any. It prints no entry for a name under ignore:, for an entry that is a comment, or for a name
    under undecided:, unless NEW shows a key for a table without a primary key.

    Beside a new tables.yaml, it writes tables.schema.json: editors complete settings and mark mistakes by it.
    As long as the first line of tables.yaml names that file, each init writes it again.
    """
    path = Path(session.config)
    example = path.parent / ".env.example"
    if not example.exists():
        _write(example, render.EXAMPLE)
        click.echo(f"{example} written", err=as_json)
    if path.exists():
        return _compare(session, path, place, as_json=as_json)
    ledger = Ledger()
    with source_of(session, place, ledger) as source:
        exposed = schemas_of(source)
        listing = listed(source, exposed or ["public"], files=place is not None)
        references = None if place else references_of(session, source, ledger, list(listing))
        shapes = with_references(listing, references or ())
        found = proposals_of(source, ledger, shapes, keys=keys_of(session, place, shapes))
        twice = doubled(source, [each.table for each in found if not each.refusal])
    refused = {written(*each.table.address): each.refusal for each in found if each.refusal}
    names = [each.table.name for each in found if not each.refusal]
    reasons = [f"  {name}: {reason}" for name, reason in refused.items()]
    if not names:
        text = f"none of the tables can be copied as it is, so {path} was not written"
        raise SchemaError(text, hint="\n".join(reasons))
    notes = [
        *([_GUESSED if place else _UNSEEN] if references is None else elsewhere(shapes, references)),
        f"OLD exposes {', '.join(exposed)}. {OTHERS}" if exposed else None,
        cost_summary(found),
    ]
    sections = [] if place else _sections(session, ledger)
    _write(path, render.document(found, filter(None, notes), sections))
    _write_schema(session, path)
    for remark in twice:
        output.line(f"problem: {remark.text}", err=True)
        output.line(f"  {remark.hint}", err=True)
    if as_json:
        doubles = [remark.table for remark in twice]
        kept = {"written": str(path), "tables": names, "left_out": refused, "twice": doubles}
        output.print_json(kept)
        return 0
    undecided = f", {len(refused)} undecided" if refused else ""
    output.line(f"{path} written: {counted(len(names), 'table', 'tables')} to copy{undecided}")
    for reason in reasons:
        output.line(reason)
    click.echo("next: read it through, fill in .env, then run: supasync schema sql")
    return 0


def _sections(session: Session, ledger: Ledger) -> list[str]:
    """Those of plugins that OLD has something for."""
    from supasync_core.init.propose_sections import proposed  # noqa: PLC0415 - it asks OLD, as --from does not

    session.secrets = [*session.secrets, *secrets_beside(session.host, session.environment)]
    return proposed(
        session.host, session.environment, ledger, lambda text: output.line(f"note: {text}", err=True)
    )


def _compare(session: Session, path: Path, place: Path | None, *, as_json: bool) -> int:
    """Print what the file lacks and what is gone; 1 where there is anything."""
    settings = session.settings
    _write_schema(session, path)
    ledger = Ledger()
    with source_of(session, place, ledger, declared=True) as source:
        schemas = [*(schemas_of(source) or ["public"]), *(table.schema for table in settings.tables)]
        listing = listed(source, list(dict.fromkeys(schemas)))
        references = None if place else references_of(session, source, ledger, list(listing))
        shapes = with_references(listing, references or ())
        keys = keys_of(session, place, shapes)
        gone, commented = _left_alone(settings, shapes, path.read_text("utf-8-sig"), keys)
        proposed = proposals_of(source, ledger, shapes, settings.tables, keys=keys)
    undecided = {each.name for each in settings.undecided}
    missing = [each for each in proposed if not each.refusal]
    ready = [name for each in missing if (name := written(*each.table.address)) in undecided]
    others = [each for each in proposed if each.refusal and written(*each.table.address) not in undecided]
    complete = not (missing or others or gone)
    if as_json:
        document = {
            "missing": [each.table.name for each in missing],
            "entries": render.entries(missing),
            "undecided": {written(*each.table.address): each.refusal for each in others},
            "gone": gone,
            "commented": commented,
        }
        output.print_json(document)
        return 0 if complete else 1
    if missing:
        click.echo(f"# {path} exists and was not changed. These are missing; paste them below tables:\n")
        click.echo(render.entries(missing))
    for name in ready:
        output.line(f"# and take {name} out of undecided:")
    if others:
        click.echo(f"# {path} lacks these, which cannot be copied as they are; paste them below undecided:\n")
        click.echo("\n".join(render.undecided(others)))
    for name in gone:
        output.line(f"# {name} is gone: tables.yaml names it, but OLD no longer has such a table")
    if commented:
        output.line(
            f"left out by a comment: {', '.join(commented)}. To see an entry, delete its comment; to leave "
            "one out on purpose, name it under ignore:",
            err=True,
        )
    if complete:
        click.echo(f"{path} exists and is complete")
    return 0 if complete else 1


def _left_alone(
    settings: Settings, shapes: Mapping[str, dict[str, Shape]], text: str, keys: Keys
) -> tuple[list[str], list[str]]:
    """Remove tables that need no entry from ``shapes``; the names that are gone, and those in a comment."""
    known = {table.address for table in settings.tables}
    gone = [table.name for table in settings.tables if table.relation not in shapes[table.schema]]
    mentioned = {each.name: each in settings.ignore for each in (*settings.undecided, *settings.ignore)}
    commented: list[str] = []
    for schema, there in shapes.items():
        for name in [name for name in there if (schema, name) not in known]:
            ways = [way for way in (name, f"{schema}.{name}") if way in mentioned]
            if ways and (mentioned.pop(ways[0]) or (schema, name) not in (keys or {})):
                del there[name]
            elif not ways and any(render.is_commented(text, each) for each in (name, f"{schema}.{name}")):
                commented.append(name)
                del there[name]
    gone += [name for name in mentioned if "." not in name or name.partition(".")[0] in shapes]
    return gone, commented


def keys_of(session: Session, place: Path | None, shapes: Mapping[str, Mapping[str, Shape]]) -> Keys:
    """The unique keys of tables without a primary key, by their addresses; None where NEW shows none."""
    every = {(schema, name): shape for schema, there in shapes.items() for name, shape in there.items()}
    bare = {at: shape for at, shape in every.items() if not shape.key and not shape.view}
    if place or not bare:
        return None
    path = Path(session.config)
    if path.exists():
        sink: Sink | None = opened_sink(session.settings, session.host)
    else:
        sink, secrets = sink_of_environment(os.environ, path.parent, session.host)
        session.secrets = [*session.secrets, *secrets]
    if sink is None:
        return None
    with closing(sink):
        found = unique_keys.known_keys(sink, [Table(name=name, schema=schema) for schema, name in bare])
    return (
        None
        if found is None
        else {at: unique_keys.substitute_key(found[at], shape) for at, shape in bare.items()}
    )


@contextmanager
def source_of(
    session: Session, place: Path | None, ledger: Ledger, *, declared: bool = False
) -> Iterator[Source]:
    """OLD as tables.yaml names it (``declared``), as the environment does, or files at a place."""
    if place:
        source = of_path(place, session.host)
    elif declared:
        source = opened_source(session.settings, session.host, ledger)
    else:
        folder = Path(session.config).parent
        source, session.secrets = of_environment(os.environ, folder, session.host, ledger)
    with closing(source):
        yield source


def references_of(
    session: Session, source: Source, ledger: Ledger, schemas: Sequence[str]
) -> Sequence[Reference] | None:
    """OLD's foreign keys as its database tells them; None where there is no connection to it.

    ConfigError for what is not a connection string.
    """
    if isinstance(source, SqlSpeaking):
        with closing(source.sql()) as speaking:
            return references_in(speaking, schemas)
    environment, settings = session.environment, session.known_settings
    address = settings.source.values.get("url", "") if settings else environment.get(VARIABLES["url"], "")
    database = "://" in address and database_by_name(session.host, environment, "OLD", address)
    if not database:
        return None
    session.secrets = [*session.secrets, *secrets_beside(session.host, environment)]
    try:
        with session_on_old(session.host, database, session.folder, ledger) as speaking:
            return references_in(speaking, schemas)
    except SupasyncError as err:  # the API alone is enough for a draft
        output.line(f"note: OLD's foreign keys were not read by its connection string: {err}", err=True)
        output.hint(err.hint, err=True)
        return None


def proposals_of(
    source: Source,
    ledger: Ledger,
    shapes: Mapping[str, Mapping[str, Shape]],
    declared: Sequence[Table] = (),
    *,
    keys: Keys = None,
) -> list[Proposal]:
    """One for every table of every schema that is not declared, under names that differ."""
    total = ledger.total("OLD")
    received = (lambda: ledger.total("OLD").received) if total.requests else None
    chooser = StrategyChooser(source, received)
    of_each = {
        schema: proposals(
            chooser,
            tables,
            schema,
            lambda name: output.line(f"reading {name} ...", err=True),
            {each.relation: each for each in declared if each.schema == schema},
            keys=None if keys is None else {name: key for (at, name), key in keys.items() if at == schema},
        )
        for schema, tables in shapes.items()
    }
    return with_missing_indexes(source, within_budget(distinct(of_each, declared)))


def _write_schema(session: Session, path: Path) -> None:
    """Write the schema for editors; a note where that is refused."""
    try:
        write_schema(path, session.host)
    except RefusedError as err:
        output.line(f"note: {err}", err=True)
        output.hint(err.hint, err=True)


def _write(path: Path, text: str) -> None:
    """Create the file; one that exists by now is left alone."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as err:
        raise ConfigError([f"{path} exists already and was not changed"]) from err
    except OSError as err:
        raise RefusedError(f"{path} cannot be written: {err.strerror}") from err
