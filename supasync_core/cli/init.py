"""`supasync init`: a first tables.yaml out of OLD's tables, or what an existing one lacks."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from supasync_core.api.backend import Sink, Source
from supasync_core.cli import output
from supasync_core.init import render
from supasync_core.init.choose_strategy import Reader
from supasync_core.init.draft_source import (
    OTHERS,
    doubled,
    listed,
    of_environment,
    of_path,
    schemas_of,
    sink_of_environment,
)
from supasync_core.init.entry_names import distinct
from supasync_core.init.proposal import Proposal
from supasync_core.init.propose import proposals
from supasync_core.init.read_cost import bounded, summary
from supasync_core.init.undecided import written
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, RefusedError, SchemaError
from supasync_core.model.settings import Settings
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import opened_sink, opened_source
from supasync_core.project.session import Session
from supasync_core.schema import unique_keys

_GUESSED = (
    "The tables were looked at as files, which tell no keys, types and foreign keys: what is said of these "
    "is guessed from names and values. Run supasync init again with OLD's key to compare."
)

_UNSEEN = (
    "OLD does not show foreign keys of several columns or to other schemas (auth.users): where a table has "
    "one, see that what it refers to is in NEW first."
)


Keys = Mapping[tuple[str, str], tuple[str, ...]] | None


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
    """Write a first tables.yaml.

    OLD is asked for its tables; each choice has its reason as a comment. Tables that cannot be copied as they
    are stand under undecided:, each with its reason. An existing tables.yaml is never changed: the entries
    that it lacks are printed, ready to be pasted, and those whose table is gone; it then exits with 1 where
    there are any. No entry is printed for a name under ignore:, for one that stands there as a comment, or
    for one under undecided:, unless NEW shows a key for a table without a primary key.
    """
    path = Path(session.config)
    _write_example(path.parent, as_json=as_json)
    if path.exists():
        return _compare(session, path, place, as_json=as_json)
    ledger = Ledger()
    with _source(session, place, ledger) as source:
        exposed = schemas_of(source)
        shapes = listed(source, exposed or ["public"], files=place is not None)
        found = _proposals(source, ledger, shapes, keys=_keys(session, place, shapes))
        twice = doubled(source, [each.table for each in found if not each.refusal])
    left = {written(*each.table.address): each.refusal for each in found if each.refusal}
    names = [each.table.name for each in found if not each.refusal]
    reasons = [f"  {name}: {reason}" for name, reason in left.items()]
    if not names:
        told = f"none of the tables can be copied as it is, so {path} was not written"
        raise SchemaError(told, hint="\n".join(reasons))
    notes = [_GUESSED if place else _UNSEEN, _seen(exposed) if exposed else None, summary(found)]
    _write(path, render.document(found, filter(None, notes)))
    for remark in twice:
        output.line(f"problem: {remark.text}", err=True)
        output.line(f"  {remark.hint}", err=True)
    if as_json:
        doubles = [remark.table for remark in twice]
        kept = {"written": str(path), "tables": names, "left_out": left, "twice": doubles}
        click.echo(json.dumps(kept, indent=2))
        return 0
    told = f"{path} written: {counted(len(names), 'table', 'tables')} to copy"
    output.line(told + (f", {len(left)} undecided" if left else ""))
    for reason in reasons:
        output.line(reason)
    click.echo("next: read it through, fill .env, then: supasync schema sql")
    return 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What tables.yaml lacks, what the source does not have, and what stands there as a comment.

    Tables are ``left`` that cannot be copied as they are: their names are missing under ``undecided:``. Names
    there are ``ready`` whose table can be copied by now.
    """

    missing: Sequence[Proposal]
    left: Sequence[Proposal]
    gone: Sequence[str]
    commented: Sequence[str]
    ready: Sequence[str]

    @property
    def complete(self) -> bool:
        """Whether tables.yaml lacks nothing, and names nothing that is gone."""
        return not (self.missing or self.left or self.gone)


def _compare(session: Session, path: Path, place: Path | None, *, as_json: bool) -> int:
    """Print what the file lacks and what is gone; 1 where there is anything."""
    settings = session.settings
    ledger = Ledger()
    with _source(session, place, ledger, declared=True) as source:
        schemas = [*(schemas_of(source) or ["public"]), *(table.schema for table in settings.tables)]
        shapes = {s: dict(found) for s, found in listed(source, list(dict.fromkeys(schemas))).items()}
        keys = _keys(session, place, shapes)
        gone, commented = _left_alone(settings, shapes, path.read_text("utf-8-sig"), keys)
        proposed = _proposals(source, ledger, shapes, settings.tables, keys=keys)
    undecided = {each.name for each in settings.undecided}
    missing = [each for each in proposed if not each.refusal]
    found = Comparison(
        missing,
        [each for each in proposed if each.refusal and written(*each.table.address) not in undecided],
        gone,
        commented,
        [name for each in missing if (name := written(*each.table.address)) in undecided],
    )
    if as_json:
        told = {
            "missing": [each.table.name for each in found.missing],
            "entries": render.entries(found.missing),
            "undecided": {written(*each.table.address): each.refusal for each in found.left},
            "gone": list(found.gone),
            "commented": list(found.commented),
        }
        click.echo(json.dumps(told, indent=2))
    else:
        _print(path, found)
    return 0 if found.complete else 1


def _print(path: Path, found: Comparison) -> None:
    if found.missing:
        click.echo(f"# {path} exists and was not changed. It lacks these; paste them below tables:\n")
        click.echo(render.entries(found.missing))
        for name in found.ready:
            output.line(f"# and take {name} out of undecided:")
    if found.left:
        click.echo(f"# {path} lacks these, which cannot be copied as they are; paste them below undecided:\n")
        click.echo("\n".join(render.undecided(found.left)))
    for name in found.gone:
        output.line(f"# {name} is gone: tables.yaml names it, and OLD has no such table any more")
    if found.commented:
        names = ", ".join(found.commented)
        output.line(
            f"left out by a comment: {names}. To see an entry, delete its comment; to leave one out on "
            "purpose, name it under ignore:",
            err=True,
        )
    if found.complete:
        click.echo(f"{path} exists and lacks nothing")


def _left_alone(
    settings: Settings, shapes: Mapping[str, dict[str, Shape]], text: str, keys: Keys
) -> tuple[list[str], list[str]]:
    """Take tables out that no entry is to be printed for; the names that are gone, and those in a comment."""
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


def _keys(session: Session, place: Path | None, shapes: Mapping[str, Mapping[str, Shape]]) -> Keys:
    """The unique keys of tables without a primary key, by their addresses; None where NEW tells none."""
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
    *,
    keys: Keys = None,
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
            keys=None if keys is None else {name: key for (at, name), key in keys.items() if at == schema},
        )
        for schema, tables in shapes.items()
    }
    return bounded(distinct(of_each, declared))


def _seen(schemas: Sequence[str]) -> str:
    return f"OLD exposes {', '.join(schemas)}. {OTHERS}"


def _looking(name: str) -> None:
    output.line(f"looking at {name} ...", err=True)


def _write_example(folder: Path, *, as_json: bool) -> None:
    example = folder / ".env.example"
    if not example.exists():
        _write(example, render.EXAMPLE)
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
