"""`supasync init`: a first tables.yaml out of OLD's tables, or what an existing one lacks."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from supasync_core.backend import Source
from supasync_core.cli import output
from supasync_core.cli.session import Session
from supasync_core.draft import writing
from supasync_core.draft.cost import summary
from supasync_core.draft.proposal import Proposal
from supasync_core.draft.proposing import proposals
from supasync_core.draft.reading import Reader
from supasync_core.draft.source import listed, of_environment, of_path
from supasync_core.errors import ConfigError, RefusedError, SchemaError
from supasync_core.ledger import Ledger
from supasync_core.project import opened_source
from supasync_core.tables import Table

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
        shapes = listed(source, "public", files=place is not None)
        found = proposals(Reader(source, _meter(ledger)), shapes, "public", _looking)
    left = {each.table.name: each.refusal for each in found if each.refusal}
    names = [each.table.name for each in found if not each.refusal]
    reasons = [f"  {name}: {reason}" for name, reason in left.items()]
    if not names:
        told = f"none of the tables can be copied as it is, so {path} was not written"
        raise SchemaError(told, hint="\n".join(reasons))
    notes = [_GUESSED if place else _UNSEEN, summary(found)]
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
    missing: list[Proposal] = []
    gone: list[Table] = []
    commented: list[str] = []
    for schema in dict.fromkeys(["public", *(table.schema for table in tables)]):
        declared = {table.name: table for table in tables if table.schema == schema}
        shapes = dict(listed(source, schema))
        for name in [name for name in shapes if name not in declared and writing.is_commented(text, name)]:
            commented.append(name)
            del shapes[name]
        found = proposals(Reader(source, _meter(ledger)), shapes, schema, _looking, declared)
        missing += [each for each in found if not each.refusal]
        gone += [table for name, table in declared.items() if name not in shapes]
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
