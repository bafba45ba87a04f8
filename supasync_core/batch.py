"""What flows from a source to a sink: places in an order, windows to read, batches of rows."""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

from supasync_core import rowtext

Row = Mapping[str, Any]


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
    ``skip`` rows are passed over: to find a border between key ranges, never to page.
    """

    spans: tuple[Span, ...]
    limit: int
    counted: bool = False
    skip: int = 0


class Rows(Sequence[dict[str, Any]]):
    """Rows that are decoded when they are looked at: numbers as their own text, so that no digit is lost."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._texts = rowtext.split(body)

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(index, slice):
            return self._all[index]
        return self._all[index] if "_all" in self.__dict__ else _decoded(self._texts[index])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._all)

    def __eq__(self, other: object) -> bool:
        return self._all == (other._all if isinstance(other, Rows) else other)

    def __hash__(self) -> int:
        return hash(self._body)

    def __repr__(self) -> str:
        return f"Rows({len(self)})"

    @property
    def texts(self) -> Sequence[str]:
        """Each row as the source printed it."""
        return self._texts

    @cached_property
    def _all(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = _decoded(self._body)
        return rows


def _decoded(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)


@dataclass(frozen=True)
class Batch:
    """Rows as the source printed them: ``body`` is a JSON array of objects, never decoded on its way.

    ``total`` is the exact number of rows in the window, where it was asked for. Reading ``rows`` decodes a
    copy; the body that a sink sends stays the source's own bytes.
    """

    body: bytes
    total: int | None = None

    @cached_property
    def rows(self) -> Rows:
        """A decoded copy, row by row as they are looked at; ValueError where the body is no JSON array."""
        return Rows(self.body)

    def only(self, wanted: Sequence[int]) -> "Batch":
        """The rows at these places, their texts unchanged."""
        texts = self.rows.texts
        return Batch(rowtext.join(texts[index] for index in wanted))

    def keys(self, columns: Sequence[str]) -> list[Hashable]:
        """What tells the rows apart by these columns, in their order: see `rowtext.key_values`."""
        known: dict[tuple[str, ...], list[Hashable]] = self.__dict__.setdefault("_keys", {})
        names = tuple(columns)
        if names not in known:
            known[names] = rowtext.key_values(self.body, names)
        return known[names]

    @property
    def count(self) -> int:
        """How many rows the batch holds."""
        return len(self.rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the batch, in the source's order; empty without rows."""
        return tuple(self.rows[0]) if self.rows else ()
