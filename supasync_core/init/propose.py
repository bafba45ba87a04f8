"""A proposal for every table that the source shows, parents before their children, under distinct names."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType

from supasync_core.init.choose_strategy import Proposal, StrategyChooser
from supasync_core.model import dependencies
from supasync_core.model.errors import TableError, TransientError
from supasync_core.model.table import Column, Shape, Table
from supasync_core.schema.both_sides import OWN

_OPENED = "rows that refer to each other are sent without the reference first, then with it"
_REQUIRED = (
    "none of its columns may be NULL: drop these foreign keys in NEW until the switch (supasync schema sql "
    "--foreign-keys off)"
)
_NO_KEY = (
    "no primary key is shown, and NEW has no unique key on NOT NULL columns: its rows cannot be told apart, "
    "or it is a view. Add a primary key on both sides"
)
_KEYS_UNKNOWN = (
    "no primary key is shown: its rows cannot be told apart, or it is a view. NEW can tell whether it has "
    "another unique key: paste what supasync schema sql prints into NEW's SQL editor, then run supasync init "
    "again. Or add a primary key on both sides"
)


def proposals(  # noqa: PLR0913 - what may be known before
    chooser: StrategyChooser,
    shapes: Mapping[str, Shape],
    schema: str,
    progress: Callable[[str], None],
    declared: Mapping[str, Table] = MappingProxyType({}),
    *,
    keys: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Proposal]:
    """One for every table: those that can be copied first, parents before their children.

    Tables that are ``declared`` already get none, and none of their rows is read: those are by their names in
    the database. ``keys`` are unique keys of tables without a primary key; None where nothing shows them.
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
        found[name] = _proposal(chooser, table, shape, None if keys is None else keys.get(name, ()))
    copied = {name: shapes[name] for name, proposal in found.items() if proposal.refusal is None}
    order = _Order(copied, declared)
    refused = [proposal for proposal in found.values() if proposal.refusal]
    return [
        order.applied(found[name])
        for name in dependencies.parents_first(order.parents)
        if name not in declared
    ] + refused


def _proposal(
    chooser: StrategyChooser, table: Table, shape: Shape, unique: tuple[str, ...] | None
) -> Proposal:
    """``unique`` is a key in the place of a primary key; None where nothing shows it."""
    if shape.view:
        refusal = "a view: it has no rows of its own. Copy the tables behind it, and create the view in NEW"
        return Proposal(table=table, refusal=refusal)
    reason = "the primary key" if len(shape.key) == 1 else "the primary key, of several columns"
    if not shape.key:
        if unique is None:
            return Proposal(table=table, refusal=_KEYS_UNKNOWN)
        if not unique:
            return chooser.keyless(table, _NO_KEY)
        reason = "there is no primary key; NEW has this unique key, and no column of it may be NULL"
        columns = tuple(replace(column, key=column.name in unique) for column in shape.columns)
        table, shape = replace(table, key=unique), replace(shape, columns=columns)
    try:
        proposal = chooser.proposal(table, shape)
    except TableError as err:
        err.raise_if_of_no_table()
        message = err.message.removeprefix(f"{table.name}: ")
        again = "Take its name out and run supasync init again" if isinstance(err, TransientError) else None
        return Proposal(table=table, refusal=". ".join(filter(None, (message, again or err.hint))))
    return proposal if proposal.refusal else _with_key(proposal, reason)


def _with_key(proposal: Proposal, reason: str) -> Proposal:
    instead = proposal.instead and _with_key(proposal.instead, reason)
    return replace(proposal, reasons={"key": reason, **proposal.reasons}, instead=instead)


@dataclass
class _Order:
    """Parents before children; where tables refer to each other in a circle, one reference is left out."""

    copied: Mapping[str, Shape]
    declared: Mapping[str, Table]
    parents: dict[str, list[str]] = field(init=False)
    remarks: dict[str, list[str]] = field(init=False)
    """By table, what was left out to open a circle."""

    def __post_init__(self) -> None:
        self.parents = {name: self._parents(name, shape) for name, shape in self.copied.items()}
        self.remarks = {name: [] for name in self.copied}
        while circles := dependencies.cycles(self.parents):
            for circle in circles:
                self._open(circle)

    def _parents(self, name: str, shape: Shape) -> list[str]:
        parents = [parent for _, parent in _references(shape)]
        if name in self.declared:
            relations = {table.name: relation for relation, table in self.declared.items()}
            parents = [relations.get(parent, parent) for parent in self.declared[name].depends_on]
        return list(dict.fromkeys(parent for parent in parents if parent in self.copied and parent != name))

    def _open(self, circle: list[str]) -> None:
        """Leave one parent out, where rows may be without it if there is such a place."""
        child, parent = min(
            pairwise(circle),
            key=lambda edge: (edge[0] in self.declared, self._is_required(*edge)),
        )
        self.parents[child].remove(parent)
        way_out = _REQUIRED if self._is_required(child, parent) else _OPENED
        self.remarks[child].append(
            f"{parent} is not under depends_on:, because {' -> '.join(circle)} is a circle; {way_out}"
        )

    def _is_required(self, child: str, parent: str) -> bool:
        """Whether a row cannot be without its parent: such an order is kept where a circle is opened."""
        references = _references(self.copied[child])
        return any(column.nullable is False for column, name in references if name == parent)

    def applied(self, proposal: Proposal) -> Proposal:
        """The proposal with its parents, and what is to be known of its references."""
        name = proposal.table.name
        remarks = list(self.remarks[name])
        references = list(_references(self.copied[name]))
        for column, parent in references:
            if parent == name:
                remarks.append(f"{column.name} refers to {name} itself: a row's parents are sent with it")
            elif parent not in self.copied:
                remarks.append(
                    f"{column.name} refers to {parent}, which is not copied: copy it, or drop that foreign "
                    "key in NEW until the switch"
                )
        parents = tuple(self.parents[name])
        reasons = dict(proposal.reasons)
        if parents:
            columns = [column.name for column, parent in references if parent in parents]
            reasons["depends_on"] = f"by {', '.join(dict.fromkeys(columns))}"
        return replace(
            proposal,
            table=replace(proposal.table, depends_on=parents),
            reasons=reasons,
            remarks=(*proposal.remarks, *remarks),
            instead=proposal.instead and self.applied(proposal.instead),
        )


def _references(shape: Shape) -> Iterator[tuple[Column, str]]:
    return ((column, column.refers[0]) for column in shape.columns if column.refers)


def distinct(found: Mapping[str, Sequence[Proposal]], declared: Sequence[Table] = ()) -> list[Proposal]:
    """All proposals of all schemas, those that are copied first; no two entries of one name.

    Of several tables of one name the first keeps it, and is the one in ``public`` where there is one; the
    others have their schema in front.
    """
    taken = {table.name for table in declared}
    relations = {each.table.name for proposals in found.values() for each in proposals}
    copied: list[Proposal] = []
    for schema, proposals in found.items():
        entries = {table.relation: table.name for table in declared if table.schema == schema}
        for each in proposals:
            if not each.refusal:
                entries[each.table.name] = _unused_name(each.table, taken, relations)
                taken.add(entries[each.table.name])
        copied += [_renamed(each, entries) for each in proposals if not each.refusal]
    return copied + [each for proposals in found.values() for each in proposals if each.refusal]


def _unused_name(table: Table, taken: Collection[str], relations: Collection[str]) -> str:
    """The table's own name, or one with its schema that no other table has."""
    alike = {name.lower() for name in taken}
    if table.name.lower() not in alike:
        return table.name
    name = f"{table.schema}.{table.name}"
    while name.lower() in alike or name in relations:
        name += "_"
    return name


def _renamed(proposal: Proposal, entries: Mapping[str, str]) -> Proposal:
    """The proposal under its entry's name, its parents under theirs."""
    table = proposal.table
    name = entries[table.name]
    return replace(
        proposal,
        table=replace(
            table,
            name=name,
            table=table.name if name != table.name else None,
            depends_on=tuple(entries[parent] for parent in table.depends_on),
        ),
        instead=proposal.instead and _renamed(proposal.instead, entries),
    )
