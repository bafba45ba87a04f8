"""The sink `duckdb`: tables of one file, created with the first batch where they are missing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import RLock

from duckdb import DuckDBPyConnection

from supasync_core.api.registration import Fence
from supasync_core.api.row_formats import ARROW
from supasync_core.model.batch import Batch
from supasync_core.model.raw_columns import raw_columns
from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import open_to_write, release, translate_errors
from supasync_core.staging.duckdb_side import DuckdbSide
from supasync_core.staging.duckdb_tables import Kinds, Tables, shape_of, untyped
from supasync_core.staging.held_rows import HeldRows
from supasync_core.staging.read_rows import Reader
from supasync_core.staging.values import JSON, VARCHAR, Kind
from supasync_core.staging.write_rows import Writer
from supasync_duckdb.catalog import HIDDEN, catalog


class DuckdbSink(DuckdbSide):
    """Writes to one file; rows that nothing can refuse any more wait for `flush`.

    A table that does not exist yet is created with a JSON column for each column of the batch, which keeps
    the exact text of each cell; with VARCHAR columns if the source has nothing but texts. A table with
    columns of other types keeps them.
    """

    hidden: Sequence[str] = HIDDEN

    def __init__(self, path: Path, fence: Fence | None = None) -> None:
        self._path = path
        self._fence = fence or Fence()
        self._lock = RLock()
        self._opened: DuckDBPyConnection | None = None
        self._reader: Reader | None = None
        self._held: HeldRows | None = None
        self._shapes: dict[str, Shape] = {}
        self._documents: frozenset[str] = frozenset()
        """Columns of bare texts in which objects or lists stand, which the first batch makes JSON."""

    def informed(self, table: Table, shape: Shape) -> None:
        """Take the source's types: they decide when two keys are equal, and bare texts stay texts."""
        self._shapes[table.name] = shape

    def shape(self, table: Table) -> Shape:
        """The table's columns; not known before the first batch has created it."""
        kinds = self._kinds(table)
        return Shape(known=False) if kinds is None else replace(shape_of(kinds), grows=untyped(kinds))

    def tables(self, schema: str) -> Mapping[str, Shape]:
        """All tables and views of the schema; none if there is no file yet."""
        with self._lock:
            if self._opened is None and not self._path.exists():
                return {}
            with translate_errors(self._path):
                return catalog(self._connection(), schema)

    def row_formats(self, table: Table) -> Sequence[str]:
        """Arrow, where a table of raw JSON cells is there or would be made."""
        kinds = self._kinds(table)
        if kinds is None:
            return () if self._shapes.get(table.name, Shape()).texts else (ARROW,)
        return (ARROW,) if untyped(kinds) else ()

    def upsert(self, table: Table, batch: Batch) -> int:
        self._fence.ask()
        with self._lock:
            self._documents = self._with_documents(table, batch)
            return self._changed().take(table, batch)

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Remove the rows of these keys; all of them or none, and never more than were named."""
        wanted = table.exact_keys(keys)
        if not wanted or self._kinds(table) is None:
            return 0
        self._fence.ask()
        with self._lock:
            held = self._changed()
            held.merge(table)
            return held.writer.delete(table, wanted)

    def flush(self) -> None:
        if self._held:
            self._fence.ask()
            with self._lock:
                self._changed().merge()

    def close(self) -> None:
        try:
            self.flush()
        finally:
            if self._opened:
                release(self._opened)
                self._opened = self._reader = self._held = None

    @contextmanager
    def _reading(self, table: Table) -> Iterator[tuple[Reader, Table] | None]:
        if self._held and table in self._held:
            self._fence.ask()
        with self._lock:
            known = self._kinds(table) is not None
            if self._held and table in self._held:
                self._changed().merge(table)
            with translate_errors(self._path, table):
                if known and self._reader is None:  # it caches: nobody else can write to the file meanwhile
                    self._reader = Reader(self._connection())
                yield (self._reader, table) if known and self._reader else None

    def _kinds(self, table: Table) -> Kinds | None:
        """The table's columns; a file that does not exist is not created by asking."""
        with self._lock:
            if self._opened is None and not self._path.exists():
                return None
            with translate_errors(self._path, table):
                return Tables(self._connection()).kinds(table)

    def _with_documents(self, table: Table, batch: Batch) -> frozenset[str]:
        known = self._held is not None and self._held.knows(table)
        if known or not self._shapes.get(table.name, Shape()).texts or self._kinds(table) is not None:
            return frozenset()
        texts = raw_columns(batch).texts
        firsts = {name: {bytes(memoryview(cell)[:1]) for cell in cells} for name, cells in texts.items()}
        return frozenset(name for name, first in firsts.items() if first & {b"[", b"{"})

    def _changed(self) -> HeldRows:
        """The rows that wait, to be changed: what was read of the tables before is forgotten."""
        if self._reader:
            self._reader.forget()
        if self._held is None:
            writer = Writer(self._connection(), self._path, new=self._kind, shapes=self._shapes)
            self._held = HeldRows(writer)
        return self._held

    def _kind(self, table: Table, name: str) -> Kind:
        """A new column's kind: a text if all cells of the source are texts, else any JSON."""
        shape = self._shapes.get(table.name, Shape(known=False))
        column = shape.column(name)
        plain = shape.texts and column is not None and column.type is None
        return VARCHAR if plain and name not in self._documents else JSON

    def _connection(self) -> DuckDBPyConnection:
        if self._opened is None:
            self._opened = open_to_write(self._path)
        return self._opened
