"""Batches of one table that are on their way at once, and confirmed in the order in which they were read.

Two versions of a row are never on their way at once: the older one could arrive last. A row that changes
while its table is read is met again on a later page, so a batch waits for those that share a key with it.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field, replace
from typing import Any

from supasync_core.api.strategy import Piece
from supasync_core.model.batch import Batch

EVERY_KEY = None
"""Stands for the keys of a batch that cannot be told apart: it travels alone."""
LEAD = 2
"""How many times as many batches as are sent at once may wait for an earlier one to be confirmed."""


@dataclass(frozen=True)
class PendingBatch:
    """A piece and its batch as it is sent, which is None where there is nothing to send."""

    piece: Piece
    batch: Batch | None
    keys: frozenset[Hashable] | None = frozenset()
    sent: Future[None] = field(default_factory=Future)


@dataclass
class InFlight:
    """At most so many batches on their way, the first in the order of reading first.

    One that has arrived before an earlier one waits for it, and makes room for the next.
    """

    pool: Executor
    most: int
    queue: deque[PendingBatch] = field(default_factory=deque)

    def start(self, pending: PendingBatch, send: Callable[[Batch], None]) -> None:
        """Send the batch in a thread of the pool; `room_for` has made room."""
        if pending.batch is None:
            pending.sent.set_result(None)
            self.queue.append(pending)
        else:
            self.queue.append(replace(pending, sent=self.pool.submit(send, pending.batch)))

    def room_for(self, pending: PendingBatch) -> Iterator[PendingBatch]:
        """What has to arrive before this one may start, in order; then what has arrived anyway."""
        yield from self.arrived()
        while self._meets(pending) or self._full():
            wait_for([each.sent for each in self.queue if not each.sent.done()], return_when=FIRST_COMPLETED)
            yield from self.arrived()

    def wait_beside(self, ready: Future[Any]) -> bool:
        """Wait until this is done, or the first batch has arrived; whether a batch has."""
        while self.queue and not ready.done():
            wait_for([ready, self.queue[0].sent], return_when=FIRST_COMPLETED)
            if self.queue[0].sent.done():
                return True
        return False

    def rest(self) -> Iterator[PendingBatch]:
        """All that is still on its way, in order."""
        while self.queue:
            yield self._land()

    def settle(self) -> list[PendingBatch]:
        """Wait for all that is on its way, and give it up: it may have arrived or not."""
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

    def _full(self) -> bool:
        """Whether no more may be sent now; nothing is, as long as one that has failed is not dealt with."""
        sent = [pending.sent for pending in self.queue if pending.batch is not None]
        under_way = sum(not each.done() for each in sent)
        failed = any(each.done() and each.exception() for each in sent)
        return failed or under_way >= self.most or len(sent) >= LEAD * self.most

    def _meets(self, pending: PendingBatch) -> bool:
        """Whether a batch on its way may hold a row of this one."""
        if pending.batch is None:
            return False
        under_way = [other for other in self.queue if other.batch is not None]
        return any(
            pending.keys is EVERY_KEY or other.keys is EVERY_KEY or not pending.keys.isdisjoint(other.keys)
            for other in under_way
        )
