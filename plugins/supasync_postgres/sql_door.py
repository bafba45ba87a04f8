"""The door for SQL: a session on a side's database, for whoever needs more than its rows."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, Final

import psycopg

from supasync_core.api.copy_session import CopySession
from supasync_core.api.sql_session import ScriptResult
from supasync_core.model.errors import InternalError, RefusedError
from supasync_postgres.answer_limits import limited
from supasync_postgres.copy_out import MESSAGE, streamed
from supasync_postgres.database import PATIENCE, Database
from supasync_postgres.pg_failures import Failure, error_of
from supasync_postgres.transaction import Statement, Transaction

_LONGEST: Final = 900
"""Seconds that a statement of a script may take: one searches whole tables for their largest keys."""


class PgSession(CopySession):
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
        with self._patient(statement) as transaction:
            return transaction.fetch(statement)

    def copy_out(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> Generator[bytes, None, None]:
        statement = Statement(sql, values, purpose)
        received = 0
        with self._patient(statement) as transaction:
            query = psycopg.ClientCursor(transaction.connection).mogrify(sql.encode(), list(values))
            text = f"COPY ({query}) TO STDOUT".encode()
            try:
                with closing(streamed(transaction.connection, text)) as parts:
                    for part in parts:
                        received += len(part) + MESSAGE * part.count(b"\n")
                        yield part
            finally:
                transaction.count(purpose, len(text), received)

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        with self._patient(Statement("", purpose=purpose)) as transaction:
            return transaction.copy(f"COPY {place} FROM STDIN", parts, purpose)

    def script(self, sql: str) -> ScriptResult:
        project = self._database.project
        if self.read_only:
            raise RefusedError(f"{project} is only read: no script is run there")
        statement = Statement(sql, purpose="sql", writes=True, seconds=_LONGEST)
        return self._database.work(
            lambda transaction: _last(transaction.script(sql, statement.purpose)), statement, repeat=False
        )

    def transaction(self) -> AbstractContextManager[None]:
        return self._held(steady=False)

    def steady(self) -> AbstractContextManager[None]:
        return self._held(steady=True)

    def another(self) -> "PgSession":
        return PgSession(self._database)

    @contextmanager
    def _held(self, *, steady: bool) -> Iterator[None]:
        with self._database.held(Statement("", purpose="sql"), steady=steady) as transaction:
            self._open = transaction
            try:
                yield
            finally:
                self._open = None

    @contextmanager
    def _patient(self, statement: Statement) -> Iterator[Transaction]:
        """The transaction that is open, for a statement that ends in time or is given up."""
        if self._open is None:
            raise InternalError("rows are copied inside a transaction of the session")
        try:
            with limited(self._open.connection, 2 * statement.seconds + PATIENCE):
                yield self._open
        except psycopg.Error as err:
            raise error_of(Failure(self._database.project, err, None, statement.purpose)) from None

    def close(self) -> None:
        """Nothing stays open between transactions but what the side itself keeps."""


def _last(cursor: psycopg.Cursor[Any]) -> ScriptResult:
    columns = [each.name for each in cursor.description or ()]
    return ScriptResult(columns, cursor.fetchall() if columns else [])
