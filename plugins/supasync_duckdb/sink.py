"""The sink `duckdb`: tables of one file, created with the first batch where they are missing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from duckdb import DuckDBPyConnection

from supasync_core.api.registration import Fence
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import open_to_write, translate_errors
from supasync_core.staging.duckdb_side import DuckdbSide
from supasync_core.staging.duckdb_tables import Kinds, Tables, shape_of, untyped
from supasync_core.staging.read_rows import Reader
from supasync_core.staging.values import JSON, VARCHAR, Kind
from supasync_core.staging.write_rows import Writer
from supasync_duckdb.catalog import HIDDEN, catalog


class DuckdbSink(DuckdbSide):
    """Writes to one file.

    A table that does not exist yet is created with a JSON column for each column of the batch, which keeps
    the exact text of each cell; with VARCHAR columns if the source has nothing but texts. A table with
    columns of other types keeps them.
    """

    hidden: Sequence[str] = HIDDEN

    def __init__(self, path: Path, fence: Fence | None = None) -> None:
        self._path = path
        self._fence = fence or Fence()
        self._opened: DuckDBPyConnection | None = None
        self._reader: Reader | None = None
        self._shapes: dict[str, Shape] = {}

    def informed(self, table: Table, shape: Shape) -> None:
        """Take the source's types: they decide when two keys are equal, and bare texts stay texts."""
        self._shapes[table.name] = shape

    def shape(self, table: Table) -> Shape:
        """The table's columns; not known before the first batch has created it."""
        kinds = self._kinds(table)
        return Shape(known=False) if kinds is None else replace(shape_of(kinds), grows=untyped(kinds))

    def tables(self, schema: str) -> Mapping[str, Shape]:
        """All tables and views of the schema; none if there is no file yet."""
        if self._opened is None and not self._path.exists():
            return {}
        with translate_errors(self._path):
            return catalog(self._connection(), schema)

    def upsert(self, table: Table, batch: Batch) -> int:
        self._fence.ask()
        return self._changed(table, self._documents(table, batch)).upsert(table, batch)

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Remove the rows of these keys; all of them or none, and never more than were named."""
        wanted = table.exact_keys(keys)
        if not wanted or self._kinds(table) is None:
            return 0
        self._fence.ask()
        return self._changed(table).delete(table, wanted)

    def close(self) -> None:
        if self._opened:
            self._opened.close()
            self._opened = self._reader = None

    @contextmanager
    def _reading(self, table: Table) -> Iterator[tuple[Reader, Table] | None]:
        known = self._kinds(table) is not None
        with translate_errors(self._path, table):
            if known and self._reader is None:  # it caches: nobody else can write to the file meanwhile
                self._reader = Reader(self._connection())
            yield (self._reader, table) if known and self._reader else None

    def _kinds(self, table: Table) -> Kinds | None:
        """The table's columns; a file that does not exist is not created by asking."""
        if self._opened is None and not self._path.exists():
            return None
        with translate_errors(self._path, table):
            return Tables(self._connection()).kinds(table)

    def _documents(self, table: Table, batch: Batch) -> set[str]:
        """Columns of bare texts in which objects or lists stand, which the first batch makes JSON."""
        if not self._shapes.get(table.name, Shape()).texts or self._kinds(table) is not None:
            return set()
        rows = map(raw_json.cells, raw_json.split(batch.body))
        return {name for row in rows for name, cell in row.items() if cell.startswith(("[", "{"))}

    def _changed(self, table: Table, documents: Collection[str] = ()) -> Writer:
        """A writer, before which everything that was known of the tables is forgotten."""
        if self._reader:
            self._reader.forget()
        shape = self._shapes.get(table.name, Shape(known=False))
        return Writer(
            self._connection(),
            self._path,
            shape=shape,
            new=lambda _table, name: JSON if name in documents else _kind(shape, name),
        )

    def _connection(self) -> DuckDBPyConnection:
        if self._opened is None:
            self._opened = open_to_write(self._path)
        return self._opened


def _kind(shape: Shape, name: str) -> Kind:
    """A new column's kind: a text of a source whose cells are all texts, else whatever JSON the cell is."""
    column = shape.column(name)
    return VARCHAR if shape.texts and column is not None and column.type is None else JSON
