"""A SQL database as a source: a subclass says how it is connected to, and where it differs from others.

``driver`` is the module of a driver by PEP 249: its ``paramstyle`` and its errors are used. What must be
written is `connect` and `columns`. The sink is in `sql_sink`, the state store in `sql_store`.
"""

# ruff: noqa: S608 - names are quoted by sql_window.quoted, values are bound as parameters

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import cached_property
from math import isfinite
from typing import Any, Protocol, cast

from supasync_core.api.base import BaseSource
from supasync_core.api.registration import Fence
from supasync_core.api.sql_window import Parameters, SqlWindow, quoted
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Window
from supasync_core.model.errors import RowError, SchemaError, SupasyncError, TransientError
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Horizon

AT_ONCE = 200
"""Keys that one statement names: databases limit the parameters of a statement, SQLite once to 999."""


class Cursor(Protocol):
    """What a statement returned, as PEP 249 has it."""

    rowcount: int

    def fetchall(self) -> Sequence[Sequence[Any]]:
        """Its rows."""
        ...


class SqlDatabase(ABC):
    """A connection, and what every statement on it needs. Source, sink and store of a backend share one."""

    driver: Any
    """The driver's module, such as ``sqlite3``."""
    mark: str = '"'
    """What names are quoted with."""

    def __init__(self, place: Any, fence: Fence | None = None) -> None:  # noqa: ANN401 - what it connects to
        self.place = place
        """Where the database is: a path, an address, whatever `connect` needs."""
        self.fence = fence or Fence()
        """What a sink asks before it writes."""

    @abstractmethod
    def connect(self) -> Any:  # noqa: ANN401 - the driver's own class
        """A new connection. A source's cannot write."""

    @abstractmethod
    def columns(self, table: Table) -> Sequence[Column] | None:
        """The table's columns in its order; None if the table does not exist."""

    @cached_property
    def connection(self) -> Any:  # noqa: ANN401 - the driver's own class
        """The connection, opened with the first statement."""
        return self.connect()

    def close(self) -> None:
        """Close the connection; the next statement opens another one."""
        opened = self.__dict__.pop("connection", None)
        if opened is not None:
            opened.close()

    def execute(self, sql: str, values: Any = ()) -> Cursor:  # noqa: ANN401 - a sequence or a mapping
        """Run a statement with its parameters."""
        cursor: Any = self.connection.cursor()
        cursor.execute(sql, values)
        return cast("Cursor", cursor)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside take effect, or none does."""
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()

    def failed(self, err: Exception, name: str | None) -> SupasyncError:
        """What an error of the driver means for the table of that name; its text may hold values of rows."""
        what = f"{name}: the database answered {type(err).__name__}"
        if isinstance(err, (self.driver.IntegrityError, self.driver.DataError)):
            return RowError(what, table=name)
        if isinstance(err, self.driver.OperationalError):
            return TransientError(what, table=name)
        return SchemaError(what, table=name)

    @contextmanager
    def translated(self, table: Table | None) -> Iterator[None]:
        """The driver's errors become supasync's; the transaction in which one happened is over."""
        try:
            yield
        except self.driver.Error as err:
            if opened := self.__dict__.get("connection"):
                with suppress(self.driver.Error):
                    opened.rollback()
            raise self.failed(err, table.name if table else None) from err


class SqlSource(SqlDatabase, BaseSource):
    """A source: a subclass says `connect` and `columns`, and how the database orders and prints values."""

    conditions: type[SqlWindow] = SqlWindow
    """How the database compares values, where that differs from most."""

    def horizon(self) -> Horizon | None:
        """The database's own time before a page is read; None where no clock is known to be right."""
        return None

    def relation(self, table: Table) -> str:
        """The table as SQL."""
        return quoted(table.relation, self.mark)

    def window(self, table: Table, columns: Sequence[Column]) -> SqlWindow:
        """The conditions of one statement."""
        types = {column.name: column.type for column in columns}
        return self.conditions(table, Parameters(self.driver.paramstyle), self.mark, types)

    def cell(self, value: object, column: Column) -> str:
        """The JSON text of a value that the driver returned, with all its digits."""
        if isinstance(value, float | Decimal) and isfinite(value):
            return str(value)
        text = rf"\x{value.hex()}" if isinstance(value, bytes) else str(value)
        return json.dumps(value if isinstance(value, bool | int | None) else text, ensure_ascii=False)

    def shape(self, table: Table) -> Shape:
        """The table's columns."""
        return Shape(tuple(self.existing(table)))

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows."""
        sql = self.checked_window(table, self.existing(table), window)
        return int(self._fetch(table, sql, "count(*)", f"WHERE {sql.where(window)}")[0][0])

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window, counted by the statement that reads it: both see the same rows."""
        columns, read_at = self.existing(table), self.horizon()
        sql, total = (
            self.checked_window(table, columns, window),
            ", count(*) OVER ()" if window.counted else "",
        )
        rows = self._fetch(table, sql, _names(sql, columns) + total, sql.page(window))
        counted = (rows[0][-1] if rows else 0) if window.counted else None
        return Batch(self._body(sql, columns, rows), counted, read_at)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows that have these texts, some at once."""
        known = self.existing(table)
        refuse_unknown(table, known, columns)
        for start in range(0, len(values), AT_ONCE):
            sql = self.window(table, known)
            which = f"WHERE {sql.where()} AND {sql.any_of(columns, values[start : start + AT_ONCE])}"
            yield Batch(self._body(sql, known, self._fetch(table, sql, _names(sql, known), which)))

    def existing(self, table: Table) -> Sequence[Column]:
        """The table's columns; SchemaError if the table does not exist."""
        with self.translated(table):
            columns = self.columns(table)
        if columns is None:
            raise table.schema_error("no such table")
        return columns

    def checked_window(
        self, table: Table, columns: Sequence[Column], window: Window | None = None
    ) -> SqlWindow:
        """The conditions of a statement; SchemaError where they would name a column that is not there."""
        keysets = [span.keyset for span in window.spans] if window else []
        ordering = [name for keyset in keysets for name in (keyset.column, *keyset.nulls) if name]
        refuse_unknown(table, columns, (*table.key, *table.columns, *ordering))
        return self.window(table, columns)

    def _fetch(self, table: Table, sql: SqlWindow, what: str, which: str) -> Sequence[Sequence[Any]]:
        relation = sql.parameters.text(self.relation(table))
        with self.translated(table):
            return self.execute(f"SELECT {what} FROM {relation} {which}", sql.parameters.values).fetchall()

    def _body(self, sql: SqlWindow, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> bytes:
        wanted = chosen(sql.table, columns)
        named = [(json.dumps(column.name, ensure_ascii=False), column) for column in wanted]
        return raw_json.join(
            "{"
            + ",".join(f"{name}:{self.cell(row[i], column)}" for i, (name, column) in enumerate(named))
            + "}"
            for row in rows
        )


def _names(sql: SqlWindow, columns: Sequence[Column]) -> str:
    return ", ".join(sql.selected(column.name) for column in chosen(sql.table, columns))


def chosen(table: Table, columns: Sequence[Column]) -> list[Column]:
    """The columns that are read: those named in tables.yaml, all by default."""
    wanted = set(table.columns or (column.name for column in columns)) - set(table.exclude)
    return [column for column in columns if column.name in wanted]


def refuse_unknown(table: Table, columns: Sequence[Column], names: Sequence[str]) -> None:
    """SchemaError for a column that is not there: some databases take its quoted name for a text."""
    known = {column.name for column in columns}
    for name in names:
        if name not in known:
            raise table.schema_error(
                f"no such column: {name}",
                hint=f"its columns are: {', '.join(column.name for column in columns)}",
            )
