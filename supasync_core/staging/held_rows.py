"""Batches that wait to be merged together: one statement for many rows, not one for each page.

A merge looks at every key of its table: to merge page by page takes the square of the rows.
"""

from dataclasses import dataclass, field

from supasync_core.model.batch import Batch
from supasync_core.model.raw_columns import raw_columns
from supasync_core.model.table import Table
from supasync_core.staging.connection import transaction, translate_errors
from supasync_core.staging.duckdb_tables import schema_of
from supasync_core.staging.values import JSON, VARCHAR
from supasync_core.staging.write_rows import Part, Writer, joined, parts_of, refuse_keyless

MOST = 64_000_000
"""Bytes of rows that wait; with half as many, a million rows take an eighth more CPU time (measured)."""
_CONSTRAINED = """
SELECT 1 FROM duckdb_constraints()
WHERE database_name = current_database() AND schema_name = $schema AND table_name = $name
UNION ALL SELECT 1 FROM duckdb_indexes()
WHERE database_name = current_database() AND schema_name = $schema AND table_name = $name
"""

_Address = tuple[str, str]


@dataclass
class _Waiting:
    """Rows of one table that have the same columns."""

    table: Table
    columns: tuple[str, ...]
    parts: list[Part] = field(default_factory=list)
    bytes: int = 0

    def takes(self, table: Table, columns: tuple[str, ...]) -> bool:
        """Whether a batch can be merged together with these."""
        return (self.table.key, self.columns) == (table.key, columns)


@dataclass
class HeldRows:
    """What was written to the tables of one ``writer`` and waits, for one thread at a time.

    Only what cannot be refused later waits: valid JSON, on its way to a table that has texts alone, and no
    constraint. Whatever else is merged at once.
    """

    writer: Writer
    _waiting: dict[_Address, _Waiting] = field(default_factory=dict)
    _columns: dict[_Address, frozenset[str]] = field(default_factory=dict)
    """The columns of each table, none of a table whose rows may not wait."""

    def __contains__(self, table: Table) -> bool:
        """Whether rows of the table wait."""
        return table.address in self._waiting

    def __len__(self) -> int:
        """The tables of which rows wait."""
        return len(self._waiting)

    def take(self, table: Table, batch: Batch) -> int:
        """Write all rows of the batch or none, as `Writer.upsert` does, at once or by the next `merge`."""
        if not batch.count:
            return 0
        refuse_keyless(table, batch)
        cells = raw_columns(batch)
        columns = tuple(name for name in cells.texts if name not in table.exclude)
        if not self.writer.is_sound(batch, cells) or not self._may_wait(table, columns):
            self.merge(table)
            return self.writer.upsert(table, batch)
        waiting = self._waiting.get(table.address)
        if waiting is None or not waiting.takes(table, columns):
            self.merge(table)
            waiting = self._waiting[table.address] = _Waiting(table, columns)
        waiting.parts += parts_of([cells.texts[name] for name in columns], len(batch.body))
        waiting.bytes += len(batch.body)
        if sum(each.bytes for each in self._waiting.values()) >= MOST:
            self.merge()
        return batch.count

    def merge(self, table: Table | None = None) -> None:
        """Merge what waits, of all tables or of this one; what cannot be merged waits on."""
        for address in list(self._waiting) if table is None else [table.address]:
            if waiting := self._waiting.get(address):
                self.writer.merge(waiting.table, waiting.columns, joined(waiting.parts))
                del self._waiting[address]

    def knows(self, table: Table) -> bool:
        """Whether the table was looked at."""
        return table.address in self._columns

    def forget(self, table: Table) -> None:
        """Look at the table again, which somebody else has changed."""
        self._columns.pop(table.address, None)

    def _may_wait(self, table: Table, columns: tuple[str, ...]) -> bool:
        """Whether nothing of the table refuses a text in these columns, which it has afterwards."""
        known = self._columns.get(table.address)
        if known is None or not known.issuperset(columns):
            known = self._columns[table.address] = self._taking(table, columns)
        return known.issuperset(columns)

    def _taking(self, table: Table, columns: tuple[str, ...]) -> frozenset[str]:
        connection = self.writer.connection
        with translate_errors(self.writer.path, table), transaction(connection):
            kinds = self.writer.prepared(table, columns)
            named = {"schema": schema_of(table), "name": table.relation}
            constrained = connection.execute(_CONSTRAINED, named).fetchone()
        free = constrained is None and all(kind in (JSON, VARCHAR) for kind in kinds.values())
        return frozenset(kinds) if free else frozenset()
