"""The source `duckdb`: tables of a file that is opened to be read and never changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from supasync_core.api.backend import Source
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Window
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Horizon, Instant
from supasync_core.staging.connection import open_to_read, translate_errors
from supasync_core.staging.duckdb_tables import Tables, shape_of
from supasync_core.staging.read_rows import Reader
from supasync_duckdb.catalog import HIDDEN, catalog


class DuckdbSource(Source):
    """Reads one file; the local clock is its time, for nobody else can write to it meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_to_read(path)
        self._reader = Reader(self._connection)
        self._read_at: Instant | None = None

    def shape(self, table: Table) -> Shape:
        """The table's columns."""
        with translate_errors(self._path, table):
            return shape_of(Tables(self._connection).existing(table))

    @property
    def hidden(self) -> Sequence[str]:
        """What is not looked at in a DuckDB file."""
        return HIDDEN

    def tables(self, schema: str) -> Mapping[str, Shape]:
        """All tables and views of the schema."""
        with translate_errors(self._path):
            return catalog(self._connection, schema)

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows."""
        with translate_errors(self._path, table):
            return self._reader.count(table, window)

    def now(self) -> Instant | None:
        """The local time at the latest read."""
        return self._read_at

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window."""
        self._read_at = timestamps.now()
        with translate_errors(self._path, table):
            return replace(self._reader.read(table, window), read_at=Horizon(self._read_at))

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows whose columns have one of these tuples of texts, all in one batch."""
        with translate_errors(self._path, table):
            yield self._reader.rows(table, columns, values)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
