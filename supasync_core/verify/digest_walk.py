"""Both sides' digests, range by range of keys; a range that differs is divided, down to single rows.

A range is as large as both databases digest in a few seconds. Where its digests differ, both are asked for
the digests of thousands of parts of it, by a hash of the key: rows that changed lie in few of them, wherever
they are in the range. These are divided once more if they are large, and the rows of what is left are listed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from supasync_core.model.batch import Key
from supasync_core.model.errors import SlowQueryError
from supasync_core.verify.digest_answers import Digest, ListedRow, NoDigestsError, RowsDifferError
from supasync_core.verify.digest_rule import DigestPair
from supasync_core.verify.digest_side import KeyRange, Parts, TableDigests
from supasync_core.verify.table_comparison import SeenRow
from supasync_core.verify.walk import Walk

T = TypeVar("T")

LEAST = 1000
"""Rows of the smallest range: where even that takes too long, the table is read."""
FIRST = 1_000_000
"""Rows of the first range, before it is known how fast the databases are."""
FIRST_BYTES = 128_000_000
"""The same in bytes of the table."""
WANTED = 3.0
"""Seconds that a range is to take, of the 8 that Supabase allows a statement."""
OF_PART = 64
"""Rows of a part into which a range is divided."""
MOST_PARTS, DEEPER = 1 << 14, 1 << 4
"""Parts of a range, about a megabyte of digests; and parts of each of those, where they are still large."""
FEW = 2000
"""Rows that are listed rather than divided."""
MOST = 5000
"""Rows that differ up to which they are listed: more of them are read page by page."""
_NAMED = 700
"""Parts that one address can name."""
LONGEST_KEY = 1000
"""Characters of a key that a question can name."""


@dataclass
class _RangeResult:
    """What one range has: nothing of it counts before all of it is known."""

    equal: Digest = field(default_factory=Digest)
    rows: dict[Key, tuple[ListedRow | None, ListedRow | None]] = field(default_factory=dict)

    @property
    def old(self) -> int:
        """How many rows OLD has, as it was looked at last."""
        return self.equal.rows + sum(mine is not None for mine, _ in self.rows.values())

    @property
    def new(self) -> int:
        """How many rows NEW has."""
        return self.equal.rows + sum(theirs is not None for _, theirs in self.rows.values())


@dataclass
class DigestWalk:
    """Fills a `Walk` with the rows whose digests differ: candidates for a second look."""

    pair: DigestPair
    walk: Walk
    equal: Digest = field(default_factory=Digest)
    _pool: ThreadPoolExecutor = field(init=False)

    def run(self) -> None:
        """Compare both tables to their end; NoDigestsError where they have to be read instead."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="digests") as self._pool:
            self._run()
        self.walk.digest = self.equal.number
        self.walk.compared = self.walk.met_old - len(self.walk.missing)

    def _run(self) -> None:
        after, size = None, self._first_size()
        while True:
            began = time.monotonic()
            try:
                to = self._end(after, size)
                found = self._compare(KeyRange(after, to))
            except SlowQueryError as err:
                if size <= LEAST:
                    raise NoDigestsError(f"digests of {size:,} rows take too long") from err
                size = max(LEAST, min(size, self.pair.rows or size) // 4)
                continue
            self._take(found)
            if to is None:
                return
            if not found.old:  # it could name such ends for ever
                raise NoDigestsError("OLD's function named the end of a range in which it has no row")
            after = to
            rate = found.old / max(time.monotonic() - began, 0.01)
            size = max(LEAST, min(int(rate * WANTED), 8 * size))

    def _first_size(self) -> int:
        row = self.pair.bytes / max(self.pair.rows or 1, 1)
        return max(LEAST, min(FIRST, int(FIRST_BYTES / max(row, 1))))

    def _end(self, after: Key | None, size: int) -> Key | None:
        """The key that ends a range of so many rows; None for the table's end, if that is likely near."""
        left = None if self.pair.rows is None else self.pair.rows - self.walk.met_old
        if left is not None and 0 < left <= size + size // 4:
            return None
        return self.pair.old.bound(after, size)

    def _take(self, found: _RangeResult) -> None:
        walk = self.walk
        walk.met_old += found.old
        walk.met_new += found.new
        self.equal += found.equal
        for key, (old, new) in found.rows.items():
            if sum(map(len, key)) > LONGEST_KEY:
                raise RowsDifferError("the key of a row that differs is too long for an address")
            kind = walk.missing if new is None else walk.extra if old is None else walk.changed
            row = old or new
            kind[key] = SeenRow(key, row.stamps if row else ())
        if len(walk.missing) + len(walk.extra) + len(walk.changed) > MOST:
            raise RowsDifferError(f"more than {MOST:,} rows differ")
        walk.progress(walk.met_old)

    def _compare(self, keys: KeyRange) -> _RangeResult:
        old, new = self._both(lambda side: side.parts(keys, 1, Parts()).get(0, Digest()))
        if old == new:
            return _RangeResult(old)
        found = _RangeResult()
        rows = max(old.rows, new.rows)
        if rows <= FEW:
            self._list(found, keys, Parts())
            return found
        of = min(MOST_PARTS, 1 << max(1, (rows // OF_PART).bit_length() - 1))
        parts = self._divide(found, keys, of, Parts())
        if len(parts) * rows // of > FEW and len(parts) <= MOST:
            slices = list(_slices(parts, _NAMED))
            parts = [p for some in slices for p in self._divide(found, keys, of * DEEPER, Parts(of, some))]
            of *= DEEPER
        if len(parts) > MOST:
            raise RowsDifferError(f"more than {MOST:,} rows differ")
        for some in _slices(parts, max(1, min(_NAMED, FEW * of // rows))):
            self._list(found, keys, Parts(of, some))
        return found

    def _divide(self, found: _RangeResult, keys: KeyRange, number: int, chosen: Parts) -> list[int]:
        """Those of so many parts that differ; the others are equal."""
        old, new = self._both(lambda side: side.parts(keys, number, chosen))
        differing = []
        for part in old.keys() | new.keys():
            if old.get(part) == (mine := new.get(part)) and mine is not None:
                found.equal += mine
            else:
                differing.append(part)
        return sorted(differing)

    def _list(self, found: _RangeResult, keys: KeyRange, chosen: Parts) -> None:
        """The rows that differ, one by one; the others are equal."""
        old, new = self._both(lambda side: side.rows(keys, chosen))
        for key in old.keys() | new.keys():
            mine, theirs = old.get(key), new.get(key)
            if mine and theirs and mine.digest == theirs.digest:
                found.equal += mine.digest
            else:
                found.rows[key] = mine, theirs

    def _both(self, ask: Callable[[TableDigests], T]) -> tuple[T, T]:
        """Both sides' answers; they are asked at the same time."""
        theirs = self._pool.submit(ask, self.pair.new)
        try:
            mine = ask(replace(self.pair.old, stamps=self.walk.how.stamps))
        finally:
            theirs.exception()  # no request is left behind
        return mine, theirs.result()


def _slices(things: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(things), most):
        yield things[start : start + most]
