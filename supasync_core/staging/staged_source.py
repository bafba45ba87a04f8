"""Staged rows as a source: for parents that a row waits for, and for the cursors that an export proves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from duckdb import DuckDBPyConnection

from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import translate_errors
from supasync_core.staging.duckdb_side import DuckdbSide
from supasync_core.staging.duckdb_tables import Tables, shape_of
from supasync_core.staging.read_rows import Reader
from supasync_core.staging.staged_tables import ready


class StagedSource(DuckdbSide):
    """The staged rows; ``read_at`` is the time of the export, where that is known."""

    def __init__(self, connection: DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def shape(self, table: Table) -> Shape:
        """The table's columns."""
        kinds = Tables(self._connection).kinds(ready(table))
        return Shape(known=False) if kinds is None else shape_of(kinds)

    @contextmanager
    def _reading(self, table: Table) -> Iterator[tuple[Reader, Table] | None]:
        staged, reader = ready(table), Reader(self._connection)
        with translate_errors(self._path, table):
            try:
                yield None if Tables(self._connection).kinds(staged) is None else (reader, staged)
            finally:
                reader.forget()
