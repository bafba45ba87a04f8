"""The rows that a type with fewer digits would change: those with the most digits behind the point.

``numeric(12,1)`` and ``timestamptz(0)`` round what they are sent, and succeed. If they keep the value with
the most digits of a column, they keep all of them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch

_MOST: Final = {
    "numeric": 16_383,
    "timestamp with time zone": 6,
    "timestamp without time zone": 6,
    "time with time zone": 6,
    "time without time zone": 6,
    "interval": 6,
}
"""Types that may hold fewer digits than others of their name, and the digits that they hold at most."""


class LongestFractions:
    """Finds, batch by batch, the rows with the most digits behind the point; ``kinds`` are types by column.

    Arrays of them and types of the app's own, such as composites, may hold many such values in a cell.
    """

    def __init__(self, kinds: Mapping[str, str | None]) -> None:
        self._most = {name: _MOST[kind] for name, kind in kinds.items() if kind in _MOST}
        self._several = [name for name, kind in kinds.items() if kind and _holds_several(kind)]
        self.names = (*self._most, *self._several)
        self._cell = {name: _pattern(name, 0) for name in self._most}
        self._inner = {name: _fraction(0) for name in self._several}

    def places(self, batch: Batch) -> Sequence[int]:
        """The rows that have more digits in one of the columns than all rows before them."""
        inside = self._inside(batch) if self._several and batch.count else []
        longer = self._longer(batch.body) if self._cell else {}
        if not longer:
            return inside
        found = [_first(batch, _pattern(name, digits - 1)) for name, digits in longer.items()]
        for name, digits in longer.items():
            if digits < self._most[name]:
                self._cell[name] = _pattern(name, digits)
            else:
                del self._cell[name]
        return [place for place in dict.fromkeys([*inside, *found]) if place >= 0]

    def _inside(self, batch: Batch) -> list[int]:
        """The rows that have more digits somewhere in a cell of several values."""
        found: dict[str, int] = {}
        rows = raw_json.raw_columns(batch.body, self._several)
        for at, name in enumerate(self._several):
            if not self._inner[name].search(b"\n".join(row[at] for row in rows)):
                continue
            for place, row in enumerate(rows):
                if digits := self._inner[name].findall(row[at]):
                    self._inner[name] = _fraction(max(map(len, digits)))
                    found[name] = place
        return list(found.values())

    def _longer(self, text: bytes) -> dict[str, int]:
        """The columns of which there are more digits than before, and how many."""
        found = {name: pattern.findall(text) for name, pattern in self._cell.items()}
        return {name: max(map(len, digits)) for name, digits in found.items() if digits}


def _first(batch: Batch, pattern: "re.Pattern[bytes]") -> int:
    """The first row in which the pattern is found, -1 if it is in none."""
    texts = batch.rows.texts
    return next((place for place in range(batch.count) if pattern.search(texts.bytes_at(place))), -1)


def may_round(kind: str) -> bool:
    """Whether a column of the type may hold fewer digits than it was sent."""
    return kind in _MOST or _holds_several(kind)


def _holds_several(kind: str) -> bool:
    one = kind.removesuffix("[]")
    return "." in one or (one != kind and one in _MOST)


def _fraction(known: int) -> "re.Pattern[bytes]":
    """More digits behind a point than are known, without zeros at the end."""
    return re.compile(rb"\.(\d{%d,}[1-9])" % known)


def _pattern(name: str, known: int) -> "re.Pattern[bytes]":
    """A column's name, and such digits in its cell.

    It begins with a plain text: where it does not, looking through a page takes twenty times as long.
    """
    spelt = re.escape(json.dumps(name, ensure_ascii=False)).encode()
    return re.compile(spelt + rb"(?<!\\" + spelt + rb')\s*:\s*"?[^",.\[{}]*' + _fraction(known).pattern)
