"""Batches that wait to be merged together: one statement for many rows, not one for each page.

A merge looks at every key of its table: to merge page by page takes the square of the rows. And DuckDB
compresses what is added to a table that has rows twice: once to write it, once more at the checkpoint.
"""

from dataclasses import dataclass, field

from supasync_core.model.arrow_batch import ArrowBatch
from supasync_core.model.batch import Batch
from supasync_core.model.raw_columns import raw_columns
from supasync_core.model.table import Table
from supasync_core.staging.connection import transaction, translate_errors
from supasync_core.staging.duckdb_tables import schema_of
from supasync_core.staging.merge_rows import Merge
from supasync_core.staging.values import JSON, VARCHAR
from supasync_core.staging.write_rows import AT_ONCE, Part, Writer, joined, parts_of, refuse_keyless

MOST = 256_000_000
"""Bytes of rows that wait; with a quarter of that, a million rows take a third more CPU time (measured).

All but the last `AT_ONCE` are in a table in memory; where that is full, DuckDB moves it to temporary files.
"""
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

    merge: Merge
    parts: list[Part] = field(default_factory=list)
    """The latest ones, which are in no draft yet."""
    size: int = 0
    """Bytes of these."""
    drafted: int = 0
    """Bytes of the others."""

    def takes(self, table: Table, columns: tuple[str, ...]) -> bool:
        """Whether a batch can be merged together with these."""
        return (self.merge.table.key, self.merge.columns) == (table.key, columns)


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
    _drafts: int = 0
    """How many there were."""

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
        if isinstance(batch, ArrowBatch) and self._streamed(table, batch):
            return batch.count
        refuse_keyless(table, batch)
        cells = raw_columns(batch)
        columns = tuple(name for name in cells.texts if name not in table.exclude)
        if not self.writer.is_sound(batch, cells) or not self._may_wait(table, columns):
            self.merge(table)
            return self.writer.upsert(table, batch)
        waiting = self._waits(table, columns)
        waiting.parts += parts_of([cells.texts[name] for name in columns], len(batch.body))
        waiting.size += len(batch.body)
        if waiting.size >= AT_ONCE:
            self._draft(waiting)
        self._merge_many()
        return batch.count

    def _streamed(self, table: Table, batch: ArrowBatch) -> bool:
        """Whether the batch's cells went to the draft as they stand: they are sound."""
        columns = tuple(name for name in batch.columns if name not in table.exclude)
        if not self._may_wait(table, columns):
            return False
        waiting = self._waits(table, columns)
        self._draft(waiting)
        self.writer.add_stream(waiting.merge, batch.stream(columns))
        waiting.drafted += batch.size
        self._merge_many()
        return True

    def _waits(self, table: Table, columns: tuple[str, ...]) -> _Waiting:
        """What waits of the table, to be merged together with rows of these columns."""
        waiting = self._waiting.get(table.address)
        if waiting is None or not waiting.takes(table, columns):
            self.merge(table)
            self._drafts += 1
            merge = self.writer.begin(table, columns, f"supasync_waiting_{self._drafts}")
            waiting = self._waiting[table.address] = _Waiting(merge)
        return waiting

    def _draft(self, waiting: _Waiting) -> None:
        """Move the latest rows to the draft."""
        if waiting.parts:
            self.writer.add(waiting.merge, joined(waiting.parts))
            waiting.drafted += waiting.size
            waiting.parts, waiting.size = [], 0

    def _merge_many(self) -> None:
        if sum(each.drafted for each in self._waiting.values()) >= MOST:
            self.merge()

    def merge(self, table: Table | None = None) -> None:
        """Merge what waits, of all tables or of this one; what cannot be merged waits on."""
        for address in list(self._waiting) if table is None else [table.address]:
            if waiting := self._waiting.get(address):
                self._draft(waiting)
                self.writer.merge(waiting.merge)
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
