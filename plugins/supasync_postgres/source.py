"""A database that rows come from: every transaction is READ ONLY."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from time import sleep as wait
from typing import Final

from supasync_core.api.backend import Remark, Survey
from supasync_core.api.registration import Context
from supasync_core.model.table import Table
from supasync_core.schema.catalog_warnings import inherited
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
