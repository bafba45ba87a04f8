"""Leaps of a growing number: whoever may write a row may name its number, and hide all that come before it.

A log goes on where its numbers are dense. A few rows far beyond are not where it goes on: the place that a
run has reached stays before the leap, and every run reads them again, until so many lie there that it does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from supasync_core.api.strategy import Job
from supasync_core.model.batch import Batch, Cursor, Row, Span
from supasync_core.model.printable import command
from supasync_core.model.wording import counted

OVERLAP_KEYS = 10_000
"""Numbers that are read again where no time is known: behind a first load, whether it ended or was stopped.
A larger step is a leap, if it is more than this part of the number too: some numbers are times."""
LONE = 100
"""As many rows behind a leap are read again by every run."""
_WHOLE = re.compile(r"-?\d{1,1000}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Leap:
    """From ``low``, whose row is the place ``before``, to ``high``; so many ``rows`` came up to there."""

    low: int
    high: int
    before: Cursor | None
    rows: int


@dataclass
class Reach:
    """How far a run has come, page by page; ``lower`` is the number behind which it reads."""

    job: Job
    column: str
    lower: int
    rows: int = 0
    last: Cursor | None = None
    _number: int = field(init=False)
    _open: list[_Leap] = field(default_factory=list)
    _passed: list[_Leap] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.last = self.job.state.keyset(self.column).cursor
        self._number = self.lower

    def take(self, batch: Batch) -> None:
        """Take a page; SchemaError where its last row has no whole number."""
        if not batch.count:
            return
        last = self._place(batch.rows[-1])
        if _number(last) - self._number > _most(self._number):
            self._find(batch)
        self.rows, self.last, self._number = self.rows + batch.count, last, _number(last)
        self._passed += [leap for leap in self._open if leap.before and self._behind(leap) > LONE]
        self._open = [leap for leap in self._open if self._behind(leap) <= LONE]

    def rest(self, span: Span) -> Span:
        """What of the span lies behind the rows so far."""
        return replace(span, after=self.last) if self.rows else span

    @property
    def place(self) -> Cursor | None:
        """The last row before the first leap that few rows lie behind; None where no row does."""
        return self._open[0].before if self._open else self.last if self.rows else None

    @property
    def note(self) -> str | None:
        """What a person should know of leaps."""
        return "; ".join(self._notes()) or None

    def _notes(self) -> Iterator[str]:
        known, name = self.job.state.keyset(self.column).cursor, self.job.table.name
        passed = [leap for leap in self._passed if known is None or leap.high > _number(known)]
        if passed:
            others = f" ({len(passed) - 1} more leaps like it)" if len(passed) > 1 else ""
            yield (
                f"{name}: {self.column} leaps from {passed[-1].low} to {passed[-1].high}, and goes on there"
                f"{others}: rows in between that come later are not read, but by "
                f"{command('sync', '--full', name)}"
            )
        for leap in self._open[:1]:
            if leap.before:
                rows = counted(self._behind(leap), "row", "rows")
                yield (
                    f"{name}: {self.column} leaps from {leap.low} to {leap.high}: every run reads the {rows} "
                    "behind again, so that none in between is missed"
                )

    def _behind(self, leap: _Leap) -> int:
        return self.rows - leap.rows

    def _find(self, batch: Batch) -> None:
        known = self.job.state.keyset(self.column).cursor
        before = self.last
        for i, row in enumerate(batch.rows):
            place = self._place(row)
            number = _number(place)
            if not self.rows and not i and known and number > _number(known):
                self._number = max(self._number, _number(known))
            if number - self._number > _most(self._number):
                self._open.append(_Leap(self._number, number, before, self.rows + i))
            before, self._number = place, number

    def _place(self, row: Row) -> Cursor:
        table = self.job.table
        place = table.place(row, self.column)
        if not _WHOLE.fullmatch(place.value or ""):
            raise table.schema_error(
                f"append needs whole numbers, and {self.column} holds something else",
                hint="use strategy: incremental with a timestamp, or snapshot for a small table",
            )
        return place


def _number(place: Cursor) -> int:
    return int(place.value or 0)


def _most(number: int) -> int:
    """The largest step from a number that is none of a leap."""
    return max(OVERLAP_KEYS, abs(number) // OVERLAP_KEYS)
