"""The door for SQL: a session on a side's database, for whoever needs more than its rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from supasync_core.api.sql_session import ScriptResult, SqlSession
from supasync_core.model.errors import RefusedError
from supasync_postgres.answer_limits import limited
from supasync_postgres.database import PATIENCE, Database
from supasync_postgres.pg_failures import Failure, error_of
from supasync_postgres.transaction import Statement, Transaction

_LONGEST: Final = 900
"""Seconds that a statement of a script may take: one searches whole tables for their largest keys."""


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
            with limited(self._open.connection, 2 * statement.seconds + PATIENCE):
                return self._open.fetch(statement)
        except psycopg.Error as err:
            raise error_of(Failure(self._database.project, err, None, purpose)) from None

    def script(self, sql: str) -> ScriptResult:
        project = self._database.project
        if self.read_only:
            raise RefusedError(f"{project} is only read: no script is run there")
        statement = Statement(sql, purpose="sql", writes=True, seconds=_LONGEST)
        return self._database.work(
            lambda transaction: _last(transaction.script(sql, statement.purpose)), statement, repeat=False
        )

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


def _last(cursor: psycopg.Cursor[Any]) -> ScriptResult:
    columns = [each.name for each in cursor.description or ()]
    return ScriptResult(columns, cursor.fetchall() if columns else [])
