"""The source `csv`: each file is loaded once, and read from there."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from supasync_core.api.base import LocalClock
from supasync_core.model.pg_types import is_array, is_json, type_of
from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging.connection import translate_errors
from supasync_core.staging.csv.cells import json_if
from supasync_core.staging.csv.folder import Files
from supasync_core.staging.duckdb_side import DuckdbSide
from supasync_core.staging.read_rows import Reader
from supasync_core.staging.values import identifier, literal
from supasync_csv.catalog import HIDDEN, catalog, files_of
from supasync_csv.workspace import NOT_JSON, Workspace, header


class CsvSource(LocalClock, DuckdbSide):
    """Every cell leaves as a JSON string, which PostgreSQL reads as any type but json and arrays.

    For those the other side's types are needed: see ``typed``.
    """

    hidden: Sequence[str] = HIDDEN

    def __init__(self, path: Path) -> None:
        self._files = Files(path)
        self._work = Workspace()
        self._reader = Reader(self._work.connection)
        self._shapes: dict[str, Shape] = {}
        self._loaded: dict[Path, int] = {}
        self._found: dict[str, Path] = {}

    def typed(self, table: Table, shape: Shape) -> None:
        """Take the other side's types: json cells then leave as the JSON that they hold, arrays too.

        If it has none either, objects and lists leave as JSON: a text column takes their exact text.
        """
        if self._shapes.get(table.name) != shape:
            self._shapes[table.name] = shape
            self._loaded.pop(self._files.of(table), None)

    def shape(self, table: Table) -> Shape:
        """The columns that the file's first line names; their types are not known."""
        return Shape(tuple(Column(name) for name in header(table, self._existing(table))), texts=True)

    def tables(self, schema: str) -> Mapping[str, Shape]:
        """What is guessed of all files' tables from names and values."""
        self._found = files_of(self._files, schema)
        with closing(Workspace()) as work:
            return catalog(self._found, work)

    def close(self) -> None:
        self._work.close()

    @contextmanager
    def _reading(self, table: Table) -> Iterator[tuple[Reader, Table]]:
        self.horizon(self._load(table))  # a file holds nothing younger
        with translate_errors(self._work.path, table):
            yield self._reader, table

    def _existing(self, table: Table) -> Path:
        path = self._found.get(table.name) or self._files.of(table)
        if not path.is_file():
            names = sorted(each.stem for each in self._files.paths())
            raise table.schema_error(
                f"no such file: {path}", hint=f"the folder's tables are: {', '.join(names) or 'none'}"
            )
        return path

    def _load(self, table: Table) -> int:
        """Load the table's file unless it is; when it was written, in microseconds."""
        path = self._existing(table)
        if path not in self._loaded:
            written = min(path.stat().st_mtime_ns, time.time_ns()) // 1000
            self._reader.forget()
            self._load_as(table, path, self._shapes.get(table.name))
            self._loaded[path] = written
        return self._loaded[path]

    def _load_as(self, table: Table, path: Path, shape: Shape | None) -> None:
        if shape is None:
            self._work.load(table, path, identifier)
            return
        names = header(table, path)
        key = [name for name in table.key if name in names]
        self._work.load(table, path, lambda name: _cell(key, shape, name))
        untyped = [name for name in names if not type_of(shape, name)]
        self._work.keep_documents(table, [name for name in untyped if name not in key])


def _cell(key: Sequence[str], shape: Shape, name: str) -> str:
    """A text as it leaves: JSON as it stands where the column holds JSON, else as a string.

    What is told must not be NULL: DuckDB's ``error(NULL)`` raises nothing and is NULL.
    """
    text = identifier(name)
    if is_json(type_of(shape, name)):
        values = " || ', ' || ".join(f"coalesce({identifier(column)}, 'NULL')" for column in key) or "'-'"
        told = f"{literal(f'{NOT_JSON}, in column {name} of the row with key ')} || {values}"
        return f"CASE WHEN json_valid({text}) IS NOT false THEN CAST({text} AS JSON) ELSE error({told}) END"
    if not is_array(type_of(shape, name)):
        return text
    return json_if(f"starts_with({text}, '[') AND json_valid({text})", text)
