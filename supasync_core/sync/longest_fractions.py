"""The rows that a type with fewer digits would change: those with the most digits behind the point.

``numeric(12,1)`` and ``timestamptz(0)`` round what they are sent, and succeed. If they keep the value with
the most digits of a column, they keep all of them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

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
    """What has come of the columns of these types; ``kinds`` is by name."""

    def __init__(self, kinds: Mapping[str, str | None]) -> None:
        self._most = {name: _MOST[kind] for name, kind in kinds.items() if kind in _MOST}
        self._known = dict.fromkeys(self._most, 0)
        self._pattern = _pattern(self._most)

    def places(self, batch: Batch) -> Sequence[int]:
        """The rows that have more digits in one of the columns than all rows before them."""
        longer = self._longer(batch.body)
        if not longer:
            return []
        found = dict.fromkeys(longer, -1)
        for place in range(batch.count):
            mine = self._longer(bytes(batch.rows.texts.bytes_at(place)))
            found.update((name, place) for name in mine if mine[name] == longer[name] and found[name] < 0)
        self._known.update(longer)
        if any(self._known[name] >= most for name, most in self._most.items()):
            self._most = {name: most for name, most in self._most.items() if self._known[name] < most}
            self._pattern = _pattern(self._most)
        return [place for place in dict.fromkeys(found.values()) if place >= 0]

    def _longer(self, text: bytes) -> dict[str, int]:
        """The columns of which there are more digits than before, and how many."""
        found: dict[str, int] = {}
        for name, digits in self._pattern.findall(text) if self._pattern else ():
            column = json.loads(name)
            if len(digits) > max(found.get(column, 0), self._known[column]):
                found[column] = len(digits)
        return found


def _pattern(names: Mapping[str, int]) -> "re.Pattern[bytes] | None":
    """A column's name, and the digits behind the point without zeros at the end."""
    if not names:
        return None
    spelt = "|".join(re.escape(json.dumps(name, ensure_ascii=False)) for name in names)
    return re.compile(rf'(?<!\\)({spelt})\s*:\s*"?[^",.\[{{}}]*\.(\d*[1-9])'.encode())
