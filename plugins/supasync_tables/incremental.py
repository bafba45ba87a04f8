"""`incremental`: rows by their timestamp, each run from where the last one was confirmed.

The rule for the cursor of a keyset, ordered by (timestamp, key):

- The lower bound is the cursor itself, exclusive, once it is *settled*; until then it is the cursor's
  timestamp less the overlap, inclusive, because a slow transaction may still commit rows behind the cursor
  (``now()`` is a transaction's start: PostgreSQL documentation, 9.9.5 "Current Date/Time"). The time for
  which the read that moved it had gone on by then is taken off as well: where the app's clock is behind, the
  horizon holds no cursor back, and rows may be committed behind a place that was passed at the beginning.
- The *horizon* is the source's own time when the table's first page was asked for. Rows stamped later (a
  wrong clock, an update during the run) are read and sent, last, but the cursor never moves beyond the
  horizon: else one row from the future would hide all others.
- The cursor moves to the last row at or below the horizon, and is not settled then. It is settled by a
  complete read that began at least the overlap after it last moved.

A first load is read by key: see `supasync_tables.backfill`. Behind it, the first page asks for all keysets
at once and for an exact count: where it holds everything, the table is done in one request. Else each keyset
is read by itself, in its own order: a page of several keysets has the order of the first one alone, and does
not show how far the others go.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from supasync_core.api.blind_spots import DELETES, UPDATES, timestamp_moves
from supasync_core.api.completeness import holds_everything, shortfall
from supasync_core.api.pages import pages
from supasync_core.api.strategy import Job, Piece
from supasync_core.api.timed_reader import MARGIN, TimedReader
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Cursor, Keyset, Row, Span, Window
from supasync_core.model.state import KeysetState, TableState
from supasync_core.model.state_json import damaged
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Horizon, Instant
from supasync_tables import backfill
from supasync_tables.backfill import Sweep
from supasync_tables.keyset_rows import instant, leading, rows_of

_MARGIN = timedelta(microseconds=MARGIN)
_TIMES = re.compile(r"timestamp|date|text|character varying|varchar|json", re.IGNORECASE)


class Incremental:
    """New and changed rows by timestamp; rows without any timestamp are read again by every run."""

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
        spans = (
            (backfill.rest(job.state),)
            if backfill.is_due(job.state)
            else tuple(_lower(job, keyset) for keyset in self.keysets(job.table))
        )
        return Window(spans, job.table.page_size, counted=True)

    def read(self, job: Job) -> Iterator[Piece]:
        """One page where that is enough; else each keyset up to the horizon, then the rows beyond it."""
        reader = TimedReader(job)
        if backfill.is_due(job.state):
            yield from self._first_load(job, reader)
        else:
            yield from _newer(job, reader, self.pending(job).spans)

    def _first_load(self, job: Job, reader: TimedReader) -> Iterator[Piece]:
        """By key, then what changed meanwhile by timestamp."""
        keysets = self.keysets(job.table)
        first = reader.read(job.table, self.pending(job))
        sweep = Sweep(job, reader, keysets)
        if sweep.whole and holds_everything(first):
            sweep.meet(first)
            yield _at_once(job, reader, first, [Span(keyset) for keyset in keysets])
            return
        begun = [first]
        del first  # there is room for the next page once nobody holds this one
        yield from sweep.read(begun)
        if sweep.missing:
            return
        job = replace(job, state=sweep.state)
        spans = sweep.newer() if sweep.whole else tuple(_lower(job, keyset) for keyset in keysets)
        if not spans:
            progress = _Progress(job, reader, future_rows=sweep.future_rows)
            yield Piece(None, progress.done(), sweep.seen)
            return
        future = sweep.future_rows if sweep.whole else 0
        for piece in _newer(job, reader, spans, future):
            yield piece if piece.total is None else replace(piece, total=sweep.seen + piece.total)
            del piece


def _newer(job: Job, reader: TimedReader, spans: tuple[Span, ...], future_rows: int = 0) -> Iterator[Piece]:
    """The rows of the spans in the order of their timestamps."""
    first = reader.read(job.table, Window(spans, job.table.page_size, counted=True))
    if holds_everything(first):
        yield _at_once(job, reader, first, spans, future_rows)
        return
    progress = _Progress(job, reader, future_rows)
    reading = _Reading(job, progress, first.total, [leading(first, spans[0].keyset)])
    del first  # there is room for the next page once nobody holds this one
    yield from reading.read(spans)


def _at_once(
    job: Job, reader: TimedReader, page: Batch, spans: Sequence[Span], future_rows: int = 0
) -> Piece:
    """The piece of a page that holds all rows of the spans."""
    progress = _Progress(job, reader, future_rows)
    for span in spans:
        progress.confirm(span, rows_of(job.table, page, span.keyset))
        progress.finish(span)
    return Piece(page if page.count else None, progress.done(), page.total)


@dataclass
class _Reading:
    """Each keyset of a table by itself, where the first page did not hold everything."""

    job: Job
    progress: "_Progress"
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
        """Fewer rows than there are is not a complete read: nothing is settled, and the next run continues.

        Rows that were added since the first page are stamped later than the horizon, and none of these.
        """
        until = self.progress.horizon.text
        bounded = [replace(span, until=until) if span.keyset.column else span for span in spans]
        missing = shortfall(self.job, self.total, self.seen, bounded, self.seen - self.beyond)
        for span in () if missing else spans:
            self.progress.finish(span)
        state = self.progress.state if missing else self.progress.done()
        return Piece(None, state, self.seen + missing)


def _stretch(reader: TimedReader, span: Span) -> Iterator[Batch]:
    """The span up to the horizon, then beyond it, so that what moved meanwhile is written last."""
    table = reader.job.table
    if span.keyset.column is None:
        yield from pages(reader, table, span)
        return
    yield from pages(reader, table, replace(span, until=reader.horizon.text))
    yield from pages(reader, table, replace(span, beyond=reader.horizon.text))


@dataclass
class _Progress:
    """The state of one table as its pieces are read: it only ever claims what the pieces so far hold."""

    job: Job
    reader: TimedReader
    future_rows: int = 0
    horizon: Horizon = field(init=False)
    state: TableState = field(init=False)
    present: Instant = field(init=False)
    """The source's time, where the horizon is earlier."""
    passed: set[str] = field(init=False)
    """The keysets that this run has read beyond their cursor, so that the cursor may move."""

    def __post_init__(self) -> None:
        self.state = self.job.state
        self.horizon = self.reader.horizon
        self.present = timestamps.parse(self.reader.latest_at)
        keysets = self.state.keysets.items()
        behind = {name for name, known in keysets if known.cursor and (not known.settled or _early(known))}
        self.passed = {column for column in self.job.table.timestamp if column not in behind}

    def confirm(self, span: Span, rows: Sequence[Row]) -> int:
        """Move the keyset's cursor to the last row at or below the horizon; how many rows lie beyond that."""
        column = span.keyset.column
        if column is None or not rows:
            return 0
        passes, (beyond, place) = self._passes(column, rows), self._last_place(column, rows)
        known = self.state.keyset(column)
        if passes and place and (place != known.cursor or _early(known)):
            moved = KeysetState(place, moved_at=self.reader.latest_at, began_at=self.reader.began_at)
            if known.cursor and known.cursor.value == place.value and not known.settled:
                moved = replace(moved, moved_at=known.moved_at, began_at=known.began_at)
            self.state = self.state.with_keyset(column, moved)
        return beyond

    def finish(self, span: Span) -> None:
        """Settle the keyset where this complete read began long enough after its cursor last moved."""
        known = self.state.keyset(span.keyset.name)
        if known.settled or known.moved_at is None or not self.horizon.trusted:
            return
        waited = self.horizon.at - timestamps.parse(known.moved_at) - MARGIN
        if waited >= timestamps.micros_of(self.job.table.overlap):
            self.state = self.state.with_keyset(span.keyset.name, replace(known, settled=True))

    def done(self) -> TableState:
        self.state = replace(
            self.state, read_at=self.horizon.text, future_rows=self.future_rows, extent=self.job.extent
        )
        return self.state

    def _passes(self, column: str, rows: Sequence[Row]) -> bool:
        """Whether the keyset's cursor lies behind these rows: only then may it move.

        Keys are ordered by the source alone, so within one timestamp the cursor's own row has to be met.
        """
        if column not in self.passed:
            cursor = self.state.keyset(column).cursor
            if any(self._reaches(cursor, row, column) for row in rows):
                self.passed.add(column)
        return column in self.passed

    def _reaches(self, cursor: Cursor | None, row: Row, column: str) -> bool:
        if cursor is None or cursor.value is None or self.job.table.place(row, column) == cursor:
            return True
        at = instant(self.job.table, column, row[column])
        return at > timestamps.parse(cursor.value) or (not cursor.key and cursor.value == row[column])

    def _last_place(self, column: str, rows: Sequence[Row]) -> tuple[int, Cursor | None]:
        """How many rows lie beyond the horizon, and the place of the last one that was over by then.

        Of a day, more rows may come until it has ended: a cursor among them would hide those of lower keys.
        """
        beyond = 0
        for row in reversed(rows):
            at = instant(self.job.table, column, row[column])
            beyond += at > self.horizon.at
            if timestamps.ended(row[column]) <= self.horizon.at:
                return beyond, self.job.table.place(row, column)
            self.future_rows += at > self.present + MARGIN
        return beyond, None


def _lower(job: Job, keyset: Keyset) -> Span:
    """From where a keyset has to be read: its cursor if that is settled, else the overlap behind it."""
    known = job.state.keyset(keyset.name)
    if keyset.column is None or known.cursor is None or known.cursor.value is None:
        return Span(keyset)
    if known.settled and not _early(known):
        return Span(keyset, after=known.cursor)
    back = job.table.overlap + _MARGIN + _lasted(known)
    try:
        return Span(keyset, start=timestamps.shifted(known.cursor.value, -back))
    except ValueError as err:
        raise damaged(f"{job.table.name} was read up to {keyset.column}: {err}") from err


def _lasted(known: KeysetState) -> timedelta:
    """For how long the read had gone on that moved the cursor; unknown of those of 0.1.0."""
    if known.moved_at is None or known.began_at is None:
        return timedelta(0)
    return timedelta(
        microseconds=max(0, int(timestamps.parse(known.moved_at) - timestamps.parse(known.began_at)))
    )


def _early(known: KeysetState) -> bool:
    """Whether the cursor is a day that had not ended when it moved there, as 0.1.0 moved it."""
    if known.cursor is None or known.cursor.value is None or known.moved_at is None:
        return False
    return (
        timestamps.parse(known.moved_at)
        < timestamps.ended(known.cursor.value)
        != timestamps.parse(known.cursor.value)
    )
