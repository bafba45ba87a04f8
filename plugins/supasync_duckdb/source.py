"""The source `duckdb`: tables of a file that is opened to be read and never changed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from supasync_core.api.base import LocalClock
from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import open_to_read, release, translate_errors
from supasync_core.staging.duckdb_side import DuckdbSide
from supasync_core.staging.duckdb_tables import Tables, shape_of
from supasync_core.staging.read_rows import Reader
from supasync_duckdb.catalog import HIDDEN, catalog


class DuckdbSource(LocalClock, DuckdbSide):
    """Reads one file. The local clock is its time: nobody else can write to the file meanwhile."""

    hidden: Sequence[str] = HIDDEN

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_to_read(path)
        self._reader = Reader(self._connection)

    def shape(self, table: Table) -> Shape:
        with translate_errors(self._path, table):
            return shape_of(Tables(self._connection).existing(table))

    def tables(self, schema: str) -> Mapping[str, Shape]:
        with translate_errors(self._path):
            return catalog(self._connection, schema)

    def close(self) -> None:
        release(self._connection)

    @contextmanager
    def _reading(self, table: Table) -> Iterator[tuple[Reader, Table]]:
        self.horizon()
        with translate_errors(self._path, table):
            yield self._reader, table
