"""Rows as a stream of bytes between two databases: what a session of the door for SQL may offer, too.

Whoever copies many rows from one project to the other, and needs none of their values, asks both sessions::

    if isinstance(old, CopySession) and isinstance(new, CopySession):
        rows = "select id, name from app.people where id > %s"
        with old.steady(), new.transaction(), closing(old.copy_out(rows, [7])) as parts:
            new.copy_in("app.people (id, name)", parts)

Rows travel as PostgreSQL's COPY prints them under the settings of `supasync_core.api.sql_session`, and are
not decoded: every value arrives as OLD has it, whatever its type. Memory holds a part at a time.
"""

from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, Self, runtime_checkable

from supasync_core.api.sql_session import SqlSession


@runtime_checkable
class CopySession(SqlSession, Protocol):
    """A session that copies, too: an `SqlSession` may be one."""

    def copy_out(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> Generator[bytes, None, None]:
        """What COPY sends of the rows of a query, in parts of any size; inside a transaction alone.

        Parameters are marked as those of `query` are, and errors are the same. Whoever stops before the end
        closes the generator, and can only leave the transaction then.
        """
        ...

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        """Write what `copy_out` sends to ``place``, a table with its columns in brackets; the number of rows.

        Inside a transaction alone. Names are SQL, and a percent sign in them is not doubled. RowError where a
        row is refused, BatchTooLargeError where it takes too long; what ``parts`` raises is raised.
        """
        ...

    def steady(self) -> AbstractContextManager[None]:
        """A `transaction` all of whose statements see the database as it was when it began."""
        ...

    def another(self) -> Self:
        """A session on the same database, for another thread; it ends with the one that was asked for it."""
        ...
