"""Staged rows as a source: for parents that a row waits for, and for the cursors that an export proves."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from duckdb import DuckDBPyConnection

from supasync_core.api.backend import Source
from supasync_core.model.batch import Batch, Window
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Horizon
from supasync_core.staging.connection import translate_errors
from supasync_core.staging.duckdb_tables import Tables, shape_of
from supasync_core.staging.read_rows import Reader
from supasync_core.staging.staged_tables import ready


class StagedSource(Source):
    """The staged rows; ``at`` is the time of the export, where that is known."""

    def __init__(self, connection: DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self.at: Horizon | None = None

    def shape(self, table: Table) -> Shape:
        """The table's columns."""
        kinds = Tables(self._connection).kinds(ready(table))
        return Shape(known=False) if kinds is None else shape_of(kinds)

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows; none of a table that is not staged."""
        if not self._staged(table):
            return 0
        with translate_errors(self._path, table):
            return Reader(self._connection).count(ready(table), window)

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window."""
        if not self._staged(table):
            return Batch(b"[]", total=0, read_at=self.at)
        reader = Reader(self._connection)
        with translate_errors(self._path, table):
            try:
                return replace(reader.read(ready(table), window), read_at=self.at)
            finally:
                reader.forget()

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows whose columns have one of these tuples of texts; none of a table that is not staged."""
        if self._staged(table):
            with translate_errors(self._path, table):
                yield Reader(self._connection).rows(ready(table), columns, values)

    def _staged(self, table: Table) -> bool:
        return Tables(self._connection).kinds(ready(table)) is not None
