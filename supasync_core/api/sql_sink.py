"""A SQL database as a sink: rows are merged by key, in one transaction for each batch."""

# ruff: noqa: S608 - names are quoted by sql_window.quoted, values are bound as parameters

import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property

from supasync_core.api.base import BaseSink
from supasync_core.api.sql_backend import AT_ONCE, SqlSource, refuse_unknown
from supasync_core.api.sql_window import SqlWindow, quoted
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Window
from supasync_core.model.pg_types import type_of
from supasync_core.model.table import Column, Shape, Table


class SqlSink(SqlSource, BaseSink):
    """A sink: a subclass says `kind` too. A table that is not there yet is created with the first batch."""

    @abstractmethod
    def kind(self, table: Table, name: str, source: str) -> str:
        """The type of a new column; ``source`` is the type that it has in the source, empty if unknown."""

    @cached_property
    def _shapes(self) -> dict[str, Shape]:
        return {}

    def informed(self, table: Table, shape: Shape) -> None:
        """Take the source's types, for the columns that are created."""
        self._shapes[table.name] = shape

    def prepare(self, table: Table, names: Sequence[str]) -> None:
        """Create the table with these columns, its key unique; or add those of them that it lacks."""
        known = {column.name for column in self.columns(table) or ()}
        types, relation = self._shapes.get(table.name, Shape()), self.relation(table)
        new = [
            f"{quoted(name, self.mark)} {self.kind(table, name, type_of(types, name))}"
            for name in names
            if name not in known
        ]
        if not known:
            key = ", ".join(quoted(name, self.mark) for name in table.key)
            self.execute(f"CREATE TABLE {relation} ({', '.join(new)}, PRIMARY KEY ({key}))")
        for definition in new if known else ():
            self.execute(f"ALTER TABLE {relation} ADD COLUMN {definition}")

    def parameter(self, cell: str, column: Column) -> object:
        """The value of a cell's JSON text for the driver; `cell` leads back to it."""
        value = json.loads(cell, parse_float=str, parse_int=str)
        return cell if isinstance(value, dict | list) else value

    def shape(self, table: Table) -> Shape:
        """The table's columns; not known before the first batch has created it."""
        with self.translated(table):
            columns = self.columns(table)
        return Shape(known=False) if columns is None else Shape(tuple(columns), grows=True)

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows; none of a table that is not there yet."""
        return super().count(table, window) if self.shape(table).known else 0

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window; none of a table that is not there yet."""
        if self.shape(table).known:
            return super().read(table, window)
        return Batch(b"[]", 0 if window.counted else None)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows that have these texts."""
        if self.shape(table).known:
            yield from super().rows(table, columns, values)

    def upsert(self, table: Table, batch: Batch) -> int:
        """Insert each row, or replace the batch's columns of the row that has its key."""
        if not batch.count:
            return 0
        table.keys(batch)  # SchemaError where one is NULL
        rows = [raw_json.cells(text) for text in batch.rows.texts]
        names = [
            name for name in dict.fromkeys(name for row in rows for name in row) if name not in table.exclude
        ]
        self.fence.ask()
        with self.translated(table), self.transaction():
            self.prepare(table, names)
            known = {column.name: column for column in self.existing(table)}
            refuse_unknown(table, list(known.values()), names)
            for row in rows:
                sql = self.window(table, list(known.values()))
                cells = [self.parameter(row.get(name, "null"), known[name]) for name in names]
                self.execute(self.merge(sql, names, cells), sql.parameters.values)
        return batch.count

    def merge(self, sql: SqlWindow, names: Sequence[str], values: Sequence[object]) -> str:
        """The statement that writes one row: that of PostgreSQL, SQLite and DuckDB."""
        columns, bound = map(sql.column, names), map(sql.parameters.bind, values)
        key = ", ".join(map(sql.column, sql.table.key))
        changed = [
            f"{sql.column(name)} = excluded.{sql.column(name)}" for name in names if name not in sql.table.key
        ]
        update = f"UPDATE SET {', '.join(changed)}" if changed else "NOTHING"
        return (
            f"INSERT INTO {sql.parameters.text(self.relation(sql.table))} ({', '.join(columns)}) "
            f"VALUES ({', '.join(bound)}) ON CONFLICT ({key}) DO {update}"
        )

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Delete the rows of these keys, all of them or none, and never more than were named."""
        wanted, deleted = table.exact_keys(keys), 0
        if not wanted or not self.shape(table).known:
            return 0
        self.fence.ask()
        with self.translated(table), self.transaction():
            for start in range(0, len(wanted), AT_ONCE):
                sql = self.checked_window(table, self.existing(table))
                which = sql.any_of(table.key, wanted[start : start + AT_ONCE])
                relation = sql.parameters.text(self.relation(table))
                deleted += self.execute(
                    f"DELETE FROM {relation} WHERE {which}", sql.parameters.values
                ).rowcount
            if deleted > len(wanted):
                raise table.schema_error(
                    f"{deleted} rows have one of {len(wanted)} keys, none was deleted",
                    hint=f"({', '.join(table.key)}) names several rows: declare a unique key",
                )
        return deleted
