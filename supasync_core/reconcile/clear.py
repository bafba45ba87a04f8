"""Rows of the sink that the source does not have and that stand in its way: found, and removed with consent.

They did not come from the source as far as anybody knows, so nothing but a person's word removes them: those
of tables that were not copied yet, those whose unique value keeps a row of the source out, and the rows that
refer to either. A row that the source has as well is only among the latter; it is read again by its key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from supasync_core.api.backend import Reference
from supasync_core.model import transform
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import SchemaError
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.state import Quarantined, State
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.schema.foreign_keys import of_tables
from supasync_core.sync import made_rows
from supasync_core.sync.blocking_rows import in_the_way
from supasync_core.sync.quarantined import NOT_UNIQUE
from supasync_core.sync.removal import DeletePlan

_AGAIN = "it was removed by reconcile clear with the row that it referred to, and is read again"
MOST = 10_000
"""Rows of one table that are asked for one by one: a sink with more was filled by something else."""


@dataclass
class Clearing:
    """What stands in the way: by table the keys, and whether the source has a row with that key as well."""

    migration: Migration
    state: State
    rows: dict[str, dict[Key, bool]] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    """Tables that are left alone, since the source shows no row of them."""
    unknown: list[str] = field(default_factory=list)
    """Tables with rows that an earlier version quarantined, and did not keep what is in their way."""

    @property
    def tables(self) -> list[Table]:
        """The tables with such rows, parents first."""
        return [table for table in self.migration.settings.tables if self.rows.get(table.name)]

    def find(self, tables: Iterable[Table]) -> None:
        """Look for such rows in these tables, and in all for what refers to them; SchemaError: too many."""
        for table in tables:
            untouched = self.state.table(table.name).read_at is None
            keys = self._made(table) if untouched else self._blocking(table)
            self._add(table, dict.fromkeys(keys, False))
        references = of_tables(self.migration.sink, self.migration.settings.tables) if self.tables else []
        while any(self._referring(reference) for reference in references):
            pass

    def weighed(self) -> list[DeletePlan]:
        """The plan for `removal.remove`."""
        return [
            DeletePlan(
                table=table,
                keys=tuple(self.rows[table.name]),
                unproven=(),
                ceiling=len(self.rows[table.name]),
            )
            for table in self.tables
        ]

    def remembered(self, now: str) -> State:
        """The state in which those rows wait that the source has as well, so that they are read again."""
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
            raise SchemaError(
                f"{table.name}: NEW has {found.rows:,} rows before its first sync, more than {MOST:,}",
                table=table.name,
                hint="no trigger makes so many: look where they come from. Where all of them may go, empty "
                "the table in NEW's SQL editor; else leave it out: --table names the others",
            )
        if found.empty:
            self.empty.append(table.name)
            return ()
        return found.keys

    def _blocking(self, table: Table) -> Sequence[Key]:
        """The sink's rows that have the unique value of a row that is quarantined, and the source lacks."""
        aside = {
            row.key: row.columns
            for row in self.state.quarantine.get(table.name, ())
            if row.sqlstate == NOT_UNIQUE and row.columns
        }
        rows = self.state.quarantine.get(table.name, ())
        if any(row.sqlstate == NOT_UNIQUE and not row.columns for row in rows):
            self.unknown.append(table.name)
        found: list[Key] = []
        transforms = self.migration.transforms(table)
        for batch in self.migration.source.rows(table, table.key, list(aside)) if aside else ():
            changed = transform.apply(transforms, table, batch)
            for row, key in zip(changed.rows, table.keys(changed), strict=True):
                found += in_the_way(self.migration, table, row, aside.get(key, ()))
        return made_rows.lacking(self.migration, table, list(dict.fromkeys(found)))

    def _add(self, table: Table, keys: dict[Key, bool]) -> bool:
        """Whether there were others among them than are known."""
        known = self.rows.setdefault(table.name, {})
        new = {key: there for key, there in keys.items() if key not in known}
        known.update(new)
        return bool(new)

    def _referring(self, reference: Reference) -> bool:
        """Add the rows that refer by this key to what is to go; whether there were any."""
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
        """The sink's rows by these values, with their keys and these columns."""
        narrow = table.whole().narrowed((*table.key, *columns))
        return self.migration.sink.rows(narrow, by, values) if values else ()
