"""The present, as far as it can be known: no clock of OLD, no proxy and no file says alone how late it is.

A cursor that lies in the future hides the rows that come until then. So the time of every page that a cursor
goes by is at most the state store's, which is NEW's, plus a tolerance.
"""

import time
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from typing import Any, cast

from supasync_core.api.backend import Source
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Window
from supasync_core.model.page_order import refuse_falling
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Horizon, Instant

TOLERANCE = 60_000_000
"""Microseconds that OLD's clock may be ahead of NEW's, below the overlaps in use. Where it is more, cursors
go by NEW's clock, and every run reads rows near them again."""


def awake() -> float:
    """Seconds of a clock that goes on while the machine sleeps."""
    kind = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
    return time.monotonic() if kind is None else time.clock_gettime(kind)


@dataclass
class Present:
    """The state store's time ``at``, and how long that is ago; nothing is later than it, plus the tolerance.

    Before a lease is taken it is not known, and bounds nothing.
    """

    at: Instant = inf
    since: float = field(default_factory=awake)
    ahead: Instant = 0
    """Microseconds that the latest time which was told lay beyond it."""

    def is_told(self, now: str, asked: float) -> None:
        """Take the store's time, which was asked for at this second of `awake`."""
        self.at, self.since = timestamps.parse(now), asked

    @property
    def latest(self) -> Instant:
        """The latest that it can be by now."""
        return self.at + (awake() - self.since) * 1_000_000 + TOLERANCE

    def bounded(self, horizon: Horizon | None) -> Horizon | None:
        """What a source said, not later than the present; None where it is not a time at all."""
        if horizon is None or not isfinite(horizon.at):
            return None
        latest = self.latest
        if horizon.at <= latest:
            return horizon
        self.ahead = max(self.ahead, horizon.at - latest + TOLERANCE)
        took = horizon.at - horizon.began
        return Horizon(int(latest), trusted=False, sent=int(latest - took))


class Judged:
    """A source whose pages are in the order of time, not of the future; in all else the source itself."""

    def __init__(self, source: Source, present: Present) -> None:
        self._source = source
        self._present = present

    def read(self, table: Table, window: Window) -> Batch:
        """The page. SchemaError where its order is not that of time, whichever strategy asks for it."""
        page = self._source.read(table, window)
        refuse_falling(table, window, page)
        read_at = self._present.bounded(page.read_at)
        return page if read_at is page.read_at else replace(page, read_at=read_at)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the source has
        return getattr(self._source, name)


def judged(source: Source, present: Present) -> Source:
    """The source for a strategy, whose cursors go by what it says."""
    return cast("Source", Judged(source, present))
