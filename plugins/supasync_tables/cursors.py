"""How far a cursor may move, and from where a keyset is read.

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
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from supasync_core.api.strategy import Job
from supasync_core.api.timed_reader import MARGIN, TimedReader
from supasync_core.model import timestamps
from supasync_core.model.batch import Cursor, Keyset, Row, Span
from supasync_core.model.state import KeysetState, TableState
from supasync_core.model.state_json import damaged
from supasync_core.model.timestamps import Horizon, Instant
from supasync_tables.keyset_rows import instant

_MARGIN = timedelta(microseconds=MARGIN)


@dataclass
class Progress:
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
        value = known.cursor and known.cursor.value
        if waited >= timestamps.micros_of(timestamps.lag(self.job.table.overlap, value or "")):
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


def lower_bound(job: Job, keyset: Keyset) -> Span:
    """From where a keyset has to be read: its cursor if that is settled, else the overlap behind it."""
    known = job.state.keyset(keyset.name)
    if keyset.column is None or known.cursor is None or known.cursor.value is None:
        return Span(keyset)
    try:
        timestamps.parse(known.cursor.value)  # PostgreSQL takes 'tomorrow' for a time, too
        if known.settled and not _early(known):
            return Span(keyset, after=known.cursor)
        back = timestamps.lag(job.table.overlap, known.cursor.value) + _MARGIN + _lasted(known)
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
