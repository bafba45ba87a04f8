"""The sink `csv`: batches are collected in DuckDB, and replace the table's whole file from time to time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from supasync_core.api.registration import Fence
from supasync_core.model import pg_literals, raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.errors import TransientError
from supasync_core.model.pg_types import is_array, is_json, type_of
from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging.connection import private_umask, translate_errors
from supasync_core.staging.csv.folder import Files
from supasync_core.staging.csv.unchanged import stamp
from supasync_core.staging.duckdb_side import DuckdbSide
from supasync_core.staging.duckdb_tables import Tables
from supasync_core.staging.held_rows import HeldRows
from supasync_core.staging.read_rows import Reader
from supasync_core.staging.values import JSON, VARCHAR, Kind, identifier
from supasync_core.staging.write_rows import Writer
from supasync_core.system.links import replace_whole
from supasync_csv.workspace import Workspace, header


class CsvSink(DuckdbSide):
    """Strings are written as their content, all other JSON as it stands, NULL as nothing.

    With the source's types (``typed``) that is what psql writes, except for three cases that are written as
    JSON: composites, arrays of composites, arrays of JSON with lists in it. Without types a JSON string in a
    json column loses its quotes, and all arrays are JSON.
    """

    def __init__(self, path: Path, fence: Fence | None = None) -> None:
        self._files = Files(path)
        self._fence = fence or Fence()
        self._lock = RLock()
        self._work = Workspace()
        self._writer = Writer(
            self._work.connection, self._work.path, new=self._kind, grows=lambda _kinds: True
        )
        self._held = HeldRows(self._writer)
        self._shapes: dict[str, Shape] = {}
        self._loaded: set[Path] = set()
        self._seen: dict[Path, tuple[int, ...] | None] = {}
        """What tells whether others have changed a file since it was loaded or written here."""
        self._unsaved: dict[Path, Table] = {}
        """The tables whose files do not have every row yet."""

    def typed(self, table: Table, shape: Shape) -> None:
        """Take the source's types, before the first batch: cells are then what PostgreSQL reads.

        A missing file is created with a header alone: a table without rows is a file too.
        """
        path = self._files.of(table)
        if path in self._unsaved:
            self.flush()
        with self._lock:
            self._shapes[table.name] = shape
            self._loaded.discard(path)
            self._seen.pop(path, None)
            columns = table.columns or [column.name for column in shape.columns]
            names = [name for name in columns if name not in table.exclude]
            if shape.known and names and not table.transform and not path.exists():
                self._work.drop(table)
                self._writer.create(table, names)
                self._save(table)

    def shape(self, table: Table) -> Shape:
        """The columns that the table has; not known before the first batch has created it."""
        path = self._files.of(table)
        with self._lock:
            if path in self._unsaved:
                names = list(Tables(self._work.connection).existing(table))
            elif path.is_file():
                names = header(table, path)
            else:
                return Shape(known=False)
        return Shape(tuple(map(Column, names)), grows=True)

    def upsert(self, table: Table, batch: Batch) -> int:
        self._fence.ask()
        with self._lock:
            self._load(table)
            shape = self._shapes.get(table.name, Shape(known=False))
            arrays = {column.name: column.type for column in shape.columns if is_array(column.type or "")}
            return self._changed(
                table, self._held.take(table, _with_literals(batch, arrays) if arrays else batch)
            )

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Remove the rows of these keys; all of them or none, and never more than were named."""
        wanted = table.exact_keys(keys)
        with self._lock:
            loaded = bool(wanted) and self._load(table)
        if not loaded:
            return 0
        self._fence.ask()
        with self._lock:
            self._held.merge(table)
            return self._changed(table, self._writer.delete(table, wanted))

    def flush(self) -> None:
        """Write what was not written yet; a file that others have changed keeps no other one from that."""
        if not self._unsaved:
            return
        self._fence.ask()
        changed: TransientError | None = None
        with self._lock:
            for table in list(self._unsaved.values()):
                try:
                    self._save(table)
                except TransientError as err:
                    changed = changed or err
        if changed is not None:
            raise changed

    def close(self) -> None:
        """Write what was not written yet, and remove the loaded copy; the files stay."""
        try:
            self.flush()
        finally:
            self._work.close()

    @contextmanager
    def _reading(self, table: Table) -> Iterator[tuple[Reader, Table] | None]:
        with self._lock:
            loaded, reader = self._load(table), Reader(self._work.connection)
            self._held.merge(table)
            with translate_errors(self._work.path, table):
                try:
                    yield (reader, table) if loaded else None
                finally:
                    reader.forget()

    def _changed(self, table: Table, rows: int) -> int:
        """The number of rows; if there are any, the table's file has to be written."""
        if rows:
            self._unsaved[self._files.of(table)] = table
        return rows

    def _save(self, table: Table) -> None:
        """Write the table's file; if that fails, it stays to be written.

        TransientError where others have changed it since: what they wrote would be lost.
        """
        path = self._files.of(table)
        if stamp(path, by_system=False) != self._seen.get(path):
            raise table.error(
                TransientError,
                f"{path} was changed by another program meanwhile and is left as that wrote it",
                hint="run it again: it begins with what the file has now",
            )
        self._held.merge(table)
        with private_umask(), translate_errors(path, table):
            replace_whole(path, lambda file: self._work.save(table, file))
        self._unsaved.pop(path, None)
        self._loaded.add(path)
        self._seen[path] = stamp(path, by_system=False)

    def _load(self, table: Table) -> bool:
        """Load the table's file unless it is loaded; False if there is no table."""
        path = self._files.of(table)
        if path not in self._loaded and path not in self._unsaved:
            self._held.forget(table)
            self._seen[path] = stamp(path, by_system=False)
            if not path.is_file():
                self._work.drop(table)
                return False
            self._work.load(
                table, path, lambda name: f"CAST({identifier(name)} AS {self._kind(table, name).sql})"
            )
            self._loaded.add(path)
        return True

    def _kind(self, table: Table, column: str) -> Kind:
        shape = self._shapes.get(table.name, Shape(known=False))
        return JSON if is_json(type_of(shape, column)) else VARCHAR


def _with_literals(batch: Batch, arrays: Mapping[str, str | None]) -> Batch:
    """The batch with arrays as strings that hold PostgreSQL's own text."""
    rows = []
    for text in raw_json.split(batch.body):
        cells = raw_json.cells(text)
        for name, kind in arrays.items():
            cell, element = cells.get(name, ""), (kind or "").removesuffix("[]")
            if cell.startswith("[") and (array := pg_literals.printed(cell, element)) is not None:
                cells[name] = json.dumps(array, ensure_ascii=False)
        rows.append("{" + ",".join(f"{json.dumps(name)}:{cell}" for name, cell in cells.items()) + "}")
    return Batch(raw_json.join(rows), batch.total)
