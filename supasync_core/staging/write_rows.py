"""Rows into a DuckDB connection: exact cells, merged by key in one transaction."""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.errors import RowError
from supasync_core.model.raw_columns import RawColumns, raw_columns
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.staging.connection import private_umask, transaction, translate_errors
from supasync_core.staging.duckdb_tables import (
    Kinds,
    Tables,
    qualified,
    refuse_case_twins,
    schema_of,
    untyped,
)
from supasync_core.staging.equality import same as same_key
from supasync_core.staging.merge_rows import Merge, key_type
from supasync_core.staging.values import JSON, Kind, identifier, plain

Part = tuple[bytes, ...]
"""Raw cells of some rows, one text for each column."""
AT_ONCE = 8_000_000
"""Bytes of rows that are given to DuckDB in one statement."""
_STREAM = "supasync_stream"
_BETWEEN = b"\x1e"
"""Stands between the cells of a column: JSON has no such character that is not escaped (RFC 8259, 7)."""


@dataclass
class Writer:
    """Writes to the tables of one connection.

    ``new`` is the kind of a column that it creates; ``grows`` tells whether a table takes new columns.
    ``shapes`` have, by the table's name, the types that decide when two keys in texts are one; a key without
    one goes by its text.
    """

    connection: DuckDBPyConnection
    path: Path
    new: Callable[[Table, str], Kind] = lambda _table, _column: JSON
    grows: Callable[[Kinds], bool] = untyped
    shapes: Mapping[str, Shape] = field(default_factory=dict)

    def upsert(self, table: Table, batch: Batch) -> int:
        """Write all rows or none; the last of several with one key wins."""
        if not batch.count:
            return 0
        refuse_keyless(table, batch)
        cells = raw_columns(batch)
        columns = [name for name in cells.texts if name not in table.exclude]
        with translate_errors(self.path, table), transaction(self.connection):
            merge = Merge(table, columns, self.prepared(table, columns), self.shape_of(table))
            self.connection.execute(merge.draft())
            if self.is_sound(batch, cells):
                self._stage(merge, parts_of([cells.texts[name] for name in columns], len(batch.body)))
            else:
                self._stage_texts(merge, cells.texts)
            self._refuse_misfits(merge)
            self.connection.execute(merge.statement())
        return batch.count

    def begin(self, table: Table, columns: Sequence[str], name: str) -> Merge:
        """An empty draft of this name, for sound batches.

        The table has these columns, and none whose kind refuses a text.
        """
        with translate_errors(self.path, table), private_umask():
            kinds = Tables(self.connection).existing(table)
            merge = Merge(table, columns, kinds, self.shape_of(table), sound=True, name=name)
            self.connection.execute(merge.draft())
        return merge

    def add(self, merge: Merge, parts: Iterable[Part]) -> None:
        """Add the parts of sound batches to the draft, in their order."""
        with translate_errors(self.path, merge.table), private_umask():
            self._stage(merge, parts)

    def add_stream(self, merge: Merge, stream: object) -> None:
        """Add the rows of an Arrow stream of raw cells."""
        with translate_errors(self.path, merge.table), private_umask():
            self.connection.register(_STREAM, stream)
            try:
                self.connection.execute(merge.streamed(_STREAM))
            finally:
                self.connection.unregister(_STREAM)

    def merge(self, merge: Merge) -> None:
        """Write the rows of the draft in one transaction, and drop it."""
        with translate_errors(self.path, merge.table):
            with transaction(self.connection):
                new = not any(
                    self.connection.execute(each).fetchone() for each in (merge.doubles(), merge.known())
                )
                self.connection.execute(merge.insertion() if new else merge.statement())
            self.connection.execute(merge.dropped())

    def is_sound(self, batch: Batch, cells: RawColumns) -> bool:
        """Whether DuckDB takes every cell for JSON, so that it reads texts as Python's decoder does."""
        if cells.strict:
            return True
        try:
            body = batch.body.decode()
            return bool(self.connection.execute("SELECT json_valid($body)", {"body": body}).fetchall()[0][0])
        except (UnicodeError, duckdb.Error):
            return False

    def _stage(self, merge: Merge, parts: Iterable[Part]) -> None:
        """Add the parts of sound batches to the draft."""
        for part in parts:
            values = {f"c{i}": cells.decode() for i, cells in enumerate(part)}
            self.connection.execute(merge.staged(), values)

    def _stage_texts(self, merge: Merge, cells: Mapping[str, Sequence[Any]]) -> None:
        """The same for a batch that holds what is no Unicode, or no JSON to DuckDB: it says which."""
        values = {f"c{i}": _texts(cells[name], merge.kinds[name]) for i, name in enumerate(merge.columns)}
        try:
            self.connection.execute(merge.staged_texts(), values)
        except (duckdb.InvalidInputException, RuntimeError) as err:  # before DuckDB 2.0, a RuntimeError
            raise merge.table.error(RowError, "a text is not valid Unicode, DuckDB cannot hold it") from err

    def _refuse_misfits(self, merge: Merge) -> None:
        """RowError where a column does not hold a text of the batch as it is."""
        misfits = self.connection.execute(merge.misfits()).fetchall()[0]
        for name, count in zip(merge.columns, misfits, strict=True):
            if count:
                misfit = counted(count, "value of the batch does", "values of the batch do")
                raise merge.table.error(
                    RowError,
                    f"{misfit} not fit the column {name} ({merge.kinds[name].sql}) unchanged",
                    hint="give the column a wider type, VARCHAR holds any text",
                )

    def delete(self, table: Table, keys: Sequence[tuple[str, ...]]) -> int:
        """Remove the rows of these keys, by their plain texts; SchemaError where a key names several."""
        with translate_errors(self.path, table), transaction(self.connection):
            kinds, shape = Tables(self.connection).existing(table), self.shape_of(table)
            wanted = {f"v{i}": [key[i] for key in keys] for i in range(len(table.key))}
            unnested = ", ".join(f"unnest(CAST(${name} AS VARCHAR[])) AS {name}" for name in wanted)
            same = " AND ".join(
                same_key(
                    key_type(shape, kinds[name], name),
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

    def shape_of(self, table: Table) -> Shape:
        """What the source says of the table's columns."""
        return self.shapes.get(table.name, Shape(known=False))

    def prepared(self, table: Table, columns: Sequence[str]) -> Kinds:
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


def refuse_keyless(table: Table, batch: Batch) -> None:
    """SchemaError where a row has NULL in the key, or no plain value."""
    try:
        batch.keys(table.key)
    except ValueError:
        table.keys(batch)


def parts_of(columns: Sequence[Sequence[Any]], size: int) -> Iterator[Part]:
    """The cells of a batch of this size, in parts that DuckDB takes at once."""
    rows = len(columns[0])
    step = max(1, rows * AT_ONCE // max(size, 1))
    for start in range(0, rows, step):
        yield tuple(_BETWEEN.join(column[start : start + step]) for column in columns)


def joined(parts: Iterable[Part]) -> Iterator[Part]:
    """The same rows in fewer parts: a statement takes longer than some hundred rows."""
    waiting: list[Part] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += sum(map(len, part))
        if size >= AT_ONCE:
            yield tuple(map(_BETWEEN.join, zip(*waiting, strict=True)))
            waiting, size = [], 0
    if waiting:
        yield tuple(map(_BETWEEN.join, zip(*waiting, strict=True)))


def _texts(cells: Iterable[Any], kind: Kind) -> list[str | None]:
    keep = str if kind == JSON else raw_json.plain
    texts = (bytes(cell).decode() for cell in cells)
    return [None if text == "null" else keep(text) for text in texts]
