"""How many bytes of pages a process holds at once, over all tables and workers."""

import weakref
from collections import deque
from threading import Condition
from typing import Any, cast

from supasync_core.api.backend import Source
from supasync_core.model.batch import Batch, Window
from supasync_core.model.page_order import refuse_standstill
from supasync_core.model.table import Table

MOST = 16_000_000
"""Bytes of pages that are read and not yet written; a single page may be larger."""
EXPECTED = 1_000_000
"""Bytes of a table's first page, of which nothing is known."""
PATIENCE = 30.0
"""Seconds to wait for room. A table whose strategy keeps its pages waits once, then never again."""


class BytesHeld:
    """Room for pages: each counts from the moment it is asked for until nobody holds its batch any more.

    Those that wait get room in the order in which they came, so that a large page is not passed by.
    """

    def __init__(self, most: int = MOST, patience: float = PATIENCE) -> None:
        self._most = most
        self._patience = patience
        self._held = 0
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @property
    def waiting(self) -> int:
        """How many pages wait for room."""
        return len(self._waiting)

    def reserve(self, expected: int, *, patient: bool = True) -> bool:
        """Wait until so many bytes have room, or nothing else is held; False where that took too long."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            found = self._changed.wait_for(
                lambda: self._waiting[0] is ticket and self._has_room(expected),
                self._patience if patient else 0,
            )
            self._waiting.remove(ticket)
            self._held += expected
            self._changed.notify_all()
        return found

    def arrived(self, expected: int, batch: Batch | None) -> int:
        """Count the batch that came in place of what was expected, as long as it lives; its bytes."""
        size = batch.size if batch else 0
        if batch:
            weakref.finalize(batch, self._release, size).atexit = False
        self._release(expected - size)
        return size

    def _has_room(self, expected: int) -> bool:
        return self._held == 0 or self._held + expected <= self._most

    def _release(self, size: int) -> None:
        with self._changed:
            self._held -= size
            self._changed.notify_all()


class Bounded:
    """A source, read by one table, whose pages have room and move on; in all else the source itself."""

    def __init__(self, source: Source, held: BytesHeld) -> None:
        self._source = source
        self._held = held
        self._expected = EXPECTED
        self._patient = True

    def read(self, table: Table, window: Window) -> Batch:
        """The page, once there is room for one as large as the page before.

        TransientError where it does not come after its cursor, whichever strategy asks for it.
        """
        expected = self._expected
        self._patient = self._held.reserve(expected, patient=self._patient)
        batch = None
        try:
            batch = self._source.read(table, window)
        finally:
            self._expected = self._held.arrived(expected, batch) or expected
        refuse_standstill(table, window, batch)
        return batch

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the source has
        return getattr(self._source, name)


def bounded(source: Source, held: BytesHeld) -> Source:
    """The source for one table, whose pages count as held."""
    return cast("Source", Bounded(source, held))
