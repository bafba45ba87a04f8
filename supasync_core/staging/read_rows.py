"""Rows out of a DuckDB connection: pages of a window as JSON text, put together inside DuckDB."""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from json import dumps

from duckdb import DuckDBPyConnection

from supasync_core.model.batch import Batch, Window
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.staging.duckdb_tables import Kinds, Tables, qualified
from supasync_core.staging.order_index import SOURCE, Condition, Index, column, indexed
from supasync_core.staging.own_names import hides_row_ids, numbered
from supasync_core.staging.values import json_or_null, literal, plain

_COPY = "temp.supasync_rows_"


@dataclass
class Reader:
    """Reads tables that nobody changes meanwhile: each one's places are sorted once."""

    connection: DuckDBPyConnection
    _sorted: dict[tuple[Table, tuple[str, ...]], tuple[Index, str]] = field(default_factory=dict)

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window, and the exact number of its rows where that is asked for."""
        index, places = self._places(table, window)
        condition = Condition(index)
        order = condition.order(window)
        query = (
            f"WITH page AS MATERIALIZED "
            f"(SELECT * FROM {places} AS page {condition.page(window)}) "
            f"SELECT string_agg({row_json(table, index.kinds)}, E',\n' ORDER BY {order}) "
            f"FROM page JOIN {index.rows} AS {SOURCE} ON {SOURCE}.{index.number} = page.place"
        )
        body = self.connection.execute(query, condition.parameters.values).fetchall()[0][0]
        return Batch(f"[{body or ''}]".encode(), total=self.count(table, window) if window.counted else None)

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows, in the window where one is given."""
        if window is None:
            Tables(self.connection).existing(table)
            query = f"SELECT count(*) FROM {qualified(table)} WHERE {table.where or 'true'}"
            return int(self.connection.execute(query).fetchall()[0][0])
        index, places = self._places(table, window)
        condition = Condition(index)
        query = f"SELECT count(*) FROM {places} AS page WHERE {condition.where(window)}"
        return int(self.connection.execute(query, condition.parameters.values).fetchall()[0][0])

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Batch:
        """The rows whose columns have one of these tuples of plain texts."""
        kinds = Tables(self.connection).existing(table)
        wanted = {f"v{i}": [each[i] for each in values] for i in range(len(columns))}
        unnested = ", ".join(f"unnest(CAST(${name} AS VARCHAR[])) AS {name}" for name in wanted)
        same = " AND ".join(
            f"{plain(column(name), kinds[name])} = wanted.v{i}" for i, name in enumerate(columns)
        )
        query = (
            f"SELECT string_agg({row_json(table, kinds)}, E',\n') FROM {_filtered(table)} AS {SOURCE} "
            f"SEMI JOIN (SELECT {unnested}) AS wanted ON {same}"
        )
        body = self.connection.execute(query, wanted).fetchall()[0][0]
        return Batch(f"[{body or ''}]".encode())

    def forget(self) -> None:
        """Sort again at the next read: a table has changed."""
        for index, places in self._sorted.values():
            self.connection.execute(f"DROP TABLE {places}")
            if index.rows.startswith(_COPY):
                self.connection.execute(f"DROP TABLE {index.rows}")
        self._sorted.clear()

    def _places(self, table: Table, window: Window) -> tuple[Index, str]:
        kinds = Tables(self.connection).existing(table)
        columns = indexed(table, window, kinds)
        if (table, columns) not in self._sorted:
            self._check_columns(table, kinds, columns)
            places = f"temp.supasync_places_{len(self._sorted)}"
            index = self._with_numbers(Index(table, kinds, columns, *self._rows(table, kinds)))
            self._check(index)
            self.connection.execute(f"CREATE TEMP TABLE {places} AS {index.query()}")
            self._sorted[table, columns] = index, places
        return self._sorted[table, columns]

    def _with_numbers(self, index: Index) -> Index:
        asked = index.whole().items()
        found = frozenset(name for name, query in asked if self.connection.execute(query).fetchall()[0][0])
        return replace(index, numbers=found)

    def _rows(self, table: Table, kinds: Kinds) -> tuple[str, str]:
        """The table's rows with their numbers; a copy where a column hides the numbers that DuckDB gives."""
        rows, number = numbered(qualified(table), kinds, table.where)
        if not hides_row_ids(kinds):
            return rows, number
        copy = f"{_COPY}{len(self._sorted)}"
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {copy} AS FROM {rows}")
        return copy, number

    def _check_columns(self, table: Table, kinds: Kinds, columns: Sequence[str]) -> None:
        for name in (name for name in (*table.key, *columns, *table.columns) if name not in kinds):
            raise table.schema_error(f"no such column: {name}", hint=f"its columns are: {', '.join(kinds)}")

    def _check(self, index: Index) -> None:
        """Refuse texts that are not timestamps: their rows would have no place."""
        table = index.table
        for name, query in index.unplaceable().items():
            count = self.connection.execute(query).fetchall()[0][0]
            if count:
                what = "whole number" if index.numbered(name) else "timestamp"
                raise table.schema_error(
                    f"{counted(count, 'row', 'rows')} of which {name} is not a {what}",
                    hint="correct them, or leave such rows out by where:",
                )
        count = self.connection.execute(index.keyless()).fetchall()[0][0]
        if count:
            raise table.schema_error(
                f"{counted(count, 'row has', 'rows have')} NULL in the key ({', '.join(table.key)})",
                hint=f"declare another key, or leave such rows out by where: {table.key[0]} is not null",
            )


def chosen(table: Table, kinds: Kinds) -> list[str]:
    """The columns of the table that are read: those named in tables.yaml, all by default."""
    return [name for name in kinds if name in (table.columns or kinds) and name not in table.exclude]


def _filtered(table: Table) -> str:
    """The rows that ``where`` lets through, under the table's own name: that is what it may refer to."""
    return f"(SELECT * FROM {qualified(table)} WHERE {f'({table.where})' if table.where else 'true'})"


def row_json(table: Table, kinds: Kinds) -> str:
    """The SQL of a row's JSON text."""
    parts = ["'{'"]
    for name in chosen(table, kinds):
        comma = "," if len(parts) > 1 else ""
        parts.append(literal(f"{comma}{dumps(name, ensure_ascii=False)}:"))
        parts.append(json_or_null(column(name), kinds[name]))
    # each || of a chain would copy what is before it: that takes three times as long (measured)
    return f"concat({', '.join(parts)}, '}}')"
