"""The door for SQL: a side that is a PostgreSQL opens sessions on it for whoever needs more than rows.

A command or another plugin asks the side, and imports no backend for that::

    if isinstance(migration.source, SqlSpeaking):
        with closing(migration.source.sql()) as session:
            [(count,)] = session.query("select count(*) from auth.users where created_at < %s", [moment])

A session of OLD is read-only by the server's own means. Every session prints values in one way, whatever the
settings of its database: ``PINNED`` holds the settings, and row level security hides no row (it is an error).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

PINNED: Final = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "xmlbinary": "base64",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "gin_fuzzy_search_limit": "0",
    "row_security": "off",
    "search_path": "pg_catalog, pg_temp",
}
"""Settings that each session of the door has, by name: all by which whoever owns a database or a role could
change what is read, written or understood.

A GIN index returns a part of the rows under ``gin_fuzzy_search_limit``; without ``array_nulls`` a NULL in an
array is read as a text. The encoding is agreed on when a connection is opened. What changes speed, waiting,
places of files or messages alone is left to the database.

Nothing but PostgreSQL's own catalog is on the path: whoever may create a function in ``public`` could else
have it run, for an exact match comes before the server's own. So all else is named with its schema.
"""


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """The columns and the rows of a script's last statement."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


class SqlSession(Protocol):
    """One session, for one thread at a time; whoever opened it closes it."""

    @property
    def read_only(self) -> bool:
        """Whether the server refuses every write of this session."""
        ...

    def query(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> list[tuple[Any, ...]]:
        """The rows of one statement; parameters are marked ``%s``, a percent sign of the SQL is ``%%``.

        Its bytes count in the ledger under the ``purpose``. Without `transaction` it is a transaction of its
        own, and one that only reads is repeated where its connection is lost. Errors are supasync's:
        RefusedError without the right, SchemaError for what is not there, RowError where rows are refused,
        TransientError where it may work later.
        """
        ...

    def script(self, sql: str) -> ScriptResult:
        """Run statements without values as one transaction; what the last of them returns.

        Nothing is repeated, and of a script that fails nothing stays. RefusedError where the session only
        reads: a script could end the transaction that is READ ONLY.
        """
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """The statements inside are one transaction; nothing of it is repeated."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@runtime_checkable
class SqlSpeaking(Protocol):
    """A source or sink that is a PostgreSQL and opens sessions on it."""

    def sql(self) -> SqlSession:
        """A new session: a source's is read-only, a sink's can write. Nothing is asked yet."""
        ...
