"""Rows that the source marks as deleted: what ``soft_delete: deleted_at`` of a table means.

They are read in the order of their marks, from the last one that was followed, less the overlap: a slow
transaction may commit a mark late (see "how no row is lost"). What is not a time at which a row was deleted
stops the table: in a column that says ``false``, ``0`` or ``infinity`` of live rows, all of them are marked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from supasync_core.api.pages import pages
from supasync_core.api.strategy import Gone, Job
from supasync_core.api.timed_reader import MARGIN, TimedReader
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Keyset, Span
from supasync_core.model.errors import SchemaError
from supasync_core.model.state import Deletes
from supasync_core.model.state_json import damaged
from supasync_core.model.table import Table

_TIMES: Final = re.compile("timestamp|date", re.IGNORECASE)
_FARTHEST: Final = 10 * 366 * 86_400_000_000
"""Microseconds from now on which a mark may lie: a later one stands for never."""
_SECOND: Final = 1_000_000
_MINUTES: Final = 120 * _SECOND
_QUARTER: Final = 15 * 60_000_000
"""Microseconds: zones are so many apart."""
_LONGEST_DAY: Final = 51 * 3_600_000_000
"""Microseconds from a midnight in the first zone to the end of that day in the last one, and an hour."""
NEEDED: Final = "soft_delete needs a timestamp that is NULL in every row that is not deleted"


@dataclass
class _Reading:
    """The marks of one look: the largest one that is not later than the source's own time."""

    job: Job
    column: str
    reader: TimedReader
    newest: str | None = None

    def take(self, page: Batch) -> None:
        horizon = self.reader.horizon.at
        for row in page.rows:
            mark = row[self.column]
            at = timestamps.parse_or_none(mark)
            if at is None or at > horizon + _FARTHEST:
                raise _not_a_mark(self.job.table, self.column, mark)
            if timestamps.ended(mark) <= horizon:  # of a day, further marks may come until it has ended
                self.newest = mark

    def state(self, *, complete: bool) -> Deletes:
        """What is true once the sink has none of the rows that were read by now."""
        known = self.job.state.deletes
        if self.newest is not None and self.newest != known.until:
            return replace(known, until=self.newest, moved_at=self.reader.latest_at, settled=False)
        return replace(known, settled=known.settled or (complete and self._waited()))

    def _waited(self) -> bool:
        """Whether what was open when the mark was read has ended, as far as the overlap goes."""
        known, horizon = self.job.state.deletes, self.reader.horizon
        if known.moved_at is None or not horizon.trusted:
            return False
        waited = horizon.at - timestamps.parse(known.moved_at) - MARGIN
        return waited >= timestamps.micros_of(timestamps.lag(self.job.table.overlap, known.until or ""))


def marked(job: Job, column: str) -> Iterator[Gone]:
    """The keys of all rows that were marked in this column since the state, page by page.

    SchemaError for a mark that is not a time, and where the first look finds every row of the table marked.
    """
    table, known = job.table.raw(), job.state.deletes
    reading = _Reading(job, column, TimedReader(job))
    met = 0
    for page in pages(reading.reader, table.narrowed((*table.key, column)), _span(job, column)):
        reading.take(page)
        met += page.count
        yield Gone(tuple(table.keys(page)), replace(job.state, deletes=reading.state(complete=False)))
    if met and known.until is None and not job.source.count(job.table):
        raise table.schema_error(
            f"{column} is set in every row of OLD, and {NEEDED}",
            hint=f"if all rows are deleted, leave the table out (ignore: {table.name})",
        )
    yield Gone((), replace(job.state, deletes=reading.state(complete=True)))


def _span(job: Job, column: str) -> Span:
    """From the last mark that was followed, once that is settled; until then from the overlap behind it.

    Marks that are texts do not sort by time (``2026-01-02 `` comes before ``2026-01-01T``): all of them are
    read. A settled mark that may be a date is read again, as long as an app may give it to further rows.
    """
    keyset, known = Keyset(column), job.state.deletes
    if known.until is None or _are_texts(job, column):
        return Span(keyset)
    try:
        if not known.settled:
            back = timestamps.lag(job.table.overlap, known.until)
            return Span(keyset, start=timestamps.shifted(known.until, -back))
        again = _may_be_given_again(known.until, job.now)
    except ValueError as err:
        raise damaged(f"deletes of {job.table.name} were followed up to {err}") from err
    return Span(keyset, start=known.until) if again else Span(keyset, beyond=known.until)


def _may_be_given_again(mark: str, now: str) -> bool:
    """Whether it may be a date, the midnight of some zone, that is still today's somewhere, or a minute."""
    at = timestamps.parse(mark)
    age = timestamps.parse(now) - at
    return (at % _QUARTER == 0 and age < _LONGEST_DAY) or (at % _SECOND == 0 and age < _MINUTES)


def _are_texts(job: Job, column: str) -> bool:
    """Whether the source sorts the column as texts: in CSV every cell is one, and sorted as what it means."""
    shape = job.source.shape(job.table.raw())
    known = shape.column(column)
    return known is not None and bool(known.type) and not (shape.texts or _TIMES.match(known.type or ""))


def _not_a_mark(table: Table, column: str, mark: Any) -> SchemaError:  # noqa: ANN401 - as it was decoded
    return table.schema_error(
        f"{column} holds {str(mark)[:40]!r}, and {NEEDED}",
        hint="name another column, or leave soft_delete out",
    )
