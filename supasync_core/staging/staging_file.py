"""The staging: one DuckDB file with the rows of an export and the sink's, compared in SQL.

A table's rows stand in the schema ``ready`` as the sink's types want them: JSON for JSON and arrays, text for
all else. The sink's rows of the same keys stand in ``known``, in the same kinds. Both can be dropped at any
time; what a person would miss is in ``gap``: what was remembered.
"""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

import itertools
import json
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from supasync_core.api.row_formats import ARROW
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Key
from supasync_core.model.pg_types import is_document, type_of
from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging.compare_staged import CLASSES, Comparison, Counts, adopt_equals
from supasync_core.staging.connection import (
    SCRATCH,
    open_to_write,
    release,
    transaction,
    translate_errors,
)
from supasync_core.staging.duckdb_tables import FILE, PLACE, ROW, Tables, qualified
from supasync_core.staging.equality import common, same
from supasync_core.staging.history import SETUP, History
from supasync_core.staging.order_index import SOURCE
from supasync_core.staging.own_names import free
from supasync_core.staging.read_rows import row_json
from supasync_core.staging.staged_source import StagedSource
from supasync_core.staging.staged_streams import StagedStreams
from supasync_core.staging.staged_tables import known, ready, referring
from supasync_core.staging.values import JSON, VARCHAR, Kind, identifier, plain
from supasync_core.staging.write_rows import Writer

MEMORY = "600MB"
"""What DuckDB may hold in memory; more goes to its temporary files."""
_PAGE = 1000
_FETCHED = 10 * _PAGE
"""Rows that are read at once."""
_ROWS_OF_A_FILE = 1 << 40
"""More than a file has."""
_SETUP = """
CREATE SCHEMA IF NOT EXISTS gap;
CREATE SCHEMA IF NOT EXISTS ready;
CREATE SCHEMA IF NOT EXISTS known;
CREATE TABLE IF NOT EXISTS gap.memory (name VARCHAR PRIMARY KEY, value VARCHAR);
"""


def kind_for(shape: Shape, name: str) -> Kind:
    """How a column is staged: JSON, arrays and composites as JSON, and so is what has no known type."""
    column = shape.column(name)
    if column is None or column.type is None or "." in column.type:
        return JSON
    return JSON if is_document(column.type) else VARCHAR


class Staging(History):
    """The opened staging file; LockedError where another process has it open.

    What is written is ``compressed`` unless it serves one command only.
    """

    def __init__(self, path: Path, *, compressed: bool = True) -> None:
        self.path = path
        self.shapes: dict[str, Shape] = {}
        """The columns of the tables that were staged or compared."""
        self.lossy: set[str] = set()
        """Tables whose JSON and arrays JavaScript has parsed and printed."""
        self.connection: DuckDBPyConnection = open_to_write(
            path, memory=MEMORY, loads=True, compressed=compressed
        )
        with translate_errors(path), transaction(self.connection):
            self.connection.execute(_SETUP + SETUP)

    def remember(self, name: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Keep a JSON value under the name."""
        self.fetch("INSERT OR REPLACE INTO gap.memory VALUES (?, ?)", [name, json.dumps(value)])

    def recall(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value that was kept; None where there is none."""
        found = self.fetch("SELECT value FROM gap.memory WHERE name = ?", [name])
        return json.loads(found[0][0]) if found else None

    def staged_keys(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys that a staged row has, however it spells them."""
        kinds = Tables(self.connection).kinds(ready(table))
        if kinds is None or not keys:
            return set()
        shape = self.shape(table)
        pairs = " AND ".join(
            same(type_of(shape, name), f"w.v{i}", plain(f"r.{identifier(name)}", kinds[name]))
            for i, name in enumerate(table.key)
        )
        lists = ", ".join(f"unnest(CAST(? AS VARCHAR[])) AS v{i}" for i in range(len(table.key)))
        found = self.fetch(
            f"SELECT w.* FROM (SELECT {lists}) AS w SEMI JOIN {qualified(ready(table))} AS r ON {pairs}",
            [[key[i] for key in keys] for i in range(len(table.key))],
        )
        return set(found)

    def collect_keys(self, table: Table, children: Sequence[tuple[Table, str]] = ()) -> int:
        """Collect the keys to ask the sink for, and count them: of staged rows, and what children refer to.

        A child's column counts where its row, with that value, is not in the sink already.
        """
        parts = [referring(self.connection, child, self.shape(child), column) for child, column in children]
        if Tables(self.connection).kinds(ready(table)) is not None:
            parts.append(f"SELECT {self._plain_key(table)} FROM {qualified(ready(table))}")
        nothing = f"SELECT {', '.join('NULL::VARCHAR' for _ in table.key)} WHERE false"
        query = " UNION ".join([nothing, *(part for part in parts if part)])
        self.fetch(f"CREATE OR REPLACE TEMP TABLE asked AS {query} ORDER BY ALL")
        return int(self.fetch("SELECT count(*) FROM temp.asked")[0][0])

    def collected_keys(self) -> Iterator[Sequence[Key]]:
        """The collected keys in order, each once, several at a time."""
        for start in itertools.count(0, _FETCHED):
            keys = self.fetch("SELECT * FROM temp.asked LIMIT ? OFFSET ?", [_FETCHED, start])
            if keys:
                yield keys
            if len(keys) < _FETCHED:
                return

    def values_without_parent(
        self, table: Table, column: str, parents: Sequence[Table], referred: str
    ) -> list[str]:
        """The column's values that no row of the parents has in ``referred``, staged or loaded."""
        query = referring(self.connection, table, self.shape(table), column)
        child = type_of(self.shape(table), column)
        for parent in parents if query else ():
            kind = common(child, type_of(self.shape(parent), referred))
            for place in (ready(parent), known(parent)):
                kinds = Tables(self.connection).kinds(place) or {}
                if referred in kinds:
                    pair = same(kind, "v.value", plain(f"p.{identifier(referred)}", kinds[referred]))
                    query = f"SELECT v.value FROM ({query}) AS v ANTI JOIN {qualified(place)} AS p ON {pair}"
        return [value for (value,) in self.fetch(f"{query} ORDER BY 1")] if query else []

    def remember_shape(self, name: str, shape: Shape) -> None:
        """Keep a table's columns, for a time when NEW does not answer."""
        columns = [[c.name, c.type, c.nullable, c.key, c.refers] for c in shape.columns]
        self.remember(f"shape {name}", {"known": shape.known, "columns": columns})

    def recall_shape(self, name: str) -> Shape | None:
        """The columns that were kept of a table."""
        stored = self.recall(f"shape {name}")
        if not stored:
            return None
        columns = (
            Column(n, t, null, key, tuple(ref) if ref else None) for n, t, null, key, ref in stored["columns"]
        )
        return Shape(tuple(columns), known=stored["known"])

    def shape(self, table: Table) -> Shape:
        """The columns of the table as they were last used or kept."""
        if table.name not in self.shapes:
            self.shapes[table.name] = self.recall_shape(table.name) or Shape(known=False)
        return self.shapes[table.name]

    def load_sink_rows(self, table: Table, shape: Shape, batches: Iterable[Batch]) -> int:
        """Load the sink's rows of the collected keys; their number."""
        self.shapes[table.name] = shape
        self._drop(known(table))
        return sum(map(partial(self.write, known(table), shape), batches))

    def replace(self, table: Table, shape: Shape, batches: Iterable[Batch]) -> None:
        """Replace the staged rows by these, which were transformed."""
        draft = replace(known(table), schema="draft")
        self._drop(draft)
        for batch in batches:
            self.write(draft, shape, batch)
        self._drop(ready(table))
        kinds = Tables(self.connection).kinds(draft)
        if kinds is None:
            return
        with translate_errors(self.path, table):
            self.stage(table, f"SELECT *, NULL::INTEGER, NULL::BIGINT FROM {qualified(draft)}", list(kinds))
        self._drop(draft)

    def write(self, table: Table, shape: Shape, batch: Batch) -> int:
        """Add rows to a table of the staging, which grows as it needs; their number."""
        writer = Writer(
            self.connection,
            self.path,
            new=lambda _table, name: kind_for(shape, name),
            grows=lambda _kinds: True,
        )
        return writer.upsert(table, batch)

    def stage(self, table: Table, rows: str, columns: Sequence[str], *, numbered: bool = False) -> None:
        """Stage the rows of a SELECT: these columns, the number of the file, the number of the row.

        ``numbered``: each row has these numbers, and in that order they are staged.
        """
        file, row = free(FILE, columns), free(ROW, columns)
        quoted = ", ".join(map(identifier, [*columns, file, row]))
        place = "row_number() OVER ()"
        if numbered:  # by several threads
            place = f"{identifier(file)} * {_ROWS_OF_A_FILE} + {identifier(row)}"
        self.connection.execute(
            f"CREATE OR REPLACE TABLE {qualified(ready(table))} AS "
            f"SELECT *, {place} AS {identifier(free(PLACE, columns))} "
            f"FROM ({rows}) AS staged({quoted})"
        )

    def compare(self, table: Table, shape: Shape, *, older: bool) -> Counts:
        """Compare the staged rows with the sink's; ``older`` also sends rows older than the sink's."""
        self.shapes[table.name] = shape
        kinds = Tables(self.connection)
        staged, there = kinds.kinds(ready(table)), kinds.kinds(known(table))
        if staged is None:
            return Counts()
        place = str(kinds.own(ready(table))[-1])
        comparison = Comparison(table, shape, staged, there or {}, place)
        with translate_errors(self.path, table):
            self.connection.execute(comparison.statement())
            differs = self.fetch(f"SELECT 1 FROM {CLASSES} WHERE class IN ('changed', 'older') LIMIT 1")
            if differs and adopt_equals(self.connection, comparison, lossy=table.name in self.lossy):
                self.connection.execute(comparison.statement())
            counts = dict(self.fetch(f"SELECT class, count(*) FROM {CLASSES} GROUP BY 1"))
            rows = self.fetch(f"SELECT count(*) FROM {qualified(ready(table))}")[0][0]
            classes = ("new", "changed", "older") if older else ("new", "changed")
            listed = ", ".join(f"'{name}'" for name in classes)
            self.connection.execute(
                f"CREATE OR REPLACE TABLE {_sending(table)} AS "
                f"SELECT place FROM {CLASSES} WHERE class IN ({listed}) ORDER BY place"
            )
        return Counts(**counts, unchanged=rows - sum(counts.values()))

    def remove_rows(self, table: Table, column: str, values: Sequence[str]) -> list[tuple[Key, str, int]]:
        """Remove the staged rows with these values; the key, file number and row number of each."""
        staged = Tables(self.connection).existing(ready(table))
        condition = f"{plain(identifier(column), staged[column])} IN (SELECT unnest(CAST(? AS VARCHAR[])))"
        width = len(table.key)
        file, number, _ = Tables(self.connection).own(ready(table))
        found = self.fetch(
            f"SELECT {self._plain_key(table)}, {identifier(str(file))}, {identifier(str(number))} "
            f"FROM {qualified(ready(table))} WHERE {condition}",
            [list(values)],
        )
        self.fetch(f"DELETE FROM {qualified(ready(table))} WHERE {condition}", [list(values)])
        return [(row[:width], str(row[width]), row[width + 1]) for row in found]

    def rows(self, table: Table) -> Generator[Batch, None, None]:
        """All staged rows."""
        return self._pages(ready(table))

    def batches(self, table: Table, formats: Collection[str] = ()) -> Iterator[Batch]:
        """The rows to be sent, as `compare` has found them: by column where ``formats`` name that.

        As JSON they come in the order of the key.
        """
        there = Tables(self.connection)
        kinds = there.kinds(ready(table))
        if kinds is None:
            return iter(())
        place = identifier(str(there.own(ready(table))[-1]))
        if ARROW in formats:
            with translate_errors(self.path, table):
                found = StagedStreams(self.connection, table, kinds, place, _sending(table)).batches()
            if found is not None:
                return found
        return self._pages(ready(table), f"SEMI JOIN {_sending(table)} AS s ON s.place = {SOURCE}.{place}")

    def source(self) -> StagedSource:
        """The staged rows as a source."""
        return StagedSource(self.connection, self.path)

    def close(self) -> None:
        """Close the file."""
        release(self.connection)

    def _pages(self, table: Table, among: str = "") -> Generator[Batch, None, None]:
        """The rows in the order of the key, from a copy of their JSON that has that order."""
        kinds = Tables(self.connection).kinds(table)
        if kinds is None:
            return
        copy = f"{SCRATCH}.{identifier(f'ordered {table.name}')}"
        order = ", ".join(plain(f"{SOURCE}.{identifier(name)}", kinds[name]) for name in table.key)
        size = min(table.page_size, _PAGE)
        try:
            self.fetch(
                f"CREATE OR REPLACE TABLE {copy} AS SELECT *, row_number() OVER () AS place FROM "
                f"(SELECT {row_json(table, kinds)} AS json FROM {qualified(table)} AS {SOURCE} {among} "
                f"ORDER BY {order})"
            )
            for start in itertools.count(1, _FETCHED):
                rows = self.fetch(
                    f"SELECT json FROM {copy} WHERE place BETWEEN ? AND ? ORDER BY place",
                    [start, start + _FETCHED - 1],
                )
                for at in range(0, len(rows), size):
                    yield Batch(raw_json.join(text for (text,) in rows[at : at + size]))
                if len(rows) < _FETCHED:
                    return
        finally:
            self.fetch(f"DROP TABLE IF EXISTS {copy}")

    def _drop(self, table: Table) -> None:
        self.fetch(f"DROP TABLE IF EXISTS {qualified(table)}")

    def _plain_key(self, table: Table) -> str:
        kinds = Tables(self.connection).existing(ready(table))
        return ", ".join(plain(identifier(name), kinds[name]) for name in table.key)


def _sending(table: Table) -> str:
    """The table of the places of rows to be sent, as SQL."""
    return f"{SCRATCH}.{identifier(f'sending {table.name}')}"
