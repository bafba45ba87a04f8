"""A database that rows go to: upserts of whole batches, each one transaction."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import sleep as wait
from typing import Final

from supasync_core.api.backend import Reference, Remark, Unique
from supasync_core.api.registration import Context
from supasync_core.api.row_formats import PG_COPY
from supasync_core.api.sql_backend import refuse_unknown
from supasync_core.api.state_store import LEASE
from supasync_core.model.batch import Batch
from supasync_core.model.errors import BatchTooLargeError, RowError, TakenOverError
from supasync_core.model.last_rows import last_of_each_key
from supasync_core.model.table import Table
from supasync_core.schema import catalog_warnings
from supasync_core.schema.catalog_parts import references_of, uniques_of
from supasync_postgres import new_functions
from supasync_postgres.catalog import PgColumn
from supasync_postgres.copy_text import copy_text
from supasync_postgres.copy_writer import FEWEST, Copying, ends_of, stage
from supasync_postgres.page_query import relation
from supasync_postgres.pg_rows import AT_ONCE, PgRows
from supasync_postgres.replica_role import ORIGIN, SET, ReplicaRole, checked_between, refuse_orphans
from supasync_postgres.transaction import Statement, Transaction, literal
from supasync_postgres.upsert_statement import Upsert, upsert

LARGEST: Final = 16_000_000
"""Bytes of one batch."""
_WRITES: Final = (
    "SELECT pg_catalog.set_config('supasync.writes', 'on', true), "
    f"pg_catalog.set_config('idle_in_transaction_session_timeout', '{LEASE}s', true)"
)
"""A run that sleeps amid its write must not hold the lock of all writes for longer than its lease."""
_SHARED: Final = (
    "SELECT pg_catalog.pg_advisory_xact_lock_shared("
    "pg_catalog.hashtextextended('public.sync_metadata: writes', 0))"
)
_NEWEST: Final = (
    "SELECT m.run_id::text, m.sync_status FROM public.sync_metadata m WHERE m.run_id IS NOT NULL "
    "ORDER BY m.seq DESC LIMIT 1"
)
"""The last of the first statements: behind the lock, since each of them sees what was committed before it."""


class PostgresSink(PgRows):
    """Merges batches by the table's key: one statement, one transaction."""

    def __init__(self, context: Context, sleep: Callable[[float], None] = wait) -> None:
        super().__init__(context, read_only=False, sleep=sleep)
        self._fence = context.fence
        self._note = context.note
        self._replica = ReplicaRole(self.database)
        self._copying = Copying()
        self._computed: dict[tuple[str, str], frozenset[str]] = {}

    def computed(self, table: Table) -> frozenset[str]:
        return self._computed.get(table.address, frozenset())

    def row_formats(self, table: Table) -> Sequence[str]:
        """COPY, into a table of its own."""
        return [PG_COPY] if self.catalog.table(table).stored else []

    def remarks(self, tables: Sequence[Table]) -> Sequence[Remark]:
        """What NEW's functions tell; identity columns of the key take OLD's numbers and need nothing."""
        structure = new_functions.structure(self.database, tables)
        found = catalog_warnings.of_catalog(tables, structure, catalog_warnings.inserted_identity)
        return [*super().remarks(tables), *self._replica.remarks(tables, found)]

    def references(self, tables: Sequence[Table]) -> Sequence[Reference] | None:
        return references_of(new_functions.structure(self.database, tables))

    def referring(self, tables: Sequence[Table]) -> Sequence[Reference] | None:
        return references_of(new_functions.structure(self.database, tables), "referring")

    def uniques(self, tables: Sequence[Table]) -> Mapping[tuple[str, str], Sequence[Unique]] | None:
        return uniques_of(new_functions.structure(self.database, tables), tables)

    def orphans(self, reference: Reference, values: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]] | None:
        return new_functions.orphans(self.database, reference, values)

    def upsert(self, table: Table, batch: Batch) -> int:
        """Write all rows or none; columns that the table computes itself are left out and noted.

        An identity column that takes no number but of a new row is one of those as `computed` has them.
        """
        if not batch.count:
            return 0
        rows = last_of_each_key(table, batch)
        if rows.count < batch.count:
            key = ", ".join(table.key)
            self._note(f"{table.name}: several rows have the same key ({key}), only the last is kept")
        if rows.size > LARGEST and rows.count > 1:
            what = f"{table.name}: {rows.size:,} bytes are too many for one statement"
            raise BatchTooLargeError(RowError(what, table=table.name))
        columns = self._written(table, rows.columns)
        stored = rows.count >= FEWEST and self.catalog.table(table).stored
        text = copy_text(columns, rows) if stored else None
        merging = upsert(table, columns, rows, text, self._replica.keys(table))

        def write(transaction: Transaction) -> None:
            self._hold_lease(transaction)
            written = self._merged(transaction, table, merging, rows)
            if written != rows.count and merging.counts_all:
                raise table.schema_error(
                    f"{self.database.project} wrote {written} of {rows.count} rows",
                    hint="a trigger or rule on the table drops rows: change or drop it",
                )

        first = partial(self._first, SET) if merging.replica else self._first
        self.database.work(write, merging.statement, first=first, lost=self._fence.lost)
        return batch.count

    def _merged(self, transaction: Transaction, table: Table, merging: Upsert, rows: Batch) -> int:
        """Write the rows; how many were written."""
        if merging.text is not None:
            direct = self._direct(transaction, table, merging, rows)
            if direct is not None:
                return direct
            stage(transaction, merging.columns, merging.text)
        found = transaction.run(merging.statement)
        if not merging.keys:
            return found.affected
        refuse_orphans(found, merging.keys, table, self.database.project)
        return int(found.text())

    def _direct(self, transaction: Transaction, table: Table, merging: Upsert, rows: Batch) -> int | None:
        """Write them straight into the table, and check its foreign keys; None where that cannot be done.

        They are checked by a query where the rows lie between two keys, else by PostgreSQL itself, row by
        row, which takes longer, and may only be where no trigger of NEW would fire.
        """
        if not self._copying.takes(transaction, table):
            return None
        ends = ends_of(table, merging.columns, rows) if merging.keys else None
        alone = bool(merging.keys) and ends is None
        if alone and not self._replica.is_quiet(transaction, table):
            return None
        role = ORIGIN if alone else ""
        written = self._copying.direct(transaction, table, merging.columns, merging.text or b"", role)
        if written is not None and ends is not None:
            found = transaction.run(checked_between(table, merging.keys, ends))
            refuse_orphans(found, merging.keys, table, self.database.project)
            if int(found.text()) < written:
                raise table.schema_error(f"{self.database.project} has other keys than were written")
        return written

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Remove the rows of these keys: all of them or none, and never more than were named."""
        wanted = table.exact_keys(keys)
        if not wanted:
            return 0
        parts = [self._deletion(table, wanted[at : at + AT_ONCE]) for at in range(0, len(wanted), AT_ONCE)]

        def remove(transaction: Transaction) -> int:
            self._hold_lease(transaction)
            removed = sum(transaction.run(part).affected for part in parts)
            if removed > len(wanted):
                raise table.schema_error(
                    f"{removed} rows have one of {len(wanted)} keys, none was deleted",
                    hint=f"({', '.join(table.key)}) names several rows there: declare a unique key",
                )
            return removed

        return self.database.work(remove, parts[0], first=self._first, lost=self._fence.lost)

    def _deletion(self, table: Table, keys: Sequence[Sequence[str]]) -> Statement:
        refuse_unknown(table, self._known(table), table.key)
        sql = self._window(table)
        text = f"DELETE FROM {relation(table)} WHERE {sql.any_of(table.key, keys)}"  # noqa: S608 - names are quoted
        return Statement(text, list(sql.parameters.values), "delete", table, writes=True)

    def _first(self, *more: str) -> Sequence[str]:
        """What every write begins with: the lease is still ours, and guards of NEW know who writes."""
        self._fence.ask()
        if not self._fence.run:
            return [_WRITES, *more]
        headers = json.dumps({"x-supasync": "write", "x-supasync-run": self._fence.run})
        told = f"SELECT pg_catalog.set_config('request.headers', {literal(headers)}, true)"
        return [_WRITES, told, _SHARED, *more, _NEWEST]

    def _hold_lease(self, transaction: Transaction) -> None:
        """TakenOverError where another run has the lease; one that takes it waits for this transaction."""
        if self._fence.run and transaction.begun.rows[:1] != [[self._fence.run.encode(), b"running"]]:
            raise TakenOverError

    def _written(self, table: Table, names: Sequence[str]) -> list[PgColumn]:
        """The columns of the batch that the table takes; SchemaError for one that it does not have."""
        named: Mapping[str, PgColumn] = self.catalog.table(table).named
        wanted = [name for name in names if name not in table.exclude]
        refuse_unknown(table, [column.told for column in named.values()], [*wanted, *table.key])
        computed = [name for name in wanted if named[name].computed]
        for name in computed:
            self._note(f"{table.name}: {self.database.project} computes {name} itself")
        if set(computed) & set(table.key):
            raise table.schema_error(f"{self.database.project} computes a column of the key itself")
        unchanged = [name for name in wanted if named[name].always and name not in table.key]
        self._computed[table.address] = self.computed(table) | {*computed, *unchanged}
        return [named[name] for name in wanted if name not in computed]
