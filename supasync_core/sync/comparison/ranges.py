"""Stretches of a table in the source's own order of keys, each with a sum over the versions of its rows.

A sum does not depend on how rows came in pages, and stretches can be joined by adding theirs. A stretch ends
with a row; where that row is deleted, it is one with the next. Keys are never put in order here: only the
source knows how it sorts them.
"""

import json
from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import sha256

from supasync_core.model.batch import Key
from supasync_core.model.comparison_state import Range

LEAST = 1000
"""Rows of a stretch, at least."""
MOST = 600
"""Stretches of one table that the state holds: some 50 kB."""
_MODULUS = 1 << 96


def number_of(key: Key, version: str) -> int:
    """A number for a row as it is in this version."""
    text = json.dumps([key, version]).encode()
    return int.from_bytes(sha256(text).digest()[:12])


def printed(total: int) -> str:
    """A sum of such numbers, as the state holds it."""
    return f"{total % _MODULUS:024x}"


def joined(ranges: Sequence[Range]) -> list[Range]:
    """The same rows in half as many stretches as the state may hold, or fewer, all of about one size."""
    size = 4 * sum(rows for _, _, rows in ranges) / MOST
    found: list[Range] = []
    for key, text, rows in ranges:
        if found and found[-1][2] + rows <= size:
            _, before, count = found.pop()
            found.append((key, _sum([before, text]), count + rows))
        else:
            found.append((key, text, rows))
    return found


def _sum(texts: Iterable[str]) -> str:
    return printed(sum(int(text, 16) for text in texts))


class Ahead:
    """The known ranges that a walk has not reached yet."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        self._ranges = deque(ranges)
        self._bounds = {key for key, _, _ in self._ranges}

    def __len__(self) -> int:
        return len(self._ranges)

    def __contains__(self, key: Key) -> bool:
        return key in self._bounds

    @property
    def all(self) -> tuple[Range, ...]:
        """The ranges, the next one first."""
        return tuple(self._ranges)

    @property
    def last(self) -> Key | None:
        """The last key of the last one."""
        return self._ranges[-1][0] if self._ranges else None

    def through(self, key: Key | None) -> str:
        """The sum over all of them up to the one that ends with the key, or over all; they are passed."""
        texts = []
        while self._ranges:
            bound, text, _ = self._ranges.popleft()
            self._bounds.discard(bound)
            texts.append(text)
            if bound == key:
                break
        return _sum(texts)
