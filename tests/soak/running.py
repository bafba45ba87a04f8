"""How both players run the engine: in one thread, by the clock of the timeline."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from supasync_core.api.strategy import Readers
from supasync_core.model.report import TableResult
from supasync_core.model.table import Table
from supasync_core.sync import runner, table_copy
from supasync_core.sync.pipeline import InFlight
from supasync_tables import key_ranges
from tests.soak.world import Timeline


class Silent:
    """Nobody looks on."""

    def table_begins(self, table: Table) -> None:
        """Nothing."""

    def rows_confirmed(self, table: Table, done: int, total: int) -> None:
        """Nothing."""

    def table_ended(self, result: TableResult) -> None:
        """Nothing."""


def inline(items: Iterator[Any], *_rest: object) -> Iterator[Any]:
    """As `prefetch`, one item early and without a thread, so that a seed plays the same each time."""
    end = object()
    upcoming = next(items, end)
    while upcoming is not end:
        item, upcoming = upcoming, next(items, end)
        yield item


@contextmanager
def divided(readers: int) -> Iterator[None]:
    """So many readers of one table, who take turns in one thread; tables are large from three pages on.

    A batch waits until as many pages have joined it, as it does where many are on their way.
    """
    made = lambda *_: Readers(readers)  # noqa: E731
    filled = lambda flight: flight.waiting is not None and len(flight.waiting.pages) >= readers  # noqa: E731
    with (
        patch.object(runner, "Readers", made),
        patch.object(InFlight, "has_room", filled),
        patch.multiple(key_ranges, SMALL=2, SMALLEST=1, LARGEST=2),
    ):
        yield


@contextmanager
def virtual(line: Timeline) -> Iterator[None]:
    """Every clock of this process follows the timeline, and who sleeps lets it pass."""
    with ExitStack() as stack:
        now = lambda *_: line.now + 1_000_000.0  # noqa: E731
        for name in ("monotonic", "time", "clock_gettime"):
            stack.enter_context(patch.object(time, name, now))
        stack.enter_context(patch.object(time, "sleep", line.tick))
        stack.enter_context(patch.object(table_copy, "prefetch", inline))
        yield
