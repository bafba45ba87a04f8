"""Batches of one table that are on their way at once, and confirmed in the order in which they were read.

Two versions of a row are never on their way at once: the older one could arrive last. A row that changes
while its table is read is met again on a later page, so a batch waits for those that share a key with it.

While a batch waits for room, the pages that come meanwhile join it, as long as they are small: a request
costs both sides as much as a hundred rows. No page waits for that, and none joins one that shares a key.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field, replace
from typing import Any

from supasync_core.api.strategy import Piece
from supasync_core.model.batch import Batch, joined

EVERY_KEY = None
"""Stands for the keys of a batch that cannot be told apart: it travels alone."""
LEAD = 2
"""How many times as many batches as are sent at once may wait for an earlier one to be confirmed."""


JOINED = 2_000_000
"""Bytes that pages sent as one batch have together; a single page may be larger."""
MOST_JOINED = 4
"""Pages of one batch: the sink merges a page of short rows in some twenty milliseconds."""


@dataclass(frozen=True)
class Page:
    """A piece, and its batch as it is sent, which is None where there is nothing to send."""

    piece: Piece
    batch: Batch | None


@dataclass(frozen=True)
class PendingBatch:
    """Pages that are sent as one batch; of a piece without rows, nothing is."""

    pages: tuple[Page, ...]
    keys: frozenset[Hashable] | None = frozenset()
    sent: Future[None] = field(default_factory=Future)

    @property
    def batch(self) -> Batch | None:
        """All rows in one batch, made again each time: nobody holds it but for as long as it is sent."""
        batches = [page.batch for page in self.pages if page.batch is not None]
        return joined(batches) if batches else None

    @property
    def sends(self) -> bool:
        """Whether there is anything to send."""
        return self.pages[0].batch is not None

    @property
    def rows(self) -> int:
        """How many rows are sent."""
        return sum(page.batch.count for page in self.pages if page.batch is not None)

    @property
    def size(self) -> int:
        """The bytes that are sent."""
        return sum(page.batch.size for page in self.pages if page.batch is not None)

    def with_pages(self, other: "PendingBatch", most: float) -> "PendingBatch | None":
        """Both as one, of so many rows at most; None where they are sent one after the other."""
        if not (self.sends and other.sends and _are_alike(self.pages[0].batch, other.pages[0].batch)):
            return None
        if len(self.pages) == MOST_JOINED or self.size + other.size > JOINED or self.rows + other.rows > most:
            return None
        if self.keys is EVERY_KEY or other.keys is EVERY_KEY or not self.keys.isdisjoint(other.keys):
            return None
        return PendingBatch((*self.pages, *other.pages), self.keys | other.keys)


def _are_alike(one: Batch | None, other: Batch | None) -> bool:
    """Whether both are JSON, with the same columns."""
    return type(one) is type(other) is Batch and one.columns == other.columns


@dataclass
class InFlight:
    """At most so many batches on their way, the first in the order of reading first.

    One that has arrived before an earlier one waits for it, and makes room for the next, the ``waiting`` one.
    """

    pool: Executor
    most: int
    queue: deque[PendingBatch] = field(default_factory=deque)
    waiting: PendingBatch | None = None

    def joins(self, pending: PendingBatch, most: float) -> bool:
        """Whether it goes together with the batch that waits for room, of so many rows at most."""
        together = self.waiting.with_pages(pending, most) if self.waiting else None
        self.waiting = together or self.waiting
        return together is not None

    def has_room(self) -> bool:
        """Whether the batch that waits may start now."""
        return self.waiting is not None and not self._is_blocked(self.waiting)

    def start(self, send: Callable[[Batch], None]) -> None:
        """Send the batch that waits in a thread of the pool; `room` has made room."""
        pending, self.waiting = self.waiting, None
        if pending is None:
            return
        if pending.sends:
            pending = replace(pending, sent=self.pool.submit(_send, send, pending))
        else:
            pending.sent.set_result(None)
        self.queue.append(pending)

    def room(self) -> Iterator[PendingBatch]:
        """What has to arrive before the waiting batch may start, in order; then what has arrived anyway."""
        yield from self.arrived()
        while self.waiting and self._is_blocked(self.waiting):
            wait_for([each.sent for each in self.queue if not each.sent.done()], return_when=FIRST_COMPLETED)
            yield from self.arrived()

    def wait_beside(self, ready: Future[Any]) -> bool:
        """Wait until this is done, the first batch has arrived, or there is room; whether not for this."""
        while self.queue and not ready.done():
            if self.queue[0].sent.done() or self.has_room():
                return True
            under_way = [each.sent for each in self.queue if not each.sent.done()]
            wait_for([ready, *(under_way if self.waiting else under_way[:1])], return_when=FIRST_COMPLETED)
        return False

    def rest(self) -> Iterator[PendingBatch]:
        """All that is still on its way, in order."""
        while self.queue:
            yield self._land()

    def settle(self) -> list[PendingBatch]:
        """Wait for all that is on its way, and give it up: it may have arrived or not."""
        self.waiting = None
        wait_for([pending.sent for pending in self.queue])
        given_up = list(self.queue)
        self.queue.clear()
        return given_up

    def _land(self) -> PendingBatch:
        wait_for([self.queue[0].sent])
        return self.queue.popleft()

    def arrived(self) -> Iterator[PendingBatch]:
        """What has arrived anyway, in order."""
        while self.queue and self.queue[0].sent.done():
            yield self.queue.popleft()

    def _is_blocked(self, pending: PendingBatch) -> bool:
        return self._full() or self._meets(pending)

    def _full(self) -> bool:
        """Whether no more may be sent now; nothing is, as long as one that has failed is not dealt with."""
        sent = [pending.sent for pending in self.queue if pending.sends]
        under_way = sum(not each.done() for each in sent)
        failed = any(each.done() and each.exception() for each in sent)
        return failed or under_way >= self.most or len(sent) >= LEAD * self.most

    def _meets(self, pending: PendingBatch) -> bool:
        """Whether a batch on its way may hold a row of this one."""
        if not pending.sends:
            return False
        return any(
            pending.keys is EVERY_KEY or other.keys is EVERY_KEY or not pending.keys.isdisjoint(other.keys)
            for other in self.queue
            if other.sends
        )


def _send(send: Callable[[Batch], None], pending: PendingBatch) -> None:
    """In the thread that sends it, as one batch."""
    if batch := pending.batch:
        send(batch)
