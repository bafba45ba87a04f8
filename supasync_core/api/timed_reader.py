"""A job's pages, and the source's own times at them, or the best that is known instead."""

from dataclasses import dataclass, field

from supasync_core.api.strategy import Job
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Window
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Horizon

MARGIN = 10_000_000
"""Microseconds that an answer's Date may differ from the moment its rows were looked up: whole seconds are
cut off, and a statement may take 8 s on Supabase."""


@dataclass
class TimedReader:
    """Reads a job's pages, and keeps the source's time at the first and at the latest of them."""

    job: Job
    first: Horizon | None = None
    latest: Horizon | None = None
    begun: bool = field(default=False, init=False)
    """Whether a page has been read."""

    def read(self, table: Table, window: Window) -> Batch:
        """One page, as `Side.read` has it."""
        return self.take(self.job.source.read(table, window))

    def take(self, page: Batch) -> Batch:
        """A page that was read elsewhere, and perhaps later than one that is taken after it."""
        told, known = page.read_at, self.latest
        self.latest = known if told and known and known.at > told.at else told
        if not self.begun:
            self.first, self.begun = told, True
        return page

    @property
    def horizon(self) -> Horizon:
        """The source's time when the first page was asked for.

        Without one, the state store's less the overlap, which is not trusted. A slow page was looked up long
        before it was answered, and what was committed meanwhile is not in it. Never beyond the horizon of the
        source's survey: a transaction that began then may still be open.
        """
        own, surveyed = self.first, self.job.horizon
        if surveyed is not None:
            at = min(own.began, surveyed) if own else surveyed
            return Horizon(at, trusted=own is not None and own.trusted)
        if own:
            return Horizon(own.began, own.trusted)
        overlap = timestamps.micros_of(self.job.table.overlap)
        return Horizon(timestamps.parse(self.job.now) - overlap, trusted=False)

    @property
    def began_at(self) -> str:
        """The source's time when the first page was asked for, whatever transactions are open."""
        return timestamps.to_text(self.first.began if self.first else timestamps.parse(self.job.now))

    @property
    def latest_at(self) -> str:
        """The source's time at the latest page: what was read so far had been committed by then.

        Without one, the state store's as it is: less the overlap, a cursor would count as old when it moves.
        """
        at = self.latest.at if self.latest else timestamps.parse(self.job.now)
        return timestamps.to_text(max(at, self.horizon.at))
