"""Tables whose rows are read as a whole, such as files: windows of them, and the sink that replaces them.

A subclass of `WholeTableSource` says `load`, one of `WholeTableSink` also `store`.
"""

import json
from abc import abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from threading import RLock

from supasync_core.api.answers import refuse_other
from supasync_core.api.base import BaseSink, BaseSource
from supasync_core.api.plugin_fault import line_of
from supasync_core.api.registration import Fence
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Key, Span, Window
from supasync_core.model.page_order import ordinal_of
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Instant

Place = tuple[bool, Instant, Key, int]
"""Whether the ordering value is NULL, where it stands, the key, the row's number."""


@dataclass
class TableRows:
    """All rows of a table, in memory: which of them a window holds, in its order."""

    table: Table
    loaded: Batch
    _orders: dict[str | None, list[Place]] = field(default_factory=dict, init=False)

    def page(self, window: Window) -> Batch:
        """One page of the window, and the number of its rows where that is asked for."""
        found = self._found(window, None if window.counted else window.limit)
        page = self.chosen(found[: window.limit])
        return replace(page, total=len(found) if window.counted else None)

    def count(self, window: Window | None) -> int:
        """The number of rows, of the table or of the window."""
        return self.whole.count if window is None else len(self._found(window, None))

    def having(self, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Batch:
        """The rows whose columns have one of these tuples of texts."""
        wanted = {tuple(each) for each in values}
        return self.chosen([i for i, row in enumerate(self.whole.rows) if texts_of(row, columns) in wanted])

    def chosen(self, numbers: Sequence[int]) -> Batch:
        """The rows of these numbers, in the columns that tables.yaml names."""
        batch, table = self.whole.only(numbers), self.table
        if not table.columns and not table.exclude:
            return batch
        texts = []
        for cells in map(raw_json.cells, batch.rows.texts):
            names = [name for name in cells if name in (table.columns or cells) and name not in table.exclude]
            texts.append(object_text({name: cells[name] for name in names}))
        return replace(batch, body=raw_json.join(texts))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of all rows, in the order in which they come."""
        return tuple(dict.fromkeys(name for row in self.loaded.rows for name in row))

    @cached_property
    def whole(self) -> Batch:
        """The rows with all columns each: one that a row does not name is NULL there."""
        if all(len(row) == len(self.columns) for row in self.loaded.rows):
            return self.loaded
        blank = dict.fromkeys(self.columns, "null")
        texts = [object_text(blank | raw_json.cells(text)) for text in self.loaded.rows.texts]
        return replace(self.loaded, body=raw_json.join(texts))

    def _found(self, window: Window, limit: int | None) -> list[int]:
        """The numbers of the window's rows in its order, no more of them than ``limit``."""
        places = self._order(window.spans[0].keyset.column)
        first = min(self._first(places, span, window.spans[0]) for span in window.spans)
        found: list[int] = []
        for place in places[first:]:
            if any(self._holds(span, place) for span in window.spans):
                found.append(place[-1])
                if len(found) == limit:
                    break
        return found

    def _order(self, column: str | None) -> list[Place]:
        if column not in self._orders:
            rows = enumerate(self.whole.rows)
            self._orders[column] = sorted(
                (*self._value(i, column), self.table.key_of(row), i) for i, row in rows
            )
        return self._orders[column]

    def _first(self, places: list[Place], span: Span, leading: Span) -> int:
        """Where a span's rows begin at the earliest in the order of the leading one."""
        column, after = span.keyset.column, span.after
        if column != leading.keyset.column:
            return 0
        firsts = [0]
        if after and (column is None or after.value is not None):
            value = 0 if column is None else self._bound(column, after.value or "")
            firsts.append(bisect_left(places, (False, value, after.key)))
        if column and span.start is not None:
            firsts.append(bisect_left(places, (False, self._bound(column, span.start))))
        if column and span.beyond is not None:
            at = self._bound(column, span.beyond)
            firsts.append(bisect_right(places, at, key=lambda place: float("inf") if place[0] else place[1]))
        return max(firsts)

    def _holds(self, span: Span, place: Place) -> bool:
        *_, key, number = place
        column = span.keyset.column
        null, at = self._value(number, column)
        row = self.whole.rows[number]
        if null or any(row.get(name) is not None for name in span.keyset.nulls):
            return False
        if span.to is not None and key > span.to:
            return False
        if span.after is not None:
            value = (
                at if column is None or span.after.value is None else self._bound(column, span.after.value)
            )
            if (at, key) <= (value, span.after.key):
                return False
        return column is None or self._within(span, column, at)

    def _within(self, span: Span, column: str, at: Instant) -> bool:
        return not (
            (span.start is not None and at < self._bound(column, span.start))
            or (span.until is not None and at > self._bound(column, span.until))
            or (span.beyond is not None and at <= self._bound(column, span.beyond))
        )

    def _value(self, number: int, column: str | None) -> tuple[bool, Instant]:
        """Whether the row's ordering value is NULL, and where it stands."""
        if column is None:
            return False, 0
        value = self.whole.rows[number].get(column)
        return value is None, 0 if value is None else self._bound(column, value)

    def _bound(self, column: str, text: object) -> Instant:
        return ordinal_of(self.table, column, text)


class WholeTableSource(BaseSource):
    """A source whose tables are read as a whole: a subclass says `load`."""

    @cached_property
    def _loaded(self) -> dict[str, TableRows]:
        return {}

    @abstractmethod
    def load(self, table: Table) -> Batch | None:
        """All rows of the table, with the time up to which nothing is missing; None where there is no table.

        The same object as before where nothing has changed: its rows are then not sorted again.
        """

    def shape(self, table: Table) -> Shape:
        """The names that the rows have."""
        names = self._rows(table).columns
        return Shape(tuple(map(Column, names)), known=bool(names))

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows."""
        return self._rows(table).count(window)

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window."""
        return self._rows(table).page(window)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows that have these texts, in one batch."""
        yield self._rows(table).having(columns, values)

    def _rows(self, table: Table) -> TableRows:
        if table.where:
            raise table.schema_error("where: this backend has no filter")
        whole = self._whole(table)
        if whole is None:
            raise table.schema_error("no such table")
        known = self._loaded.get(table.name)
        if known is None or known.loaded is not whole:
            refuse_other("load", whole, line_of(type(self).load))
        if known is None or known.loaded is not whole or known.table != table:
            known = self._loaded[table.name] = TableRows(table, whole)
        return known

    def _whole(self, table: Table) -> Batch | None:
        return self.load(table)


@dataclass
class _Held:
    """All rows of a table by key, some of which are not stored yet; ``batch`` are the same rows."""

    table: Table
    rows: dict[Key, dict[str, str]]

    @cached_property
    def batch(self) -> Batch:
        return Batch(raw_json.join(map(object_text, self.rows.values())))


class WholeTableSink(WholeTableSource, BaseSink):
    """A sink whose tables are replaced as a whole: a subclass says `load` and `store`.

    It is `Buffered`: rows are merged in memory, and a table is stored by `flush` and by `close`, which a
    subclass that closes something itself calls too. Columns that rows gain are added.
    """

    fence: Fence
    """Set by the subclass, which is opened with it."""

    @abstractmethod
    def store(self, table: Table, rows: Batch) -> None:
        """Replace the table's rows, all or nothing; the table is created where it is missing."""

    @cached_property
    def _held(self) -> dict[str, _Held]:
        return {}

    @cached_property
    def _lock(self) -> AbstractContextManager[object]:
        return RLock()

    def shape(self, table: Table) -> Shape:
        """The names that the rows have; a batch adds to them."""
        return replace(super().shape(table), grows=True)

    def upsert(self, table: Table, batch: Batch) -> int:
        """Merge the rows by key; the last of several with one key wins."""
        if not batch.count:
            return 0
        keys, rows = table.keys(batch), list(map(raw_json.cells, batch.rows.texts))
        names = [name for name in dict.fromkeys(chain(*rows)) if name not in table.exclude]
        self.fence.ask()
        with self._lock:
            stored = self._by_key(table)
            for key, cells in zip(keys, rows, strict=True):
                stored[key] = stored.get(key, {}) | {name: cells.get(name, "null") for name in names}
            self._held[table.name] = _Held(table, stored)
        return batch.count

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Remove the rows of these keys."""
        wanted = table.exact_keys(keys)
        if not wanted:
            return 0
        self.fence.ask()
        with self._lock:
            stored = self._by_key(table)
            found = [key for key in wanted if stored.pop(key, None) is not None]
            if found:
                self._held[table.name] = _Held(table, stored)
        return len(found)

    def flush(self) -> None:
        """Store the tables whose rows have changed."""
        if not self._held:
            return
        self.fence.ask()
        with self._lock:
            for name, held in list(self._held.items()):
                self.store(held.table, held.batch)
                del self._held[name]

    def close(self) -> None:
        """Store what was not stored yet."""
        self.flush()

    def _rows(self, table: Table) -> TableRows:
        """A table that no batch has created yet has no rows."""
        with self._lock:
            if self._whole(table) is None:
                return TableRows(table, Batch(b"[]"))
            return super()._rows(table)

    def _whole(self, table: Table) -> Batch | None:
        held = self._held.get(table.name)
        return held.batch if held else self.load(table)

    def _by_key(self, table: Table) -> dict[Key, dict[str, str]]:
        held = self._held.get(table.name)
        if held and held.table.key == table.key:
            return held.rows
        whole = self._rows(table.whole()).whole
        return dict(zip(table.keys(whole), map(raw_json.cells, whole.rows.texts), strict=True))


def object_text(cells: dict[str, str]) -> str:
    """A JSON object of these cells, each as it stands."""
    return (
        "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{cell}" for name, cell in cells.items()) + "}"
    )
