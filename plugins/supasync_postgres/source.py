"""A database that rows come from: every transaction is READ ONLY."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from time import sleep as wait
from typing import Final

from supasync_core.api.backend import Remark, Survey
from supasync_core.api.keyless_tables import PLACE, KeylessTables, of_a_view
from supasync_core.api.registration import Context
from supasync_core.api.row_formats import PG_COPY
from supasync_core.model.batch import Batch, Cursor, Key, Keyset, Span, Window
from supasync_core.model.copy_batch import CopyBatch
from supasync_core.model.page_order import ends_range
from supasync_core.model.table import Shape, Table
from supasync_core.schema.catalog_warnings import inherited
from supasync_postgres.copy_pages import CopyPages, travels
from supasync_postgres.page_query import in_json, name_of, relation
from supasync_postgres.pg_rows import PgRows
from supasync_postgres.survey import Asked, survey
from supasync_postgres.transaction import Statement

_CHILDREN: Final = """
select o.nspname, c.relname from pg_inherits i
join pg_class p on p.oid = i.inhparent and p.relkind = 'r'
join pg_namespace n on n.oid = p.relnamespace
join pg_class c on c.oid = i.inhrelid
join pg_namespace o on o.oid = c.relnamespace
where n.nspname = %s and p.relname = %s order by 1, 2
"""


class PostgresSource(PgRows):
    """Only ever read, which the server itself enforces."""

    def __init__(self, context: Context, sleep: Callable[[float], None] = wait) -> None:
        super().__init__(context, read_only=True, sleep=sleep)
        self._bytes: int | None = None
        self._copy = CopyPages(self)
        self._keyless = KeylessTables(self._placed, super().rows, super().shape, super().count)

    def takes_row_keys(self) -> bool:
        return True

    def shape(self, table: Table) -> Shape:
        return self._keyless.described(table)

    def read(self, table: Table, window: Window) -> Batch:
        return self._keyless.paged(table, window)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        return self._keyless.matching(table, columns, values)

    def count(self, table: Table, window: Window | None = None) -> int:
        return self._keyless.counted(table, window)

    def _placed(self, table: Table, window: Window) -> Batch:
        """A page of any table, also in the order of its rows' places."""
        if table.key == (PLACE,) and not self.catalog.table(table).stored:
            raise of_a_view(table, "its rows have no place")
        return super().read(table, window)

    def row_formats(self, table: Table) -> Sequence[str]:
        """COPY, but for types that only PostgreSQL turns into JSON, and beside SQL of the user's own.

        Such a filter is sent as a statement with values, which cannot be two; COPY takes none.
        """
        if table.where is not None or self._keyless.makes(table):
            return []
        return [PG_COPY] if travels(self.chosen(table)) else []

    def read_in(self, row_format: str, table: Table, window: Window) -> CopyBatch:
        """One page of the window as COPY prints it."""
        return self._copy.page(table, window)

    def key_behind(self, table: Table, after: Key, rows: int) -> Key | None:
        """The key of the row that is so many rows behind: the server counts them in its index."""
        if self._keyless.makes(table):
            return None
        sql = self.checked(table, None)
        behind = Cursor(None, after) if after else None
        place = Window((Span(Keyset(None, table.marks), after=behind),), limit=1)
        row = f"SELECT {', '.join(map(name_of, table.key))} FROM {relation(table)} {sql.page(place)}"  # noqa: S608 - names are quoted
        named = self.catalog.table(table).named
        names = ", ".join(in_json(named[name], name_of(name)) for name in table.key)
        text = f"SELECT {names} FROM ({row} OFFSET {rows - 1:d}) found"  # noqa: S608 - the same
        found, _ = self.asked(table, text, sql, "read")
        key = tuple(text.decode() for text in found.rows[0] if text is not None) if found.rows else ()
        return key if len(key) == len(table.key) and ends_range(key) else None

    def survey(self, asked: Asked) -> Survey | None:
        """What the server tells of all tables: the horizon of open transactions, and each table's extent."""
        found, self._bytes = survey(self.database, self.catalog, asked)
        return found

    def database_bytes(self) -> int | None:
        return self._bytes

    def consistent(self) -> AbstractContextManager[None]:
        """Within it, everything is read on one exported snapshot."""
        return self.snapshot.held()

    def remarks(self, tables: Sequence[Table]) -> Sequence[Remark]:
        """A problem for each table that shows rows of tables which inherit from it; partitions are none."""
        found = list(super().remarks(tables))
        for table in tables:
            rows = self.database.one(Statement(_CHILDREN, table.address, "schema")).rows
            if children := [name.decode() for _, name in rows if name]:
                found.append(inherited(table, children, self.database.project))
        return found
