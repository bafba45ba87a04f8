"""What of a table is read and compared: keys, timestamps, or whole rows as they should have arrived."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from supasync_core.api.backend import Typed
from supasync_core.model import raw_json, transform
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import TableError
from supasync_core.model.json_budget import LARGE
from supasync_core.model.pg_types import type_of
from supasync_core.model.same_value import moment, same_cell
from supasync_core.model.state import State
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Instant
from supasync_core.model.transform import SameColumns
from supasync_core.project.migration import Migration
from supasync_core.schema.printed_precision import Printing
from supasync_core.verify.verdict import KEYS, ROWS, STAMPS, Method

VERSION = "xmin"
"""PostgreSQL's system column that changes with each write of a row (documentation, 5.6 "System Columns").

It wraps around and says nothing of order, so it is compared for equality alone.
"""
LEAST_PAGE = 1000
_MODULUS = 1 << 256
_JSON = json.JSONEncoder(ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class SeenRow:
    """A row as one side shows it: its timestamps as printed, its whole text where that is compared."""

    key: Key
    stamps: tuple[str | None, ...]
    text: str | None = None
    version: str | None = None

    @property
    def light(self) -> "SeenRow":
        """The same with a digest of its text in place of the text, to be kept in numbers."""
        if self.text is None or not self.has_cells:
            return self
        return replace(self, text=sha256(self.text.encode(errors="surrogatepass")).hexdigest())

    @property
    def has_cells(self) -> bool:
        """Whether its text is the row's own, and not a digest."""
        return (self.text or "").startswith("{")

    @property
    def instants(self) -> tuple[Instant | str | None, ...]:
        """The timestamps as moments, a text that is none as it stands."""
        return tuple(map(moment, self.stamps))

    @property
    def stamped(self) -> Instant | None:
        """When the row is stamped: by the first timestamp that is not NULL, where that is a moment."""
        first = next((each for each in self.instants if each is not None), None)
        return None if isinstance(first, str) else first


@dataclass(frozen=True)
class TableComparison:
    """How one table is compared.

    ``stamps`` are the columns whose change shows an update. ``lenient``: the two sides are of different
    kinds, or of one that knows no types, and spell equal values differently. ``versioned``: OLD's rows come
    with their version.
    """

    migration: Migration
    table: Table
    state: State
    method: Method
    stamps: tuple[str, ...]
    counted: bool
    """Whether the table's key is a number that grows, which alone tells what sync has brought."""
    lenient: bool
    shape: Shape
    made: SameColumns
    """The columns that transforms make of OLD's rows."""
    versioned: bool = True
    close: bool = False
    """Whether large rows are looked at again, and kept as they are."""
    bare: bool = False
    """Whether keys are read without the timestamps."""

    @property
    def old(self) -> Table:
        """The table as it is read in OLD."""
        if self.method == ROWS:
            columns = self._named() if self.versioned else self.table.columns
            return replace(self.table, columns=columns, exclude=() if columns else self.table.exclude)
        wanted = (*self.table.key, *self._shown, *((VERSION,) if self.versioned else ()))
        return self._narrow(wanted, self.table.where)

    @property
    def new(self) -> Table:
        """The table as it is read in NEW; ``where`` speaks OLD's language, of rows as OLD has them."""
        where = None if self.table.transform else self.migration.in_new(self.table).where
        if self.method == ROWS:
            columns = () if self.table.transform else self.table.columns
            return replace(self.table, where=where, columns=columns, exclude=())
        return self._narrow((*self.table.key, *self._shown), where)

    @property
    def _shown(self) -> tuple[str, ...]:
        return () if self.bare else self.stamps

    def _narrow(self, columns: tuple[str, ...], where: str | None) -> Table:
        return replace(
            self.table,
            columns=tuple(dict.fromkeys(columns)),
            exclude=(),
            timestamp=(),
            transform=(),
            where=where,
            page_size=max(self.table.page_size, LEAST_PAGE),
        )

    def _named(self) -> tuple[str, ...]:
        """Every column of OLD by name, and the version behind them."""
        names = self.table.columns or tuple(
            column.name for column in self.migration.source.shape(self.table).columns
        )
        if not names:
            raise self.table.schema_error("OLD does not list its columns")
        return (*(name for name in names if name not in self.table.exclude), VERSION)

    def whole(self) -> "TableComparison":
        """The same table by whole rows, to be looked at again."""
        return replace(self, method=ROWS, bare=False, close=True)

    def printed(self) -> tuple[Printing, Printing]:
        """What both sides print, where whole rows are compared."""
        ends = (("OLD", self.migration.source), ("NEW", self.migration.sink))
        whole = self.method == ROWS
        old, new = (
            Printing.of(name, side, self.table, side.shape(self.table) if whole else Shape(()))
            for name, side in ends
        )
        return old, new

    def of_old(self, batch: Batch) -> Iterator[tuple[Key, SeenRow | None]]:
        """OLD's rows as they should be in NEW; None for one that a transform leaves out."""
        transforms = self.migration.transforms(self.table) if self.method == ROWS else ()
        for index, row in enumerate(batch.rows):
            version = row.get(VERSION) if self.versioned else None
            key = self.table.key_of(row)
            plain = self._text(batch, index, version, light=not transforms)
            if not transforms or plain is None:
                yield key, self._seen(key, row, plain, version)
                continue
            changed = transform.apply(transforms, self.table, Batch(raw_json.join([plain])), self.made)
            if not changed.count:
                yield key, None
                continue
            made = changed.rows[0]
            seen = self._seen(self.table.key_of(made), made, changed.rows.texts[0], version)
            if seen.key != key:
                raise self.table.error(
                    TableError,
                    "a transform changes the key, so rows cannot be found again in NEW",
                    hint="compare the two by supasync diff, which matches rows that you give it",
                )
            yield key, seen

    def of_new(self, batch: Batch) -> Iterator[SeenRow]:
        """NEW's rows."""
        for index, row in enumerate(batch.rows):
            yield self._seen(self.table.key_of(row), row, self._text(batch, index, None), None)

    def same(self, old: SeenRow, new: SeenRow) -> bool:
        """Whether the rows are equal as far as they were read."""
        if self.method == ROWS:
            return old.text == new.text or (old.has_cells and new.has_cells and not self.differing(old, new))
        return old.stamps == new.stamps or old.instants == new.instants

    def differing(self, old: SeenRow, new: SeenRow) -> tuple[str, ...]:
        """The columns of whole rows that differ, of those that travel; the keys are equal."""
        mine, theirs = raw_json.cells(old.text or "{}"), raw_json.cells(new.text or "{}")
        return tuple(
            name
            for name, text in mine.items()
            if name not in self.table.exclude
            and name not in self.table.key
            and not (name in theirs and self._same(name, text, theirs[name]))
        )

    def _same(self, name: str, mine: str, theirs: str) -> bool:
        kind, stamp = type_of(self.shape, name), name in self.stamps
        return same_cell(kind, mine, theirs, stamp=stamp, lenient=self.lenient)

    def _text(self, batch: Batch, index: int, version: str | None, *, light: bool = True) -> str | None:
        """The row's text without the version, where whole rows are compared.

        Of a large one a digest, until it is looked at again.
        """
        if self.method != ROWS:
            return None
        raw = batch.rows.texts.bytes_at(index)
        if light and not self.close and len(raw) > LARGE and (digest := _digest(raw, version)):
            return digest
        text = batch.rows.texts[index]
        return without_version(text, version) if version else text

    def _seen(self, key: Key, row: Mapping[str, Any], text: str | None, version: str | None) -> SeenRow:
        return SeenRow(key, tuple([row.get(name) for name in self.stamps]), text, version)


def comparison_of(migration: Migration, table: Table, state: State, *, exact: bool) -> TableComparison:
    """How the table is best compared.

    By whole rows where a transform changes them on their way, and where nothing shows an update while sync
    reads the table as a whole each time.
    """
    keysets = migration.strategy(table).keysets(table)
    ordering = tuple(each.column for each in keysets if each.column is not None)
    stamps = tuple(name for name in ordering if name not in table.key)
    counted = bool(ordering) and not stamps
    method: Method = STAMPS if stamps else KEYS if counted else ROWS
    return TableComparison(
        migration=migration,
        table=table,
        state=state,
        method=ROWS if exact or table.transform else method,
        stamps=stamps,
        counted=counted,
        lenient=not migration.alike or isinstance(migration.sink, Typed),
        shape=migration.sink.shape(table),
        made=SameColumns(state),
    )


def added(total: int, row: SeenRow) -> int:
    """A sum of digests with that of one more row; it does not depend on the order of rows."""
    moments = [str(each) for each in row.instants]
    text = _JSON.encode([row.key, moments, row.light.text])
    return (total + int.from_bytes(sha256(text.encode(errors="surrogatepass")).digest())) % _MODULUS


def shown(total: int) -> str:
    """A sum of digests as hexadecimal digits."""
    return f"{total:064x}"


def _digest(row: memoryview, version: str | None) -> str | None:
    """As of the row's text without the version, of which no copy is made; None where that takes one."""
    ending = f',"{VERSION}":"{version}"}}'.encode() if version else b""
    start = len(row) - len(ending)
    if bytes(row[start:]) != ending:
        return None
    digest = sha256(row[:start])
    digest.update(b"}" if ending else b"")
    return digest.hexdigest()


def without_version(text: str, version: str) -> str:
    """The row's own text: the version was asked for as its last column."""
    ending = f',"{VERSION}":"{version}"}}'
    if text.endswith(ending):
        return text[: -len(ending)] + "}"
    return raw_json.without(text, VERSION)
