"""What a refused foreign key points to, and which rows have no parent there.

Column pairs come from the sink's catalog, else from what its description tells of single columns. They are
never guessed by order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from supasync_core.api.backend import Reference, Referential
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import RowError
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration


@dataclass(frozen=True, slots=True)
class Link:
    """A foreign key: its ``columns`` point to ``theirs`` of the ``parent``.

    ``parent`` is None where that is not a table of tables.yaml; ``other`` is its name for people, with the
    schema where that is known. ``reference`` is the key as the sink's catalog has it.
    """

    columns: tuple[str, ...]
    parent: Table | None
    theirs: tuple[str, ...]
    other: str
    reference: Reference | None = None


@dataclass
class Parents:
    """Knows the sink's foreign keys; they are asked for once in a run, at the first refusal."""

    migration: Migration
    known: Sequence[Reference] | None = None
    asked: bool = False
    blind: bool = False
    """Whether the sink could not tell which rows lack a parent that is not a table of tables.yaml."""
    elsewhere: set[tuple[str, str | None, tuple[str, ...]]] = field(default_factory=set)
    """Keys that were found to point to no table of tables.yaml, though one has that name."""
    lock: Lock = field(default_factory=Lock)

    def link(self, table: Table, err: RowError) -> Link | None:
        """What the refused key points to; None where nothing tells the pairs of its columns."""
        reference = self._reference(table, err)
        if reference:
            schema, name = reference.parent
            found = (each for each in self.migration.settings.tables if each.address == (schema, name))
            other = printed_parent(reference)
            return Link(reference.columns, next(found, None), reference.theirs, other, reference)
        return self._by_name(table, err)

    def lacking(self, link: Link, batch: Batch) -> set[Key] | None:
        """The values of the key's columns that have no parent in the sink; None where it cannot tell."""
        values = sorted({key for row in batch.rows if (key := texts_of(row, link.columns))})
        if link.reference and isinstance(self.migration.sink, Referential):
            found = self.migration.sink.orphans(link.reference, values)
            if found is not None:
                return found
        if link.parent is None:
            self.blind = True
            return None
        keys_only = link.parent.whole().narrowed((*link.parent.key, *link.theirs))
        present = self.migration.sink.rows(keys_only, link.theirs, values)
        return set(values) - {texts_of(row, link.theirs) for each in present for row in each.rows}

    def points_elsewhere(self, table: Table, link: Link, err: RowError) -> Link:
        """Keep in mind that the key points to another table of that name."""
        self.elsewhere.add((table.name, err.constraint, err.columns))
        return replace(link, parent=None)

    def references(self) -> Sequence[Reference] | None:
        """The foreign keys of all tables of tables.yaml; None where the sink cannot tell."""
        with self.lock:
            if not self.asked:
                sink = self.migration.sink
                tables = self.migration.settings.tables
                self.known = sink.references(tables) if isinstance(sink, Referential) else None
                self.asked = True
            return self.known

    def _reference(self, table: Table, err: RowError) -> Reference | None:
        """By the constraint's name, else by the columns that the refusal names."""
        own = [each for each in self.references() or () if each.table == table.address]
        named = [each for each in own if each.name == err.constraint and each.parent[1] == err.other]
        same = [each for each in own if each.columns == err.columns and each.parent[1] == err.other]
        return next(iter(named or same), None)

    def _by_name(self, table: Table, err: RowError) -> Link | None:
        other = err.other or ""
        tables = [each for each in self.migration.settings.tables if each.relation == other]
        parent = next((each for each in tables if each.schema == table.schema), next(iter(tables), None))
        if parent is None or (table.name, err.constraint, err.columns) in self.elsewhere:
            return Link(err.columns, None, (), other)
        if len(err.columns) > 1:
            return None
        column = self.migration.sink.shape(table).column(err.columns[0])
        if column and column.refers and column.refers[0] == other:
            return Link(err.columns, parent, (column.refers[1],), other)
        return Link(err.columns, parent, parent.key, other) if len(parent.key) == 1 else None


def printed_parent(reference: Reference) -> str:
    """The parent's name, with its schema where that is another one."""
    schema, name = reference.parent
    return name if schema == reference.table[0] else f"{schema}.{name}"


def reason(table: Table, link: Link, err: RowError) -> RowError:
    """Why the row waits, and the ways out that apply."""
    columns = ", ".join(link.columns)
    way = f"copy its rows of {link.other} to NEW"
    if link.parent:
        way = f"that row of {link.parent.name} is waiting or refused itself: supasync quarantine list"
    elif link.other == "auth.users" or (link.reference is None and link.other == "users"):
        way = "copy the accounts to NEW: supasync auth sync"
    elif "." not in link.other:
        way = f"add {link.other} to tables.yaml, or copy its rows to NEW"
    tried = "every run tries the row again"
    dropped = f"or drop the foreign key on {columns} until the switch: supasync schema sql --foreign-keys off"
    return RowError(
        f"{table.name}: waits for its parent in {link.other}, which is not in NEW: {columns} refers to it",
        table=table.name,
        hint="; ".join([tried, way] if link.parent else [tried, way, dropped]),
        sqlstate=err.sqlstate,
        columns=err.columns,
        value=err.value,
        other=err.other,
    )
