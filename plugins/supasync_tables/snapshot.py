"""`snapshot`: all rows every time, for small tables without a timestamp; unchanged pages are not sent.

Rows that are gone from the source stay in the sink.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from supasync_core.api.blind_spots import DELETES
from supasync_core.api.completeness import holds_everything, shortfall
from supasync_core.api.strategy import Job, Piece
from supasync_core.api.timed_reader import TimedReader
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.page_order import Onward
from supasync_core.model.state import KeysetState, TableState
from supasync_core.model.table import Shape, Table

CEILING = 20_000
"""Rows that may be read as a whole by every run: 20 pages."""
_ALL = Keyset(None)


class Snapshot:
    """All rows by key; a page whose bytes did not change since it was confirmed is not sent again."""

    def problems(self, table: Table) -> list[str]:
        return []

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        return []

    def unseen(self, table: Table) -> tuple[str, ...]:
        return (DELETES,)

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        return (_ALL,)

    def baseline(self, table: Table, timestamp: str) -> TableState:
        return TableState()

    def pending(self, job: Job) -> Window:
        return Window((Span(_ALL),), job.table.page_size, counted=True)

    def read(self, job: Job) -> Iterator[Piece]:
        """Every page; those that are new or changed carry their batch."""
        reader = TimedReader(job)
        batch = reader.read(job.table, self.pending(job))
        total = batch.total
        complete = holds_everything(batch)
        known = job.state.keyset(_ALL.name).digests
        digests: list[str] = []
        onward, seen = Onward(job.table), 0
        while batch.count:
            last, seen = onward.behind(batch), seen + batch.count
            _refuse_large(job.table, max(seen, total or 0))
            digests.append(sha256(batch.body).hexdigest()[:32])
            changed = known[len(digests) - 1 : len(digests)] != (digests[-1],)
            state = _state(job, digests)
            yield Piece(batch, state, total) if changed else Piece(None, state, total, unchanged=batch.count)
            del batch
            if complete:
                break
            batch = reader.read(job.table, Window((Span(_ALL, after=last),), job.table.page_size))
        missing = shortfall(job, total, seen, [Span(_ALL)], seen)
        state = _state(job, digests)
        if not missing:
            state = replace(state, read_at=reader.horizon.text, extent=job.extent)
        yield Piece(None, state, seen + missing if seen or total is not None else None)


def _refuse_large(table: Table, rows: int) -> None:
    if rows > CEILING:
        raise table.schema_error(
            f"{rows:,} rows are too many to read in every run (limit {CEILING:,})",
            hint="use strategy: incremental with a timestamp column, or append with a growing key",
        )


def _state(job: Job, digests: list[str]) -> TableState:
    """What is confirmed so far: pages behind it count as changed until they are read."""
    return job.state.with_keyset(_ALL.name, KeysetState(digests=tuple(digests)))
