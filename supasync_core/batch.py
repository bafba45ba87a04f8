"""What flows from a source to a sink: places in an order, windows to read, batches of rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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


@dataclass(frozen=True)
class Batch:
    """Rows as the source printed them: ``body`` is a JSON array of objects, never decoded on its way.

    ``total`` is the exact number of rows in the window, where it was asked for. Reading ``rows`` decodes a
    copy; the body that a sink sends stays the source's own bytes.
    """

    body: bytes
    total: int | None = None

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """A decoded copy: numbers as their own text, so that no digit is lost."""
        rows: list[dict[str, Any]] = json.loads(self.body, parse_float=str, parse_int=str, parse_constant=str)
        return rows

    def only(self, wanted: Sequence[int]) -> "Batch":
        """The rows at these places, their texts unchanged."""
        texts = rowtext.split(self.body)
        return Batch(rowtext.join(texts[index] for index in wanted))

    @property
    def count(self) -> int:
        """How many rows the batch holds."""
        return len(self.rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the batch, in the source's order; empty without rows."""
        return tuple(self.rows[0]) if self.rows else ()
