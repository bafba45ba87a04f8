"""How both players run the engine: in one thread, by the clock of the timeline."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from supasync_core.model.report import TableResult
from supasync_core.model.table import Table
from supasync_core.sync import table_copy
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
def virtual(line: Timeline) -> Iterator[None]:
    """Every clock of this process follows the timeline, and who sleeps lets it pass."""
    with ExitStack() as stack:
        now = lambda *_: line.now + 1_000_000.0  # noqa: E731
        for name in ("monotonic", "time", "clock_gettime"):
            stack.enter_context(patch.object(time, name, now))
        stack.enter_context(patch.object(time, "sleep", line.tick))
        stack.enter_context(patch.object(table_copy, "prefetch", inline))
        yield
