"""The door for SQL: a session on a side's database, for whoever needs more than its rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from supasync_core.api.sql_session import SqlSession
from supasync_postgres.database import Database
from supasync_postgres.pg_failures import Failure, error_of
from supasync_postgres.transaction import Statement, Transaction


class PgSession(SqlSession):
    """A session as `supasync_core.api.sql_session` has it; each `transaction` has a connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: Transaction | None = None

    @property
    def read_only(self) -> bool:
        return self._database.read_only

    def query(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> list[tuple[Any, ...]]:
        statement = Statement(sql, values, purpose)
        if self._open is None:
            return self._database.work(
                lambda transaction: transaction.fetch(statement), statement, repeat=self.read_only
            )
        try:
            return self._open.fetch(statement)
        except psycopg.Error as err:
            raise error_of(Failure(self._database.project, err, None, purpose)) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._database.held(Statement("", purpose="sql")) as transaction:
            self._open = transaction
            try:
                yield
            finally:
                self._open = None

    def close(self) -> None:
        """Nothing stays open between transactions but what the side itself keeps."""
