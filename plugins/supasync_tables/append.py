"""`append`: rows by a whole-number key that only grows, for logs without a usable timestamp.

A key is drawn when a row is inserted and seen when its transaction commits, so a smaller key may appear after
a larger one. Every run therefore reads again from the *floor*: the highest key that a run had seen at least
the overlap ago. Updates of old rows are never seen.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from supasync_core import clock
from supasync_core.backend import Job, Piece
from supasync_core.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.clock import Horizon
from supasync_core.errors import SchemaError
from supasync_core.state import KeysetState, TableState
from supasync_core.tables import Shape, Table
from supasync_tables.horizon import MARGIN, horizon_of, latest
from supasync_tables.pages import pages

OVERLAP_KEYS = 1000
"""Keys that are read again where no time is known: behind a first load, and behind a run that died."""
_WHOLE_TYPES = ("smallint", "integer", "bigint", "numeric", "BIGINT", "INTEGER", "HUGEINT")
_WHOLE = re.compile(r"-?\d+")


class Append:
    """New rows by their growing key; an update of an old row is not seen."""

    def problems(self, table: Table) -> list[str]:
        """Exactly one key column is needed."""
        return [] if len(table.key) == 1 else ["append needs a key of exactly one whole-number column"]

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        """A key that does not count up."""
        column = shape.column(table.key[0])
        if column is None or column.type is None or column.type in _WHOLE_TYPES:
            return []
        return [f"append needs a key of whole numbers, and {column.name} is {column.type}"]

    def unseen(self, table: Table) -> list[str]:
        """Updates."""
        return [f"append reads by {table.key[0]}: updates of rows that were copied are not seen"]

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        """One, by the key as the ordering value."""
        return (Keyset(table.key[0]),)

    def baseline(self, table: Table, timestamp: str) -> TableState:
        """From the beginning: rows that are there already are written once more, unchanged."""
        return TableState()

    def pending(self, job: Job) -> Window:
        """Everything beyond the floor."""
        return Window((_lower(job),), job.table.page_size, counted=True)

    def read(self, job: Job) -> Iterator[Piece]:
        """All keys beyond the floor."""
        window = self.pending(job)
        first = job.source.read(job.table, window)
        horizon = horizon_of(job)
        last = _last(job.table, first)
        if first.total != first.count:
            yield Piece(first, _resumable(job, last), first.total)
            rest = replace(window.spans[0], after=last)
            for batch in pages(job.source, job.table, rest):
                last = _last(job.table, batch)
                yield Piece(batch, _resumable(job, last), first.total)
        yield Piece(first if first.total == first.count else None, _done(job, last, horizon), first.total)


def _lower(job: Job) -> Span:
    keyset = Keyset(job.table.key[0])
    known = job.state.keyset(keyset.name)
    floor = known.cursor.value if known.settled and known.cursor else known.floor
    return Span(keyset, beyond=floor)


def _done(job: Job, last: Cursor | None, horizon: Horizon) -> TableState:
    """The state after a complete read: the floor rises to the last cursor once that is old enough."""
    known = job.state.keyset(job.table.key[0])
    state = replace(job.state, read_at=horizon.text, extent=job.extent)
    if last is None or last == known.cursor:
        settled = known.settled or _waited(job, known, horizon)
        return state.with_keyset(job.table.key[0], replace(known, settled=settled))
    floor: str | None
    if known.cursor is None or not horizon.trusted:
        floor = _behind(last)
    elif known.settled or _waited(job, known, horizon):
        floor = known.cursor.value
    else:
        return state
    return state.with_keyset(job.table.key[0], KeysetState(last, moved_at=latest(job, horizon), floor=floor))


def _waited(job: Job, known: KeysetState, horizon: Horizon) -> bool:
    if known.moved_at is None or not horizon.trusted:
        return False
    return horizon.at - clock.parse(known.moved_at) - MARGIN >= clock.micros_of(job.table.overlap)


def _resumable(job: Job, last: Cursor | None) -> TableState:
    """The state in the middle of a table: a run that dies here goes on a little behind this page."""
    known = job.state.keyset(job.table.key[0])
    if last is None:
        return job.state
    lowest = known.cursor.value if known.settled and known.cursor else known.floor
    floor = max((value for value in (_behind(last), lowest) if value), key=int)
    return job.state.with_keyset(job.table.key[0], replace(known, settled=False, floor=floor))


def _behind(place: Cursor) -> str:
    return str(int(place.value or 0) - OVERLAP_KEYS)


def _last(table: Table, batch: Batch) -> Cursor | None:
    if not batch.count:
        return None
    place = table.place(batch.rows[-1], table.key[0])
    if not _WHOLE.fullmatch(place.value or ""):
        raise SchemaError(
            f"{table.name}: append needs a key of whole numbers, and {table.key[0]} holds something else",
            table=table.name,
            hint="use plugin: incremental with a timestamp, or snapshot for a small table",
        )
    return place
