"""Notes what a source without an index costs: pages in the order of a timestamp that take long."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from supasync_core.api.backend import Source
from supasync_core.model.batch import Batch, Keyset, Window
from supasync_core.model.table import Table
from supasync_core.schema import timestamp_index

SLOW = 2_000_000
"""Microseconds from the request of a page to its answer that are worth a note."""


@dataclass
class SlowPages:
    """A source, read by one table; in all else the source itself."""

    source: Source
    slowest: dict[Keyset, int | float] = field(default_factory=dict)
    uncounted: bool = False

    def read(self, table: Table, window: Window) -> Batch:
        """The page, whose time is noted where the source tells when it was asked for."""
        page = self.source.read(table, window)
        keyset, at = window.spans[0].keyset, page.read_at
        self.uncounted |= window.counted and page.total is None
        took = at.at - at.sent if at and at.sent is not None else 0
        if took > max(SLOW, self.slowest.get(keyset, 0)) and keyset.column in table.timestamp:
            self.slowest[keyset] = took
        return page

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the source has
        return getattr(self.source, name)

    def notes(self, table: Table) -> Iterator[str]:
        """What a person should know, a sentence each."""
        for keyset, took in self.slowest.items():
            yield (
                f"{table.name}: a page in the order of {keyset.column} took {took / 1_000_000:.1f} s; "
                f"if OLD has no index for it, this saves a scan for every page: "
                f"{timestamp_index.statement(table, keyset)}"
            )
        if self.uncounted:
            yield f"{table.name}: OLD did not count its rows in time; they were read until no more came"

    @property
    def as_source(self) -> Source:
        """This, for whoever reads a source."""
        return cast("Source", self)
