"""Rows that the source marks as deleted: what ``soft_delete: deleted_at`` of a table means.

They are read in the order of their marks, from the last one that was followed, less the overlap: a slow
transaction may commit a mark late (see "how no row is lost"). A mark that is not a timestamp has no such
order, so all marked rows are read each time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from supasync_core.api.pages import pages
from supasync_core.api.strategy import Gone, Job
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Keyset, Span
from supasync_core.model.state import Deletes
from supasync_core.model.timestamps import Horizon, Instant

_MARGIN = 10_000_000
"""Microseconds that an answer's Date may differ from the moment its rows were looked up."""


@dataclass
class _Reading:
    """What is known of the marks as their pages are read, and of the source's time at them."""

    job: Job
    first: Horizon | None = None
    latest: Horizon | None = None
    newest: str | None = None

    def take(self, page: Batch, column: str) -> None:
        self.first, self.latest = self.first or page.read_at, page.read_at
        for row in page.rows:
            at = timestamps.parse_or_none(row[column])
            if at is not None and at <= self.horizon:
                self.newest = row[column]

    @property
    def horizon(self) -> Instant:
        """The source's time when reading began, no later than its open transactions; else the store's."""
        own = self.first.began if self.first else timestamps.parse(self.job.now)
        return own if self.job.horizon is None else min(own, self.job.horizon)

    def done(self) -> Deletes:
        known = self.job.state.deletes
        if self.newest is not None and self.newest != known.until:
            at = self.latest.at if self.latest else timestamps.parse(self.job.now)
            return replace(known, until=self.newest, moved_at=timestamps.to_text(at), settled=False)
        return replace(known, settled=known.settled or self._waited())

    def _waited(self) -> bool:
        """Whether what was open when the mark was read has ended, as far as the overlap goes."""
        moved_at = self.job.state.deletes.moved_at
        if moved_at is None or self.first is None or not self.first.trusted:
            return False
        waited = self.horizon - timestamps.parse(moved_at) - _MARGIN
        return waited >= timestamps.micros_of(self.job.table.overlap)


def marked(job: Job, column: str) -> Iterator[Gone]:
    """The keys of all rows that were marked in this column since the state, page by page.

    ``until`` of the last state is the largest mark up to the source's own time: one in the future is read
    again until it has come.
    """
    table = job.table.raw()
    reading = _Reading(job)
    for page in pages(job.source, table.narrowed((*table.key, column)), _span(job, column)):
        reading.take(page, column)
        yield Gone(tuple(table.keys(page)), job.state)
    yield Gone((), replace(job.state, deletes=reading.done()))


def _span(job: Job, column: str) -> Span:
    """From the last mark that was followed, once that is settled; until then from the overlap behind it."""
    keyset, known = Keyset(column), job.state.deletes
    if known.until is None or timestamps.parse_or_none(known.until) is None:
        return Span(keyset)
    if known.settled:
        return Span(keyset, beyond=known.until)
    return Span(keyset, start=timestamps.shifted(known.until, -job.table.overlap))
