"""What flows from a source to a sink: places in an order, windows to read, batches of rows."""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, overload

from supasync_core.model import raw_json
from supasync_core.model.json_budget import LARGE, is_too_much
from supasync_core.model.timestamps import Horizon

Row = Mapping[str, Any]
Key = tuple[str, ...]
"""The texts of a row's key columns."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a keyset: the source's own text of the ordering value and of each key column.

    ``value`` is None in a keyset that is ordered by key alone. ``key`` is empty when only the value is
    known: the place before the first row of that value.
    """

    value: str | None
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyset:
    """The rows whose ``nulls`` columns are all NULL, in ascending order of ``column``, then of the key.

    Without a ``column`` they are ordered by the key alone. The keysets of a table share no row and
    together hold them all.
    """

    column: str | None
    nulls: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name under which the state keeps this keyset."""
        return self.column or "*"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one keyset: every bound that is given holds.

    ``start``: value >= start. ``after``: strictly beyond this place; without a value, beyond this key.
    ``until``: value <= until. ``beyond``: value > beyond. ``to``: the key is at most this one, in the order
    in which the backend itself sorts keys.
    """

    keyset: Keyset
    start: str | None = None
    after: Cursor | None = None
    until: str | None = None
    beyond: str | None = None
    to: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What one page may hold: rows of any of the spans, at most ``limit``.

    A window of one span comes in the order of its keyset. A window of several comes in the order of the
    first span's keyset, NULL last. ``counted`` asks for the exact number of rows in the whole window.
    ``by_key``: the rows come in the order of the key instead; only a source whose ``orders_by_key`` is true
    is asked for that.
    """

    spans: tuple[Span, ...]
    limit: int
    counted: bool = False
    by_key: bool = False


class Rows(Sequence[Row]):
    """Rows that are decoded when they are looked at: numbers as their own text, so that no digit is lost.

    Of a large row each cell is decoded by itself: a look at a key does not copy the text beside it.
    """

    def __init__(self, body: bytes, texts: raw_json.Texts | None = None) -> None:
        self._body = body
        self._texts = raw_json.split(body) if texts is None else texts

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice) or "_all" in self.__dict__:
            return self._all[index]
        return self._row(index)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._all)

    def __eq__(self, other: object) -> bool:
        return self._all == (other._all if isinstance(other, Rows) else other)

    def __hash__(self) -> int:
        return hash(self._body)

    def __repr__(self) -> str:
        return f"Rows({len(self)})"

    @property
    def texts(self) -> raw_json.Texts:
        """Each row as the source printed it."""
        return self._texts

    @cached_property
    def _all(self) -> list[Row]:
        if len(self._body) > LARGE * len(self):
            return [self._row(index) for index in range(len(self))]
        try:
            rows: list[Row] = _decoded(self._body)
        except RecursionError:
            return [self._row(index) for index in range(len(self))]
        return rows

    def _row(self, index: int) -> Row:
        return decoded_row(self._texts.bytes_at(index))


class Cells(Mapping[str, Any]):
    """One row, of which each value is decoded when it is looked at.

    One that is too deep, or holds more values than `MOST_VALUES`, stays its text.
    """

    def __init__(self, text: memoryview) -> None:
        self._cells = raw_json.raw_cells(text)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - JSON
        text = bytes(self._cells[name])
        with suppress(RecursionError):
            if not is_too_much(text):
                return _decoded(text)
        return text.decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


def decoded_row(text: memoryview) -> Row:
    """The row of this text; of a large or deep one each value by itself."""
    if len(text) > LARGE:
        return Cells(text)
    try:
        row: Row = _decoded(bytes(text))
    except RecursionError:
        return Cells(text)
    return row


def _decoded(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)


@dataclass(frozen=True)
class Batch:
    """Rows as the source printed them: ``body`` is a JSON array of objects, never decoded on its way.

    ``total`` is the exact number of rows in the window, where it was asked for. ``read_at`` is the source's
    own time at the answer that brought them; None from a source without a clock. Reading ``rows`` decodes a
    copy; the body that a sink sends stays the source's own bytes. ``exact`` holds PostgreSQL's text of values
    that JSON cannot carry, by the place of a row and by column: a sink that can writes these instead.
    ``asked`` is how many rows were asked for at most, where whoever stands between may have counted the rows
    of the answer instead of those of the window. ``partial``: the source says that rows of the window are
    missing in it, whatever the ``total``.
    """

    body: bytes
    total: int | None = None
    read_at: Horizon | None = field(default=None, compare=False)
    exact: Mapping[int, Mapping[str, str]] = field(default_factory=dict, compare=False, repr=False)
    asked: int | None = field(default=None, compare=False, repr=False)
    partial: bool = field(default=False, compare=False, repr=False)

    @cached_property
    def rows(self) -> Rows:
        """A decoded copy, row by row as they are looked at; ValueError where the body is not a JSON array."""
        return Rows(self.body)

    def only(self, wanted: Sequence[int]) -> "Batch":
        """The rows at these places, their texts unchanged."""
        texts = self.rows.texts
        body = raw_json.join(texts[index] for index in wanted)
        exact = {at: self.exact[index] for at, index in enumerate(wanted) if index in self.exact}
        return Batch(body, read_at=self.read_at, exact=exact)

    def keys(self, columns: Sequence[str]) -> Sequence[Hashable]:
        """What tells the rows apart by these columns, in their order: see `raw_json.key_values`."""
        known: dict[tuple[str, ...], Sequence[Hashable]] = self.__dict__.setdefault("_keys", {})
        names = tuple(columns)
        if names not in known:
            known[names] = raw_json.key_values(self.body, names)
        return known[names]

    def key_hashes(self, columns: Sequence[str]) -> list[int]:
        """64 bits of each row's key, to its last digit: see `raw_json.key_hashes`."""
        return raw_json.key_hashes(self.body, columns, self.keys(columns))

    def texts(self, columns: Sequence[str]) -> list[tuple[str | None, ...]]:
        """The texts of these columns in each row: see `raw_json.texts_or_nulls`."""
        names, found = self.__dict__.pop("_looked", ((), []))  # they are many, and looked at once
        return found if names == tuple(columns) else raw_json.texts_or_nulls(self.body, columns)

    def look(self, key: Sequence[str], columns: Sequence[str]) -> None:
        """Find the keys, and for once the texts of these columns, in one pass instead of two if possible."""
        known: dict[tuple[str, ...], Sequence[Hashable]] = self.__dict__.setdefault("_keys", {})
        if tuple(key) in known:
            return
        with suppress(ValueError):
            keys, texts = raw_json.keys_and_texts(self.body, key, columns)
            known[tuple(key)], self.__dict__["_looked"] = keys, (tuple(columns), texts)

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return len(self.body)

    @property
    def count(self) -> int:
        """How many rows the batch holds."""
        return len(self.rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the batch, in the source's order; empty without rows."""
        return tuple(self.rows[0]) if self.rows else ()


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of the rows of all, their texts unchanged; what was found in each is not looked for again."""
    if len(batches) == 1:
        return batches[0]
    filled = [batch for batch in batches if batch.count]
    exact: dict[int, Mapping[str, str]] = {}
    at = 0
    for batch in filled:
        exact |= {at + place: cells for place, cells in batch.exact.items()}
        at += batch.count
    whole = Batch(_as_one([batch.body for batch in filled]), exact=exact)
    if all(type(batch) is Batch for batch in filled):
        texts = raw_json.Texts.together(batch.rows.texts for batch in filled)
        whole.__dict__["rows"] = Rows(whole.body, texts)
        known: list[dict[tuple[str, ...], Sequence[Hashable]]] = [
            batch.__dict__.get("_keys", {}) for batch in filled
        ]
        names = set.intersection(*map(set, known)) if known else set()
        keys = {each: [*chain.from_iterable(found[each] for found in known)] for each in names}
        whole.__dict__["_keys"] = keys
    return whole


def _as_one(bodies: Sequence[bytes]) -> bytes:
    """One JSON array of the elements of several that are not empty, copied once: they are megabytes."""
    parts: list[bytes | memoryview] = [b"["]
    for body in bodies:
        parts += [b",\n" if len(parts) > 1 else b"", memoryview(body.strip())[1:-1]]
    return b"".join([*parts, b"]"])
