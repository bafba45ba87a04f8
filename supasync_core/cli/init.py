"""`supasync init`: a first tables.yaml out of OLD's tables, or what an existing one lacks."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from supasync_core.backend import Source
from supasync_core.cli import output
from supasync_core.cli.session import Session
from supasync_core.draft import writing
from supasync_core.draft.cost import bounded, summary
from supasync_core.draft.naming import distinct
from supasync_core.draft.proposal import Proposal
from supasync_core.draft.proposing import proposals
from supasync_core.draft.reading import Reader
from supasync_core.draft.source import OTHERS, listed, of_environment, of_path, schemas_of
from supasync_core.errors import ConfigError, RefusedError, SchemaError
from supasync_core.ledger import Ledger
from supasync_core.project import opened_source
from supasync_core.tables import Shape, Table

_GUESSED = (
    "The tables were looked at as files, which tell no keys, types and foreign keys: what is said of these "
    "is guessed from names and values. Run supasync init again with OLD's key to compare."
)

_UNSEEN = (
    "OLD does not show foreign keys of several columns or to other schemas (auth.users): where a table has "
    "one, see that what it refers to is in NEW first."
)


@click.command()
@click.option(
    "--from",
    "place",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Look at exported CSV files (or a DuckDB file) instead of OLD; nothing is asked of OLD then.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_obj
def init(session: Session, place: Path | None, *, as_json: bool) -> int:
    """Write a first tables.yaml, each choice with its reason as a comment.

    OLD is asked for its tables. Where tables.yaml exists it is never changed: the entries that it lacks are
    printed, ready to be pasted, and those whose table is gone; it then exits with 1 where there are any. An
    entry that stands there as a comment counts as decided.
    """
    path = Path(session.config)
    _write_example(path.parent, as_json=as_json)
    if path.exists():
        return _compare(session, path, place, as_json=as_json)
    ledger = Ledger()
    with _source(session, place, ledger) as source:
        exposed = schemas_of(source)
        shapes = listed(source, exposed or ["public"], files=place is not None)
        found = _proposals(source, ledger, shapes)
    left = {_shown(each.table): each.refusal for each in found if each.refusal}
    names = [each.table.name for each in found if not each.refusal]
    reasons = [f"  {name}: {reason}" for name, reason in left.items()]
    if not names:
        told = f"none of the tables can be copied as it is, so {path} was not written"
        raise SchemaError(told, hint="\n".join(reasons))
    notes = [_GUESSED if place else _UNSEEN, _seen(exposed) if exposed else None, summary(found)]
    _write(path, writing.document(found, filter(None, notes)))
    if as_json:
        click.echo(json.dumps({"written": str(path), "tables": names, "left_out": left}, indent=2))
        return 0
    output.line(f"{path} written: {len(names)} tables to copy" + (f", {len(left)} left out:" if left else ""))
    for reason in reasons:
        output.line(reason)
    click.echo("next: read it through, fill .env, then: supasync schema sql")
    return 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What tables.yaml lacks, what the source does not have, and what stands there as a comment."""

    missing: Sequence[Proposal]
    gone: Sequence[Table]
    commented: Sequence[str]


def _compare(session: Session, path: Path, place: Path | None, *, as_json: bool) -> int:
    """Print what the file lacks and what is gone; 1 where there is anything."""
    tables = session.settings.tables
    ledger = Ledger()
    with _source(session, place, ledger, declared=True) as source:
        found = _comparison(source, tables, path.read_text("utf-8-sig"), ledger)
    if as_json:
        told = {
            "missing": [each.table.name for each in found.missing],
            "entries": writing.entries(found.missing),
            "gone": [table.name for table in found.gone],
            "commented": list(found.commented),
        }
        click.echo(json.dumps(told, indent=2))
    else:
        _print(path, found)
    return 1 if found.missing or found.gone else 0


def _print(path: Path, found: Comparison) -> None:
    if found.missing:
        click.echo(f"# {path} exists and was not changed. It lacks these; paste them below tables:\n")
        click.echo(writing.entries(found.missing))
    for table in found.gone:
        output.line(f"# {table.name} is gone: it has an entry, and {table.schema} has no such table any more")
    if found.commented:
        names = ", ".join(found.commented)
        output.line(f"left out by a comment: {names}. To see an entry, delete its comment", err=True)
    if not found.missing and not found.gone:
        click.echo(f"{path} exists and lacks nothing")


def _comparison(source: Source, tables: Sequence[Table], text: str, ledger: Ledger) -> Comparison:
    gone: list[Table] = []
    commented: list[str] = []
    schemas = dict.fromkeys([*(schemas_of(source) or ["public"]), *(table.schema for table in tables)])
    shapes = {schema: dict(found) for schema, found in listed(source, list(schemas)).items()}
    known = {table.address for table in tables}
    gone += [table for table in tables if table.relation not in shapes[table.schema]]
    for schema, there in shapes.items():
        for name in [name for name in there if (schema, name) not in known]:
            if any(writing.is_commented(text, each) for each in {name, f"{schema}.{name}"}):
                commented.append(name)
                del there[name]
    found = _proposals(source, ledger, shapes, tables)
    missing = [each for each in found if not each.refusal]
    return Comparison(missing, gone, commented)


@contextmanager
def _source(
    session: Session, place: Path | None, ledger: Ledger, *, declared: bool = False
) -> Iterator[Source]:
    if place:
        source = of_path(place, session.host)
    elif declared:
        source = opened_source(session.settings, session.host, ledger)
    else:
        folder = Path(session.config).parent
        source, session.secrets = of_environment(os.environ, folder, session.host, ledger)
    with closing(source):
        yield source


def _meter(ledger: Ledger) -> Callable[[], int] | None:
    """Counts the bytes that OLD has sent; None where nothing has travelled over a wire."""
    return (lambda: ledger.total("OLD").received) if ledger.total("OLD").requests else None


def _proposals(
    source: Source,
    ledger: Ledger,
    shapes: Mapping[str, Mapping[str, Shape]],
    declared: Sequence[Table] = (),
) -> list[Proposal]:
    """One for every table of every schema that is not declared, under names that differ."""
    reader = Reader(source, _meter(ledger))
    of_each = {
        schema: proposals(
            reader,
            tables,
            schema,
            _looking,
            {each.relation: each for each in declared if each.schema == schema},
        )
        for schema, tables in shapes.items()
    }
    return bounded(distinct(of_each, declared))


def _seen(schemas: Sequence[str]) -> str:
    return f"OLD exposes {', '.join(schemas)}. {OTHERS}"


def _shown(table: Table) -> str:
    """The table's name, with its schema where that is another than public."""
    return table.relation if table.schema == "public" else ".".join(table.address)


def _looking(name: str) -> None:
    output.line(f"looking at {name} ...", err=True)


def _write_example(folder: Path, *, as_json: bool) -> None:
    example = folder / ".env.example"
    if not example.exists():
        _write(example, writing.EXAMPLE)
        click.echo(f"{example} written", err=as_json)


def _write(path: Path, text: str) -> None:
    """Create the file; one that has come into being meanwhile is left alone."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as err:
        raise ConfigError([f"{path} exists already and was not changed"]) from err
    except OSError as err:
        raise RefusedError(f"{path} cannot be written: {err.strerror}") from err
