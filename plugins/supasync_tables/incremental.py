"""`incremental`: rows by their timestamp, each run from where the last one was confirmed.

A first load is read by key: see `supasync_tables.backfill`. Behind it, the first page asks for all keysets
at once and for an exact count: where it holds everything, the table is done in one request. Else each keyset
is read by itself, in its own order: a page of several keysets has the order of the first one alone, and does
not show how far the others go. The rule for the cursors: see `supasync_tables.cursors`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from supasync_core.api.blind_spots import DELETES, UPDATES, timestamp_moves
from supasync_core.api.completeness import holds_everything
from supasync_core.api.strategy import Job, Piece
from supasync_core.api.timed_reader import TimedReader
from supasync_core.model.batch import Cursor, Keyset, Span, Window
from supasync_core.model.errors import TransientError
from supasync_core.model.state import KeysetState, TableState
from supasync_core.model.table import Shape, Table
from supasync_tables import backfill
from supasync_tables.backfill import Sweep
from supasync_tables.by_timestamp import at_once, pages_by_timestamp, read_by_timestamp
from supasync_tables.cursors import Progress, lower_bound

_TIMES = re.compile(r"timestamp|date|text|character varying|varchar|json", re.IGNORECASE)


class Incremental:
    """New and changed rows by timestamp; rows without any timestamp are read again by every run."""

    takes_large_pages = True

    def problems(self, table: Table) -> list[str]:
        return [] if table.timestamp else ["needs a timestamp column, as in timestamp: updated_at"]

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        columns = [column for column in map(shape.column, table.timestamp) if column and column.type]
        return [
            f"the timestamp column {column.name} is {column.type}: it holds no timestamps"
            for column in columns
            if not _TIMES.match(column.type or "")
        ]

    def unseen(self, table: Table) -> tuple[str, ...]:
        return (DELETES,) if timestamp_moves(table) else (DELETES, UPDATES)

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        """One keyset per timestamp column, for the rows whose earlier ones are NULL, and one without any."""
        columns = [*table.timestamp, None]
        return tuple(Keyset(column, tuple(table.timestamp[:i])) for i, column in enumerate(columns))

    def baseline(self, table: Table, timestamp: str) -> TableState:
        """Rows up to the timestamp count as transferred; the overlap before it is read again."""
        cursor = Cursor(timestamp)
        named = {column: KeysetState(cursor, moved_at=timestamp) for column in table.timestamp}
        return TableState(keysets=named)

    def pending(self, job: Job) -> Window:
        bounds = self._bounds(job)
        if backfill.is_due(job):
            return backfill.pending(job, bounds)
        return Window(bounds, job.table.page_size, counted=True)

    def read(self, job: Job) -> Iterator[Piece]:
        """One page where that is enough; else each keyset up to the horizon, then the rows beyond it."""
        reader = TimedReader(job)
        if not backfill.is_due(job):
            yield from self._newer(job, reader)
        elif job.state.keysets:
            yield from self._or_by_timestamp(job, reader, self._by_key(job, reader))
        else:
            yield from self._by_key(job, reader)

    def _bounds(self, job: Job) -> tuple[Span, ...]:
        return tuple(lower_bound(job, keyset) for keyset in self.keysets(job.table))

    def _by_key(self, job: Job, reader: TimedReader) -> Iterator[Piece]:
        """By key, then what changed meanwhile by timestamp."""
        bounds = self._bounds(job)
        first = reader.read(job.table, backfill.first(job, bounds))
        sweep = Sweep(job, reader, bounds)
        if sweep.whole and holds_everything(first):
            sweep.meet(first)
            yield at_once(job, reader, first, bounds)
            return
        begun = [first]
        del first  # there is room for the next page once nobody holds this one
        yield from sweep.read(begun)
        if sweep.missing:
            return
        job = replace(job, state=sweep.state)
        spans = sweep.newer()
        if sweep.whole and not spans:
            yield _finished(job, reader, bounds, sweep)
            return
        following = (
            read_by_timestamp(job, reader, spans, sweep.future_rows_left)
            if sweep.whole
            else self._newer(job, reader)
        )
        for piece in following:
            yield piece if piece.total is None else replace(piece, total=sweep.seen + piece.total)
            del piece

    def _newer(self, job: Job, reader: TimedReader) -> Iterator[Piece]:
        """The rows behind the cursors: by timestamp, unless each page of that is a scan of the table."""
        job = replace(job, state=replace(job.state, backfill=None))
        bounds = self._bounds(job)
        first = reader.read(job.table, Window(bounds, job.table.page_size, counted=True))
        total, begun = first.total, [first]
        by_timestamp = holds_everything(first) or not backfill.scans(job, first)
        del first  # there is room for the next page once nobody holds this one
        if by_timestamp:
            yield from pages_by_timestamp(job, reader, begun, bounds)
            return
        begun.clear()
        yield from self._or_by_timestamp(job, reader, _scan(job, reader, bounds, total))

    def _or_by_timestamp(self, job: Job, reader: TimedReader, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The pieces of a scan; by timestamp where it fails, as a page that holds few of the rows may."""
        seen = 0
        try:
            for piece in pieces:
                seen += piece.batch.count if piece.batch else 0
                yield piece
                del piece
        except TransientError:
            job = replace(job, state=replace(job.state, backfill=None))
        else:
            return
        for piece in read_by_timestamp(job, reader, self._bounds(job), 0):
            yield piece if piece.total is None else replace(piece, total=seen + piece.total)
            del piece


def _scan(job: Job, reader: TimedReader, bounds: tuple[Span, ...], total: int | None) -> Iterator[Piece]:
    """The rows behind the cursors by one scan of the key."""
    sweep = Sweep(job, reader, bounds)
    yield from sweep.read_all(total)
    if not sweep.missing:
        yield _finished(replace(job, state=sweep.state), reader, bounds, sweep)


def _finished(job: Job, reader: TimedReader, bounds: Sequence[Span], sweep: Sweep) -> Piece:
    """The end of a read by key that one run began and ended: the next one reads what changed meanwhile."""
    progress = Progress(job, reader, sweep.future_rows)
    for span in bounds:
        progress.finish(span)
    return Piece(None, progress.done(), sweep.seen)
