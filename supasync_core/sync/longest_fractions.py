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
_FRACTION: Final = re.compile(r"\.(\d*[1-9])")


class LongestFractions:
    """What has come of the columns of these types; ``kinds`` is by name.

    Arrays of them and types of the app's own, such as composites, may hold many such values in a cell.
    """

    def __init__(self, kinds: Mapping[str, str | None]) -> None:
        self._most = {name: _MOST[kind] for name, kind in kinds.items() if kind in _MOST}
        self._several = [name for name, kind in kinds.items() if kind and _holds_several(kind)]
        self._known = dict.fromkeys([*self._most, *self._several], 0)
        self._pattern = _pattern(self._most)

    def places(self, batch: Batch) -> Sequence[int]:
        """The rows that have more digits in one of the columns than all rows before them."""
        inside = self._inside(batch) if self._several else []
        longer = self._longer(batch.body)
        if not longer:
            return inside
        found = dict.fromkeys(longer, -1)
        for place in range(batch.count):
            mine = self._longer(bytes(batch.rows.texts.bytes_at(place)))
            found.update((name, place) for name in mine if mine[name] == longer[name] and found[name] < 0)
        self._known.update(longer)
        if any(self._known[name] >= most for name, most in self._most.items()):
            self._most = {name: most for name, most in self._most.items() if self._known[name] < most}
            self._pattern = _pattern(self._most)
        return [place for place in dict.fromkeys([*inside, *found.values()]) if place >= 0]

    def _inside(self, batch: Batch) -> list[int]:
        """The rows that have more digits somewhere in a cell of several values."""
        found: dict[str, int] = {}
        for place, text in enumerate(batch.rows.texts):
            cells = raw_json.cells(text)
            for name in self._several:
                digits = max(map(len, _FRACTION.findall(cells.get(name, ""))), default=0)
                if digits > self._known[name]:
                    self._known[name] = digits
                    found[name] = place
        return list(found.values())

    def _longer(self, text: bytes) -> dict[str, int]:
        """The columns of which there are more digits than before, and how many."""
        found: dict[str, int] = {}
        for name, digits in self._pattern.findall(text) if self._pattern else ():
            column = json.loads(name)
            if len(digits) > max(found.get(column, 0), self._known[column]):
                found[column] = len(digits)
        return found


def _holds_several(kind: str) -> bool:
    one = kind.removesuffix("[]")
    return "." in one or (one != kind and one in _MOST)


def _pattern(names: Mapping[str, int]) -> "re.Pattern[bytes] | None":
    """A column's name, and the digits behind the point without zeros at the end."""
    if not names:
        return None
    spelt = "|".join(re.escape(json.dumps(name, ensure_ascii=False)) for name in names)
    return re.compile(rf'(?<!\\)({spelt})\s*:\s*"?[^",.\[{{}}]*\.(\d*[1-9])'.encode())
