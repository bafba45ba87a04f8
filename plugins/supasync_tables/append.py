"""`append`: rows by a whole-number key that only grows, for logs without a usable timestamp.

A key is drawn when a row is inserted and seen when its transaction commits, so a smaller key may appear after
a larger one. Every run therefore reads again from the *floor*: a key up to which everything was read by a run
that began at least the overlap after that key was seen. It rises in this way alone, whether a run comes to
its end or is stopped. Updates of old rows are never seen.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from supasync_core.api.blind_spots import DELETES, UPDATES
from supasync_core.api.completeness import holds_everything, shortfall
from supasync_core.api.pages import pages
from supasync_core.api.strategy import Job, Piece
from supasync_core.api.timed_reader import MARGIN, TimedReader
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.pg_types import INTEGERS, bare
from supasync_core.model.state import KeysetState, TableState
from supasync_core.model.state_json import damaged
from supasync_core.model.table import Shape, Table

OVERLAP_KEYS = 10_000
"""Keys that are read again where no time is known: behind a first load, whether it ended or was stopped."""
_WHOLE = re.compile(r"-?\d+")


class Append:
    """New rows by their growing key; an update of an old row is not seen."""

    def problems(self, table: Table) -> list[str]:
        found = [] if len(table.key) == 1 else ["append needs a key of exactly one whole-number column"]
        claims = table.updates == "seen"
        return [*found, "append reads new keys alone: it cannot keep updates: seen"] if claims else found

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        column = shape.column(table.key[0])
        if column is None or column.type is None or bare(column.type) in (*INTEGERS, "numeric"):
            return []
        return [f"append needs a key of whole numbers, and {column.name} is {column.type}"]

    def unseen(self, table: Table) -> tuple[str, ...]:
        return DELETES, UPDATES

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        return (Keyset(table.key[0]),)

    def baseline(self, table: Table, timestamp: str) -> TableState:
        """From the beginning: rows that are already there are written again, unchanged."""
        return TableState()

    def pending(self, job: Job) -> Window:
        return Window((_lower(job),), job.table.page_size, counted=True)

    def read(self, job: Job) -> Iterator[Piece]:
        window = self.pending(job)
        reader = TimedReader(job)
        first = reader.read(job.table, window)
        last, seen, total = _last(job.table, first), first.count, first.total
        if holds_everything(first):
            yield Piece(first if seen else None, _done(reader, last), total)
            return
        if seen:
            yield Piece(first, _stopped(reader, last), total)
        del first
        for batch in pages(reader, job.table, replace(window.spans[0], after=last)):
            last, seen = _last(job.table, batch), seen + batch.count
            yield Piece(batch, _stopped(reader, last), total)
            del batch
        missing = shortfall(job, total, seen, window.spans, seen)
        state = _stopped(reader, last) if missing else _done(reader, last)
        yield Piece(None, state, seen + missing)


def _lower(job: Job) -> Span:
    keyset = Keyset(job.table.key[0])
    known = job.state.keyset(keyset.name)
    if known.cursor is None:
        return Span(keyset, beyond=known.floor)
    if known.settled or known.floor is None:
        return Span(keyset, beyond=known.cursor.value if known.settled else None)
    try:
        return Span(keyset, beyond=min(known.floor, known.cursor.value or known.floor, key=int))
    except ValueError as err:
        raise damaged(f"{job.table.name} was read up to {keyset.column}: {err}") from err


def _done(reader: TimedReader, last: Cursor | None) -> TableState:
    job, horizon = reader.job, reader.horizon
    known = job.state.keyset(job.table.key[0])
    state = replace(job.state, read_at=horizon.text, extent=job.extent)
    if last is None or last == known.cursor:
        settled = known.settled or _waited(reader, known)
        return state.with_keyset(job.table.key[0], replace(known, settled=settled))
    if known.cursor is None or not horizon.trusted:
        reached = KeysetState(last, moved_at=reader.latest_at, floor=_behind(last))
        return state.with_keyset(job.table.key[0], reached)
    return state.with_keyset(job.table.key[0], _risen(reader, known, last))


def _stopped(reader: TimedReader, last: Cursor | None) -> TableState:
    """The state in the middle of a table: the floor obeys the same rule as at its end."""
    job = reader.job
    known = job.state.keyset(job.table.key[0])
    if last is None:
        return job.state
    if known.cursor is None:
        floor = max(filter(None, (_behind(last), known.floor)), key=int)
        return job.state.with_keyset(job.table.key[0], replace(known, floor=floor))
    return job.state.with_keyset(job.table.key[0], _risen(reader, known, last))


def _risen(reader: TimedReader, known: KeysetState, last: Cursor) -> KeysetState:
    """The floor rises to where this run has read, at most to the cursor, once that is old enough.

    Behind a cursor that is not, late keys may still appear: then all stays as it is.
    """
    if known.cursor is None or not (known.settled or _waited(reader, known)):
        return known
    if int(last.value or 0) <= int(known.cursor.value or 0):
        return replace(known, floor=last.value)
    return KeysetState(last, moved_at=reader.latest_at, floor=known.cursor.value)


def _waited(reader: TimedReader, known: KeysetState) -> bool:
    if known.moved_at is None or not reader.horizon.trusted:
        return False
    waited = reader.horizon.at - timestamps.parse(known.moved_at) - MARGIN
    return waited >= timestamps.micros_of(reader.job.table.overlap)


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
            hint="use strategy: incremental with a timestamp, or snapshot for a small table",
        )
    return place
