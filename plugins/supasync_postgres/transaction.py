"""Statements of one transaction, their answers, and what each of them costs."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import psycopg
from psycopg import sql

from supasync_core.model.table import Table

Connection = psycopg.Connection[Any]

TIMEOUT: Final = 120
"""Seconds after which the server cancels a statement."""
MOST_ROWS: Final = 1_000_000
"""Rows of one answer: no statement asks for so many, and each takes memory beside its bytes."""
_MESSAGE: Final = 7
"""Bytes of a row's message beside its values; each value has four more (documentation, 55.7)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its text with ``%s`` for each value, and what it is for."""

    text: str
    values: Sequence[object] = ()
    purpose: str = "read"
    table: Table | None = None
    alone: bool = False
    """Whether it may hold SQL of the user's own: it is then sent by itself, so that it cannot be two."""
    writes: bool = False
    """Whether triggers of NEW may run in its transaction, which look names up on the user's own path.

    Everywhere else names are looked up in PostgreSQL's catalog alone: a function of somebody else's in
    ``public`` would be taken for the server's own where its types match better.
    """
    seconds: int = TIMEOUT
    """After which the server cancels it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of an answer: each value as the server printed it, None for NULL."""

    rows: Sequence[Sequence[bytes | None]]
    affected: int = 0

    def text(self, row: int = 0, column: int = 0) -> str:
        """A value that is not NULL."""
        value = self.rows[row][column]
        assert value is not None  # noqa: S101 - the statement's own promise
        return value.decode()


class Transaction:
    """Statements of one transaction, each counted."""

    def __init__(self, connection: Connection, count: Callable[[str, int, int], None]) -> None:
        self.connection = connection
        self.begun = Found(())
        """The answer to the last statement that travelled with the beginning."""
        self.count = count

    def begin(self, text: str, purpose: str) -> None:
        """Run the statements that begin it, in one request."""
        try:
            cursor = self.connection.execute(text.encode())
            while cursor.nextset():
                pass
            self.begun = found_of(cursor)
        finally:
            self.count(purpose, len(text), size_of(self.begun))

    def script(self, text: str, purpose: str) -> psycopg.Cursor[Any]:
        """Run statements without values, in one request; the cursor is that of the last one."""
        self.count(purpose, len(text), 0)
        cursor = self.connection.execute(text.encode())
        while cursor.nextset():
            pass
        return cursor

    def copy(self, statement: str, parts: Iterable[bytes], purpose: str) -> int:
        """Send rows by COPY, in parts of any size; how many of them were written."""
        sent = len(statement)
        cursor = self.connection.cursor()
        try:
            with cursor.copy(statement.encode()) as copying:
                for part in parts:
                    sent += len(part)
                    copying.write(part)
        finally:
            self.count(purpose, sent, 0)
        return cursor.rowcount

    def run(self, statement: Statement) -> Found:
        """Run one statement, which cannot be two."""
        return self._executed(statement)[1]

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        """The rows of one statement, each value as Python has it."""
        cursor, _ = self._executed(statement)
        return cursor.fetchall() if cursor.description else []

    def _executed(self, statement: Statement) -> tuple[psycopg.Cursor[Any], Found]:
        sent = len(statement.text) + sum(len(str(value)) for value in statement.values)
        cursor = self.connection.cursor()
        found = Found(())
        # Without values libpq would take several statements for one, but not in a pipeline.
        single = nullcontext() if statement.values else self.connection.pipeline()
        try:
            with single:
                cursor.execute(statement.text.encode(), list(statement.values), prepare=False)
            found = found_of(cursor)
        finally:
            self.count(statement.purpose, sent, size_of(found))
        return cursor, found


def found_of(cursor: psycopg.Cursor[Any]) -> Found:
    """The rows that a cursor has, none of them decoded; ProgramLimitExceeded for more than `MOST_ROWS`."""
    result = cursor.pgresult
    assert result is not None  # noqa: S101 - something was executed
    if result.ntuples > MOST_ROWS:
        raise psycopg.errors.ProgramLimitExceeded(f"the answer has {result.ntuples:,} rows")
    rows = [[result.get_value(i, j) for j in range(result.nfields)] for i in range(result.ntuples)]
    return Found(rows, max(cursor.rowcount, 0))


def size_of(found: Found) -> int:
    """The bytes of these rows as PostgreSQL sends them, without what TLS adds."""
    values = list(chain.from_iterable(found.rows))
    return _MESSAGE * len(found.rows) + 4 * len(values) + sum(map(len, filter(None, values)))


def literal(text: str) -> str:
    """A text as SQL."""
    return sql.Literal(text).as_string(None)
