"""Rows into a DuckDB connection: a batch's exact cells, merged by key in one transaction."""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.errors import RowError
from supasync_core.model.pg_types import type_of
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.staging.connection import transaction, translate_errors
from supasync_core.staging.duckdb_tables import (
    Kinds,
    Tables,
    qualified,
    refuse_case_twins,
    schema_of,
    untyped,
)
from supasync_core.staging.equality import normal
from supasync_core.staging.equality import same as same_key
from supasync_core.staging.values import JSON, VARCHAR, Kind, fits, identifier, parsed, plain

Cells = dict[str, list[str | None]]
"""The texts of a batch by column: raw JSON for JSON columns, plain text for others, None for NULL."""


@dataclass
class Writer:
    """Writes to the tables of one connection.

    ``new`` is the kind of a column that it creates; ``grows`` tells whether a table takes new columns.
    ``shape`` has the types that decide when two keys in texts are one; a key without one goes by its text.
    """

    connection: DuckDBPyConnection
    path: Path
    new: Callable[[Table, str], Kind] = lambda _table, _column: JSON
    grows: Callable[[Kinds], bool] = untyped
    shape: Shape = field(default_factory=Shape)

    def upsert(self, table: Table, batch: Batch) -> int:
        """Write all rows or none; the last of several with one key wins."""
        if not batch.count:
            return 0
        for row in batch.rows:
            table.place(row, None)
        rows = [raw_json.cells(text) for text in raw_json.split(batch.body)]
        columns = [
            name for name in dict.fromkeys(name for row in rows for name in row) if name not in table.exclude
        ]
        with translate_errors(self.path, table), transaction(self.connection):
            kinds = self._prepared(table, columns)
            cells = {name: _texts((row.get(name) for row in rows), kinds[name]) for name in columns}
            self._merge(table, _Merge(table, columns, kinds, self.shape), cells)
        return batch.count

    def delete(self, table: Table, keys: Sequence[tuple[str, ...]]) -> int:
        """Remove the rows of these keys, by their plain texts; SchemaError where a key names several."""
        with translate_errors(self.path, table), transaction(self.connection):
            kinds = Tables(self.connection).existing(table)
            wanted = {f"v{i}": [key[i] for key in keys] for i in range(len(table.key))}
            unnested = ", ".join(f"unnest(CAST(${name} AS VARCHAR[])) AS {name}" for name in wanted)
            same = " AND ".join(
                same_key(
                    _type(self.shape, kinds[name], name),
                    plain(f"target.{identifier(name)}", kinds[name]),
                    f"wanted.v{i}",
                )
                for i, name in enumerate(table.key)
            )
            found = self.connection.execute(
                f"DELETE FROM {qualified(table)} AS target USING (SELECT {unnested}) AS wanted WHERE {same}",
                wanted,
            ).fetchall()
            count = int(found[0][0])
            if count > len(keys):
                raise table.schema_error(
                    f"{count} rows have one of {len(keys)} keys, none was deleted",
                    hint=f"({', '.join(table.key)}) names several rows: declare a unique key",
                )
        return count

    def _prepared(self, table: Table, columns: Sequence[str]) -> Kinds:
        """The table's columns, after what is missing was created."""
        kinds = Tables(self.connection).kinds(table)
        if kinds is None:
            self.create(table, columns)
        else:
            self._extend(table, kinds, columns)
        return Tables(self.connection).existing(table)

    def create(self, table: Table, columns: Sequence[str]) -> None:
        """Make the table, without a row."""
        refuse_case_twins(table, columns)
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema_of(table))}")
        definitions = ", ".join(f"{identifier(name)} {self.new(table, name).sql}" for name in columns)
        self.connection.execute(f"CREATE TABLE {qualified(table)} ({definitions})")

    def _extend(self, table: Table, kinds: Kinds, columns: Sequence[str]) -> None:
        missing = [name for name in columns if name not in kinds]
        if missing and not self.grows(kinds):
            raise table.schema_error(
                f"the table in {self.path} has no column {missing[0]}",
                hint=f"add it to the table, or leave it out: exclude: [{missing[0]}]",
            )
        refuse_case_twins(table, [*kinds, *missing])
        for name in missing:
            self.connection.execute(
                f"ALTER TABLE {qualified(table)} ADD COLUMN {identifier(name)} {self.new(table, name).sql}"
            )

    def _merge(self, table: Table, merge: "_Merge", cells: Cells) -> None:
        values = {f"c{i}": texts for i, texts in enumerate(cells.values())}
        try:
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE supasync_batch AS {merge.batch()}", values)
        except (duckdb.InvalidInputException, RuntimeError) as err:  # before DuckDB 2.0, a RuntimeError
            raise RowError(
                f"{table.name}: a text is not valid Unicode, DuckDB cannot hold it", table=table.name
            ) from err
        misfits = self.connection.execute(merge.misfits()).fetchall()[0]
        for name, count in zip(merge.columns, misfits, strict=True):
            if count:
                misfit = counted(count, "value of the batch does", "values of the batch do")
                raise RowError(
                    f"{table.name}: {misfit} not fit the column {name} ({merge.kinds[name].sql}) unchanged",
                    table=table.name,
                    hint="give the column a wider type, VARCHAR holds any text",
                )
        self.connection.execute(merge.statement())


@dataclass(frozen=True, slots=True)
class _Merge:
    """The statements that merge a batch into a table."""

    table: Table
    columns: Sequence[str]
    kinds: Kinds
    shape: Shape

    def batch(self) -> str:
        """The batch's texts as columns ``c0 ...``, its rows numbered by ``n``."""
        lists = ", ".join(f"unnest(CAST($c{i} AS VARCHAR[])) AS c{i}" for i in range(len(self.columns)))
        return f"SELECT {lists}, unnest(range(len(CAST($c0 AS VARCHAR[])))) AS n"

    def misfits(self) -> str:
        """How many texts of each column would not keep their value."""
        counts = [
            f"count(*) FILTER (c{i} IS NOT NULL AND NOT {fits(f'c{i}', self.kinds[name])})"
            for i, name in enumerate(self.columns)
        ]
        return f"SELECT {', '.join(counts)} FROM temp.supasync_batch"

    def statement(self) -> str:
        """Update the rows whose key exists, insert the others."""
        values = ", ".join(
            f"{parsed(f'c{i}', self.kinds[name])} AS v{i}" for i, name in enumerate(self.columns)
        )
        key = [self._comparable(f"batch.v{self.columns.index(name)}", name) for name in self.table.key]
        target = [self._comparable(f"target.{identifier(name)}", name) for name in self.table.key]
        same = " AND ".join(f"{left} = {right}" for left, right in zip(target, key, strict=True))
        changed = [
            f"{identifier(name)} = batch.v{i}"
            for i, name in enumerate(self.columns)
            if name not in self.table.key or self.kinds[name] in (JSON, VARCHAR)
        ]
        update = f"WHEN MATCHED THEN UPDATE SET {', '.join(changed)} " if changed else ""
        return (
            f"MERGE INTO {qualified(self.table)} AS target USING ("
            f"SELECT * FROM (SELECT {values}, n FROM temp.supasync_batch) AS batch "
            f"QUALIFY row_number() OVER (PARTITION BY {', '.join(key)} ORDER BY batch.n DESC) = 1) AS batch "
            f"ON {same} {update}"
            f"WHEN NOT MATCHED THEN INSERT ({', '.join(map(identifier, self.columns))}) "
            f"VALUES ({', '.join(f'batch.v{i}' for i in range(len(self.columns)))})"
        )

    def _comparable(self, value: str, column: str) -> str:
        """A key as it is compared: a text as its type has it, raw JSON so that 1 and "1" are one key."""
        kind = self.kinds[column]
        if kind not in (JSON, VARCHAR):
            return value
        return normal(_type(self.shape, kind, column), plain(value, kind))


def _type(shape: Shape, kind: Kind, name: str) -> str:
    """The type by which a key is compared: that of the column itself, else the source's."""
    return type_of(shape, name) if kind in (JSON, VARCHAR) else kind.sql


def _texts(cells: Iterable[str | None], kind: Kind) -> list[str | None]:
    keep = str if kind == JSON else raw_json.plain
    return [None if cell in (None, "null") else keep(cell) for cell in cells]
