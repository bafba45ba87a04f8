"""A table in the order of its key, in ranges that several readers read at once.

The source alone sorts keys. It names the key with which a range ends, as that of a row that is so many rows
behind the last one, and it alone compares with it: whatever the collation and however dense the keys are, a
key lies in exactly one range. What lies behind the last range, the *rest*, is divided as readers become free,
in ranges that get smaller towards the end. A small rest, or one of which the source names no key, is left to
one reader.

Pages are handed on one after the other, whoever read them, with the place to which they lead.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from threading import Semaphore
from typing import Any, cast

from supasync_core.api.backend import Divisible
from supasync_core.api.strategy import Job
from supasync_core.api.timed_reader import TimedReader
from supasync_core.model.backfill_state import KeyRange
from supasync_core.model.batch import Batch, Key, Window
from supasync_core.model.errors import SchemaError, TransientError
from supasync_core.model.page_order import Onward

SMALL = 16
"""Pages up to which a table is left to one reader: to divide it takes a request for each range."""
SMALLEST = 4
"""Pages of the last ranges."""
LARGEST = 32
"""Pages of the largest ranges: the source passes over so many rows of its index to find the end of one."""
AHEAD = 2
"""Pages of a range that are asked for, or read, and not yet handed on."""


@dataclass(eq=False)
class _Part:
    """The rows behind a key, up to another one or to the end; ``onward`` watches that its pages move on."""

    behind: Key
    to: Key | None
    onward: Onward
    named: bool = False
    """Whether its end was named in this run, and none of its rows has come."""
    room: Semaphore = field(default_factory=lambda: Semaphore(AHEAD - 1))
    """For pages that its reader asks for by itself."""


@dataclass
class _Arrived:
    """A page in a list, out of which it is taken, and the next one, if its reader went on by itself."""

    page: list[Batch]
    following: "Future[_Arrived] | None"


@dataclass
class Division:
    """The pages of a table behind the key ``behind``, and of the ranges before it that are ``stored``.

    ``window`` makes the window of a range.
    """

    job: Job
    reader: TimedReader
    window: Callable[[Key, Key | None], Window]
    behind: Key
    stored: Sequence[KeyRange] = ()
    notes: list[str] = field(default_factory=list)
    """What a person should know of how the table was divided."""
    _left: int | None = field(default=None, init=False)
    """The number of rows in the rest, which nobody reads yet; None if it is not known."""
    _page: int = field(default=1, init=False)
    """Rows of a page."""
    _ended: bool = field(default=False, init=False)
    """Whether the rest is being read, or nothing is in it."""
    _open: list[_Part] = field(init=False)
    _waiting: deque[_Part] = field(init=False)
    _rest: _Part = field(init=False)
    _reading: "list[tuple[_Part, Future[_Arrived]]]" = field(default_factory=list, init=False)
    """Of each part that is read, the page that is handed on next."""
    _stopped: bool = field(default=False, init=False)
    """Whether nobody wants more pages."""
    _bound: "Future[Key | None] | None" = field(default=None, init=False)
    """The key with which the next range will end, while it is being looked for."""
    _rows: int = field(default=0, init=False)
    """The rows of that range."""
    _divided: bool = field(init=False)
    """Whether ends of ranges are asked for: not of changed rows, as OLD counts all rows to name an end."""

    def __post_init__(self) -> None:
        self._divided = not self.job.state.keysets
        self._open = [self._part(each.behind, each.to) for each in self.stored]
        self._waiting = deque(self._open)
        self._rest = self._part(self.behind, None)

    @property
    def place(self) -> tuple[Key, tuple[KeyRange, ...]]:
        """What the pages so far lead to: the key behind which the rest begins, and the open ranges before."""
        ranges = [KeyRange(part.behind, part.to) for part in self._open if part.to is not None]
        return self._rest.behind, tuple(ranges)

    def begins(self, first: Batch, *, ended: bool) -> None:
        """Take the rest's first page, which was read elsewhere; ``ended``: it is the only one."""
        self._left, self._ended = None if first.total is None else first.total - first.count, ended
        self._page = first.count or self.job.table.page_size
        self._follows(self._rest, first)

    def pages(self) -> Iterator[Batch]:
        """Every page, an empty one where a range ended with none."""
        try:
            self._find_end(SMALL)
            self._begin()
            while self._reading or self._bound:
                if (arrived := self._arrived()) is None:
                    self._begin()
                    continue
                part, page = arrived[0], self.reader.take(arrived[1].page.pop())
                following = arrived[1].following
                beside = self.job.readers.count > 1 and bool(self._open or self._bound)
                follows = self._follows(part, page)
                if beside:  # the next page is asked for meanwhile; whoever reads alone is read ahead anyway
                    self._go_on(part, following, follows=follows)
                yield page
                del page  # there is room for the next page once nobody holds this one
                if not beside:
                    self._go_on(part, following, follows=follows)
        finally:
            self._stopped = True
            for _, future in self._reading:
                future.cancel()

    def _follows(self, part: _Part, page: Batch) -> bool:
        """Whether more of the part may come behind this page.

        A range that ends with an empty page stays open: it may be one that did not come, which shows when all
        rows are counted. Whoever names an end before which no row lies could do so for ever.
        """
        if not page.count:
            if part.named and self._divided:
                self._divided = False
                text = "no row of OLD lies before the end of a range that it named: one reader reads the rest"
                self.notes.append(f"{self.job.table.name}: {text}")
            return False
        part.behind, part.named = part.onward.behind(page).key, False
        if part.behind != part.to:
            return True
        self._open.remove(part)
        return False

    def _go_on(self, part: _Part, following: "Future[_Arrived] | None", *, follows: bool) -> None:
        if following:
            part.room.release()
            self._reading.append((part, following))
        elif follows:
            self._ask(part)
        self._begin()

    def _begin(self) -> None:
        """Give each reader a part; before there is a time of the source, one alone."""
        most = self.job.readers.count if self.reader.begun else 1
        while len(self._reading) < most and (part := self._next()):
            self._ask(part)

    def _next(self) -> _Part | None:
        """A part that nobody reads yet; None if there is none, or none yet."""
        if self._waiting:
            return self._waiting.popleft()
        if self._ended or (self._bound and not self._bound.done()):
            return None
        key = self._bound.result() if self._bound else None
        if key is None or key == self._rest.behind:
            self._bound, self._ended = None, True
            return self._rest
        part = self._part(self._rest.behind, key)
        part.named = True
        self._open.append(part)
        self._rest.behind = key
        self._left = None if self._left is None else self._left - self._rows
        self._find_end(2 * SMALLEST)
        return part

    def _find_end(self, least: int) -> None:
        """Look for the end of the next range, unless so few pages are left that the rest is one."""
        pages = 0 if self._ended or not self._rest.behind else self._pages(least)
        self._rows = pages * self._page
        ask = self.job.readers.pool.submit
        self._bound = ask(self._key_behind, self._rest.behind, self._rows) if pages else None

    def _pages(self, least: int) -> int:
        count = self.job.readers.count
        able = self._divided and callable(getattr(self.job.source, "key_behind", None))
        if count == 1 or not able:
            return 0
        if self._left is None:
            return LARGEST
        left = self._left // self._page
        return 0 if left < least else max(SMALLEST, min(LARGEST, left // count))

    def _key_behind(self, key: Key, rows: int) -> Key | None:
        try:
            return cast("Divisible", self.job.source).key_behind(self.job.table, key, rows)
        except (SchemaError, TransientError) as err:
            name = self.job.table.name
            self.notes.append(f"{name}: no ranges of keys were found, so one reader reads the rest: {err}")
            return None

    def _ask(self, part: _Part) -> None:
        self._reading.append((part, self.job.readers.pool.submit(self._read, part, part.behind)))

    def _read(self, part: _Part, behind: Key) -> _Arrived:
        page = self.job.source.read(self.job.table, self.window(behind, part.to))
        return _Arrived([page], self._further(part, page))

    def _further(self, part: _Part, page: Batch) -> "Future[_Arrived] | None":
        """The page of a range behind this one; None at the range's end, or where enough of its pages wait.

        It is asked for in this one's thread, so that the source does not wait for whoever hands pages on.
        """
        if part.to is None or not page.count or self._stopped or self.job.readers.count == 1:
            return None
        key = self.job.table.place(page.rows[-1], None).key
        if key == part.to or not part.room.acquire(blocking=False):
            return None
        return self.job.readers.pool.submit(self._read, part, key)

    def _arrived(self) -> tuple[_Part, _Arrived] | None:
        """The page that was asked for first of those that have come; None where a bound was found."""
        awaited: list[Future[Any]] = [future for _, future in self._reading]
        if self._bound and len(awaited) < self.job.readers.count:
            awaited.append(self._bound)
        wait(awaited, return_when=FIRST_COMPLETED)
        for i, (part, future) in enumerate(self._reading):
            if future.done():
                del self._reading[i]
                return part, future.result()
        return None

    def _part(self, behind: Key, to: Key | None) -> _Part:
        return _Part(behind, to, Onward(self.job.table))
