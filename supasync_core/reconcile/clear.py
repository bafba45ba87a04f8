"""Rows of the sink that the source does not have and that block its rows: found, and removed with consent.

Nothing shows that they came from the source, so they are only removed when a person says so: the rows of
tables that were not copied yet, those whose unique value keeps a row of the source out, and the rows that
refer to either. Only the last may be rows that the source has as well; these are read again by their keys.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from supasync_core.api.backend import Reference
from supasync_core.model import transform
from supasync_core.model.batch import Batch, Key
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.state import Quarantined, State
from supasync_core.model.table import Table
from supasync_core.model.transform import SameColumns
from supasync_core.project.migration import Migration
from supasync_core.schema.foreign_keys import of_tables
from supasync_core.sync import made_rows
from supasync_core.sync.made_rows import in_the_way
from supasync_core.sync.quarantined import NOT_UNIQUE
from supasync_core.sync.removal import DeletePlan

_AGAIN = "reconcile clear removed it together with the row that it referred to; it is read again"
MOST = 10_000
"""Rows of one table that are looked up by key: a sink with more was filled by something else."""


@dataclass
class BlockingRows:
    """Rows in the way: by table their keys, and whether the source has a row with that key as well."""

    migration: Migration
    state: State
    rows: dict[str, dict[Key, bool]] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    """Tables that are left alone, because the source returned no rows of them."""
    unknown: list[str] = field(default_factory=list)
    """Tables with rows that an earlier version quarantined without noting what blocks them."""

    @property
    def tables(self) -> list[Table]:
        """The tables with such rows, parents first."""
        return [table for table in self.migration.settings.tables if self.rows.get(table.name)]

    def find(self, tables: Iterable[Table]) -> None:
        """Find such rows in these tables, and what refers to them in all; SchemaError for too many."""
        for table in tables:
            untouched = self.state.table(table.name).read_at is None
            keys = self._made(table) if untouched else self._blocking(table)
            self._add(table, dict.fromkeys(keys, False))
        references = of_tables(self.migration.sink, self.migration.settings.tables) if self.tables else []
        while any(self._referring(reference) for reference in references):
            pass

    def delete_plans(self) -> list[DeletePlan]:
        """The plans for `removal.remove`."""
        return [
            DeletePlan(
                table=table,
                keys=tuple(self.rows[table.name]),
                unproven=(),
                ceiling=len(self.rows[table.name]),
            )
            for table in self.tables
        ]

    def state_with_rereads(self, now: str) -> State:
        """The state in which rows that the source has as well wait in quarantine to be read again."""
        state = self.state
        for table in self.tables:
            known = {row.key: row for row in state.quarantine.get(table.name, ())}
            for key, there in self.rows[table.name].items():
                if there and key not in known:
                    known[key] = Quarantined(key, _AGAIN, None, now, waits=True)
            state = state.with_quarantine(table.name, tuple(known.values()))
        return state

    def _made(self, table: Table) -> Sequence[Key]:
        found = made_rows.look(self.migration, table, MOST)
        if found.rows > MOST:
            raise table.schema_error(
                f"NEW has {found.rows:,} rows before its first sync, more than {MOST:,}",
                hint="a trigger does not make that many: find out where they come from. If all may be "
                "removed, empty the table in NEW's SQL editor; otherwise leave it out: "
                "--table names the others",
            )
        if found.empty:
            self.empty.append(table.name)
            return ()
        return found.keys

    def _blocking(self, table: Table) -> Sequence[Key]:
        """The sink's rows that have the unique value of a quarantined row, and that the source lacks."""
        rows = [row for row in self.state.quarantine.get(table.name, ()) if row.sqlstate == NOT_UNIQUE]
        columns = {row.key: row.columns for row in rows if row.columns}
        if len(columns) < len(rows):
            self.unknown.append(table.name)
        found: list[Key] = []
        transforms, same = self.migration.transforms(table), SameColumns(self.state)
        for batch in self.migration.source.rows(table, table.key, list(columns)) if columns else ():
            changed = transform.apply(transforms, table, batch, same)
            for row, key in zip(changed.rows, table.keys(changed), strict=True):
                found += in_the_way(self.migration, table, row, columns.get(key, ()))
        return made_rows.lacking(self.migration, table, list(dict.fromkeys(found)))

    def _add(self, table: Table, keys: dict[Key, bool]) -> bool:
        """Whether any of them was new."""
        known = self.rows.setdefault(table.name, {})
        new = {key: there for key, there in keys.items() if key not in known}
        known.update(new)
        return bool(new)

    def _referring(self, reference: Reference) -> bool:
        """Add the rows that refer by this key to rows that are to be removed; whether there were any."""
        tables = {table.address: table for table in self.migration.settings.tables}
        child, parent = tables.get(reference.table), tables.get(reference.parent)
        if child is None or parent is None or not self.rows.get(parent.name):
            return False
        values = [
            texts
            for batch in self._narrow(parent, reference.theirs, parent.key, list(self.rows[parent.name]))
            for row in batch.rows
            if (texts := texts_of(row, reference.theirs))
        ]
        refer = self._narrow(child, child.key, reference.columns, values)
        known = self.rows.get(child.name, {})
        keys = [key for batch in refer for key in child.keys(batch) if key not in known]
        lacking = set(made_rows.lacking(self.migration, child, keys))
        return self._add(child, {key: key not in lacking for key in keys})

    def _narrow(
        self, table: Table, columns: Sequence[str], by: Sequence[str], values: Sequence[Key]
    ) -> Iterable[Batch]:
        narrow = table.whole().narrowed((*table.key, *columns))
        return self.migration.sink.rows(narrow, by, values) if values else ()
