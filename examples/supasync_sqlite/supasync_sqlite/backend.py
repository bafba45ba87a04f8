"""SQLite: a file that another program fills (source), or that supasync fills (sink and state store).

A sink keeps each cell as its JSON text, in columns of the type ``JSON_TEXT``; whole numbers and the columns
of the key have SQLite's own types, so that the key is an index that other programs can use too.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from supasync_core.api.base import LocalClock
from supasync_core.api.sql_backend import SqlDatabase, SqlSource
from supasync_core.api.sql_sink import SqlSink
from supasync_core.api.sql_store import SqlStore
from supasync_core.api.sql_window import SqlWindow
from supasync_core.model import raw_json
from supasync_core.model.errors import SchemaError, SupasyncError
from supasync_core.model.page_order import ordinal, ordinal_of
from supasync_core.model.pg_types import INTEGERS
from supasync_core.model.table import Column, Table

RAW = "JSON_TEXT"
"""The type of columns that hold a cell's JSON text: SQLite leaves a type with TEXT in its name as it is."""


class SqliteDatabase(SqlDatabase):
    """One file; ``place`` is its path."""

    driver = sqlite3
    mode = "rwc"

    def connect(self) -> sqlite3.Connection:
        """Each statement commits by itself, unless it stands in `transaction`."""
        uri = f"{self.place.absolute().as_uri()}?mode={self.mode}"
        opened = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        for name, function in (("ordinal", ordinal), ("plain", str)):
            opened.create_function(f"supasync_{name}", 1, _of_text(function), deterministic=True)
        return opened

    def columns(self, table: Table) -> Sequence[Column] | None:
        """The columns as declared; the type of cells that are kept as JSON is not known."""
        if self.mode == "rwc" and not self.place.exists():
            return None
        found = self.execute("SELECT name, type, pk FROM pragma_table_info(?)", [table.relation]).fetchall()
        return [
            Column(n, None if kind == RAW else kind or "ANY", key=bool(pk)) for n, kind, pk in found
        ] or None

    def failed(self, err: Exception, name: str | None) -> SupasyncError:
        """SQLite's texts name columns and never hold values."""
        if not isinstance(err, sqlite3.OperationalError) or "locked" in str(err):
            return super().failed(err, name).amended(message=f"{name or self.place}: {err}")
        hint = "a value that rows are ordered by is not a timestamp" if "user-defined" in str(err) else None
        return SchemaError(f"{name or self.place}: {err}", table=name, hint=hint)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("BEGIN IMMEDIATE")
        with self.connection:  # which commits, or rolls back
            yield


class SqliteWindow(SqlWindow):
    """SQLite has no timestamps: two texts of one moment are made equal by a function of Python's."""

    def ordered(self, name: str) -> str:
        column = self.column(name)
        return column if self.types[name] == "INTEGER" else f"supasync_ordinal({column})"

    def bound(self, name: str, text: str) -> str:
        return self.parameters.bind(ordinal_of(self.table, name, text))

    def plain(self, name: str) -> str:
        column, kind = self.column(name), self.types[name]
        texts = {None: f"supasync_plain({column})", "INTEGER": column, "TEXT": f"{column} COLLATE BINARY"}
        return texts.get(kind, f"CAST({column} AS TEXT) COLLATE BINARY")


class SqliteSource(SqliteDatabase, LocalClock, SqlSource):
    """Reads a file, and never writes to it: SQLite itself refuses that."""

    mode = "ro"
    conditions = SqliteWindow

    def cell(self, value: object, column: Column) -> str:
        if value is not None and column.type is None:
            return str(value)
        boolean = value in (0, 1) and str(column.type).upper().startswith("BOOL")
        return super().cell(bool(value) if boolean else value, column)


class SqliteSink(SqliteSource, SqlSink):
    """Writes to a file; a table that is not there yet is created with the first batch."""

    mode = "rwc"

    def kind(self, table: Table, name: str, source: str) -> str:
        return "INTEGER" if source.lower() in INTEGERS else "TEXT" if name in table.key else RAW

    def parameter(self, cell: str, column: Column) -> object:
        return cell if column.type is None and cell != "null" else super().parameter(cell, column)


class SqliteStore(SqliteDatabase, SqlStore):
    """The journal, in the file of the sink."""


def _of_text(function: Callable[[str], str | float]) -> Callable[[object], str | float | None]:
    """The function of the text of a JSON cell, or of any other value; NULL of NULL."""
    return lambda value: None if value is None else function(raw_json.plain(str(value)))
