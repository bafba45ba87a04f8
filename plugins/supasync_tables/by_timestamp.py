"""Rows in the order of their timestamps: one page where that is enough, else keyset after keyset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from supasync_core.api.completeness import holds_everything, shortfall
from supasync_core.api.pages import pages
from supasync_core.api.strategy import Job, Piece
from supasync_core.api.timed_reader import TimedReader
from supasync_core.model.batch import Batch, Span, Window
from supasync_tables.cursors import Progress
from supasync_tables.keyset_rows import leading, rows_of


def read_by_timestamp(
    job: Job, reader: TimedReader, spans: tuple[Span, ...], future_rows: int
) -> Iterator[Piece]:
    """The rows of the spans in the order of their timestamps."""
    first = reader.read(job.table, Window(spans, job.table.page_size, counted=True))
    begun = [first]
    del first  # there is room for the next page once nobody holds this one
    yield from pages_by_timestamp(job, reader, begun, spans, future_rows)


def pages_by_timestamp(
    job: Job, reader: TimedReader, begun: list[Batch], spans: tuple[Span, ...], future_rows: int = 0
) -> Iterator[Piece]:
    """The first page, which is taken out of the list, and those behind it."""
    first = begun.pop()
    if holds_everything(first):
        yield at_once(job, reader, first, spans, future_rows)
        return
    progress = Progress(job, reader, future_rows)
    reading = _Reading(job, progress, first.total, [leading(first, spans[0].keyset)])
    del first
    yield from reading.read(spans)


def at_once(job: Job, reader: TimedReader, page: Batch, spans: Sequence[Span], future_rows: int = 0) -> Piece:
    """The piece of a page that holds all rows of the spans."""
    progress = Progress(job, reader, future_rows)
    for span in spans:
        progress.confirm(span, rows_of(job.table, page, span.keyset))
        progress.finish(span)
    return Piece(page if page.count else None, progress.done(), page.total)


@dataclass
class _Reading:
    """Each keyset of a table by itself, where the first page did not hold everything."""

    job: Job
    progress: Progress
    total: int | None
    leading: list[Batch]
    """Of the first page the leading rows, those of the first keyset: their order is that keyset's own."""
    seen: int = 0
    beyond: int = 0
    """Rows among them that are stamped later than the horizon."""

    def read(self, spans: tuple[Span, ...]) -> Iterator[Piece]:
        """Every keyset from its lower bound to an empty page."""
        begun, *others = spans
        leading = self.leading.pop()
        if leading.count:
            yield self._piece(begun, leading)
            last = self.job.table.place(leading.rows[-1], begun.keyset.column)
            begun = replace(begun, start=None, after=last)
        del leading
        for span in (begun, *others):
            for batch in _stretch(self.progress.reader, span):
                yield self._piece(span, batch)
                del batch
        yield self._end(spans)

    def _piece(self, span: Span, batch: Batch) -> Piece:
        self.seen += batch.count
        self.beyond += self.progress.confirm(span, batch.rows)
        return Piece(batch, self.progress.state, self.total)

    def _end(self, spans: tuple[Span, ...]) -> Piece:
        """The last state: settled, or, if rows are missing, the one before, so that all rows are read again.

        If rows are missing, no single page is known to be complete.

        Rows that were added since the first page are stamped later than the horizon, and none of these.
        """
        until = self.progress.horizon.text
        bounded = [replace(span, until=until) if span.keyset.column else span for span in spans]
        missing = shortfall(self.job, self.total, self.seen, bounded, self.seen - self.beyond)
        for span in () if missing else spans:
            self.progress.finish(span)
        state = self.job.state if missing else self.progress.done()
        return Piece(None, state, self.seen + missing)


def _stretch(reader: TimedReader, span: Span) -> Iterator[Batch]:
    """The span up to the horizon, then beyond it, so that what moved meanwhile is written last."""
    table = reader.job.table
    if span.keyset.column is None:
        yield from pages(reader, table, span)
        return
    yield from pages(reader, table, replace(span, until=reader.horizon.text))
    yield from pages(reader, table, replace(span, beyond=reader.horizon.text))
