"""A proposal for every table that the source shows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

from supasync_core.init.choose_strategy import Reader
from supasync_core.init.keyless import by_rows
from supasync_core.init.proposal import Proposal
from supasync_core.init.undecided import OWN
from supasync_core.model import dependencies
from supasync_core.model.errors import TableError, TransientError
from supasync_core.model.table import Column, Shape, Table

_OPENED = "rows that refer to each other are sent without the reference first, then with it"
_NO_KEY = (
    "no primary key is shown, and NEW has no unique key on NOT NULL columns: its rows cannot be told apart, "
    "or it is a view. Add a primary key on both sides"
)
_UNTOLD = (
    "no primary key is shown: its rows cannot be told apart, or it is a view. NEW tells whether it has "
    "another unique key: run supasync init again once what supasync schema sql prints was pasted there. Else "
    "add a primary key on both sides"
)
_REQUIRED = (
    "none of its columns may be NULL: drop these foreign keys in NEW until the switch, by supasync schema "
    "sql --foreign-keys off"
)


def proposals(  # noqa: PLR0913 - what may be known before
    reader: Reader,
    shapes: Mapping[str, Shape],
    schema: str,
    progress: Callable[[str], None],
    declared: Mapping[str, Table] = MappingProxyType({}),
    *,
    keys: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Proposal]:
    """One for every table: those that can be copied first, parents before their children.

    Tables that are ``declared`` already get none, and the source is asked nothing about their rows: those
    are by their names in the database. ``keys`` are unique keys of tables without a primary key, where
    anything tells them.
    """
    found: dict[str, Proposal] = {}
    for name, shape in sorted(shapes.items()):
        if name in OWN:
            continue
        if name in declared:
            found[name] = Proposal(table=declared[name])
            continue
        progress(name)
        table = Table(name=name, schema=schema, key=shape.key)
        found[name] = _proposal(reader, table, shape, None if keys is None else keys.get(name, ()))
    copied = {name: shapes[name] for name, proposal in found.items() if proposal.refusal is None}
    after, opened = _after(copied, declared)
    left = [proposal for proposal in found.values() if proposal.refusal]
    ordered = [found[name] for name in dependencies.parents_first(after) if name not in declared]
    return [_related(each, shapes, copied, after, opened) for each in ordered] + left


def _proposal(reader: Reader, table: Table, shape: Shape, unique: tuple[str, ...] | None) -> Proposal:
    """``unique`` is the key in the place of a primary key, None where nothing tells it."""
    why = "the primary key" if len(shape.key) == 1 else "the primary key, of several columns"
    if not shape.key and unique:
        why = "there is no primary key; NEW has this unique key, and no column of it may be NULL"
        columns = tuple(replace(column, key=column.name in unique) for column in shape.columns)
        table, shape = replace(table, key=unique), replace(shape, columns=columns)
    refusal = _refusal(shape, told=unique is not None)
    if refusal and unique is not None and not shape.key and not shape.view:
        return by_rows(reader, table, refusal)
    if refusal:
        return Proposal(table=table, refusal=refusal)
    try:
        found = reader.proposal(table, shape)
    except TableError as err:
        if err.table is None:
            raise
        told = err.message.removeprefix(f"{table.name}: ")
        again = "Take its name out and run supasync init again" if isinstance(err, TransientError) else None
        return Proposal(table=table, refusal=". ".join(filter(None, (told, again or err.hint))))
    if found.refusal:
        return found
    return _keyed(found, why)


def _keyed(found: Proposal, why: str) -> Proposal:
    instead = _keyed(found.instead, why) if found.instead else None
    return replace(found, reasons={"key": why, **found.reasons}, instead=instead)


def _refusal(shape: Shape, *, told: bool) -> str | None:
    if shape.view:
        return "a view: it has no rows of its own. Copy the tables behind it, and create the view in NEW"
    if not shape.key:
        return _NO_KEY if told else _UNTOLD
    return None


def _references(shape: Shape) -> Iterator[tuple[Column, str]]:
    for column in shape.columns:
        if column.refers:
            yield column, column.refers[0]


def _after(
    copied: Mapping[str, Shape], declared: Mapping[str, Table]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The parents of each table without circles, and by table what was left out to open a circle."""
    after = {name: _parents(name, shape, copied, declared) for name, shape in copied.items()}
    opened: dict[str, list[str]] = {name: [] for name in copied}
    while circles := dependencies.cycles(after):
        for circle in circles:
            _open(circle, copied, declared, after, opened)
    return after, opened


def _open(
    circle: list[str],
    copied: Mapping[str, Shape],
    declared: Mapping[str, Table],
    after: Mapping[str, list[str]],
    opened: Mapping[str, list[str]],
) -> None:
    """Leave one parent out, where rows may be without it if there is such a place."""
    child, parent = min(
        pairwise(circle),
        key=lambda edge: (edge[0] in declared, _is_required(copied[edge[0]], edge[1])),
    )
    after[child].remove(parent)
    way_out = _REQUIRED if _is_required(copied[child], parent) else _OPENED
    opened[child].append(
        f"{parent} does not stand under after:, for {' -> '.join(circle)} is a circle; {way_out}"
    )


def _parents(
    name: str, shape: Shape, copied: Mapping[str, Shape], declared: Mapping[str, Table]
) -> list[str]:
    relations = {table.name: relation for relation, table in declared.items()}
    own = (
        [relations.get(parent, parent) for parent in declared[name].depends_on] if name in declared else None
    )
    given = [parent for _, parent in _references(shape)] if own is None else own
    return list(dict.fromkeys(parent for parent in given if parent in copied and parent != name))


def _is_required(shape: Shape, parent: str) -> bool:
    """Whether a row cannot be without its parent: such an order is kept where a circle is opened."""
    return any(column.nullable is False for column, name in _references(shape) if name == parent)


def _related(
    proposal: Proposal,
    shapes: Mapping[str, Shape],
    copied: Mapping[str, Shape],
    after: Mapping[str, list[str]],
    opened: Mapping[str, list[str]],
) -> Proposal:
    name = proposal.table.name
    references = list(_references(shapes[name]))
    remarks = list(opened[name])
    for column, parent in references:
        if parent == name:
            remarks.append(f"{column.name} refers to {name} itself: a row's parents are sent with it")
        elif parent not in copied:
            remarks.append(
                f"{column.name} refers to {parent}, which is not copied: copy it, or drop that foreign key "
                "in NEW until the switch"
            )
    parents = tuple(after[name])
    reasons = dict(proposal.reasons)
    if parents:
        columns = [column.name for column, parent in references if parent in parents]
        reasons["depends_on"] = f"by {', '.join(dict.fromkeys(columns))}"
    instead = proposal.instead and _related(proposal.instead, shapes, copied, after, opened)
    return replace(
        proposal,
        table=replace(proposal.table, depends_on=parents),
        reasons=reasons,
        remarks=(*proposal.remarks, *remarks),
        instead=instead,
    )
