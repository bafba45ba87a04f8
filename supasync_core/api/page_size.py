"""How many rows a page may hold: about a megabyte, and fewer where that is too much for the server."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import log2

from supasync_core.model.batch import Batch, Window
from supasync_core.model.errors import LargeAnswerError, SlowQueryError

PAGE = 1_000_000
"""Bytes of JSON that a page should have: enough that the round trip does not matter."""
LARGEST = 4_000_000
"""Bytes of JSON at which a page ends behind a whole row; one row alone may have more."""


@dataclass
class PageSizes:
    """What is known of each table's rows, and of how many of them the server manages at once."""

    aim: int = PAGE
    """Bytes that a page should have."""
    fitting: dict[str, int] = field(default_factory=dict)
    managed: dict[str, int] = field(default_factory=dict)

    def page(self, table: str, window: Window, ask: Callable[[Window], Batch]) -> Batch:
        """The window's page, or its beginning, which ``ask`` brings.

        What takes too long (SlowQueryError) is asked for without a count, then for fewer rows. What would be
        too large (LargeAnswerError) is asked for in halves, down to one row. The next page begins with what
        worked.
        """
        limit = self.limit(table, window.limit)
        *easier, easiest = _easier_windows(replace(window, limit=limit))
        for attempt in easier:
            try:
                return self._halved(table, attempt, limit, ask)
            except SlowQueryError:
                pass
        return self._halved(table, easiest, limit, ask)

    def limit(self, table: str, most: int) -> int:
        """How many rows to ask for, where so many are wanted at most."""
        return min(most, self.fitting.get(table, most), self.managed.get(table, most))

    def _halved(self, table: str, window: Window, limit: int, ask: Callable[[Window], Batch]) -> Batch:
        while True:
            try:
                page = ask(window)
            except LargeAnswerError:
                if window.limit == 1:
                    raise
                window = replace(window, limit=window.limit // 2)
            else:
                self.came(table, page.count, page.size)
                if window.limit < limit:
                    self.managed[table] = window.limit
                return page

    def came(self, table: str, rows: int, size: int) -> None:
        """So many rows came, of so many bytes.

        The next page has the nearest power of two of rows, so that a byte more or less does not shift all
        pages.
        """
        if table in self.managed:
            self.managed[table] += self.managed[table] // 4 + 1
        if rows:
            self.fitting[table] = 1 << max(0, round(log2(self.aim * rows / size)))


def _easier_windows(window: Window) -> list[Window]:
    """The window, the same without a count, then with a tenth and a hundredth of its rows."""
    counted = [window] if window.counted else []
    limits = dict.fromkeys(max(1, window.limit // part) for part in (1, 10, 100))
    return [*counted, *(replace(window, counted=False, limit=limit) for limit in limits)]
