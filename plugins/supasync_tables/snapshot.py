"""`snapshot`: all rows every time, for small tables without a timestamp; unchanged pages are not sent.

Rows that are gone from the source stay in the sink.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from supasync_core.backend import Job, Piece
from supasync_core.batch import Keyset, Span, Window
from supasync_core.errors import SchemaError
from supasync_core.state import KeysetState, TableState
from supasync_core.tables import Shape, Table
from supasync_tables.horizon import horizon_of

CEILING = 20_000
"""Rows that may be read as a whole by every run: 20 pages."""
_ALL = Keyset(None)


class Snapshot:
    """All rows by key; a page whose bytes did not change since it was confirmed is not sent again."""

    def problems(self, table: Table) -> list[str]:
        """None: any key will do."""
        return []

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        """None: any type will do."""
        return []

    def unseen(self, table: Table) -> list[str]:
        """Nothing but deletes, which no way of reading sees."""
        return []

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        """One, by key alone."""
        return (_ALL,)

    def baseline(self, table: Table, timestamp: str) -> TableState:
        """From the beginning: a snapshot has no other place to start."""
        return TableState()

    def pending(self, job: Job) -> Window:
        """Everything."""
        return Window((Span(_ALL),), job.table.page_size, counted=True)

    def read(self, job: Job) -> Iterator[Piece]:
        """Every page; those that are new or changed carry their batch."""
        window = self.pending(job)
        batch = job.source.read(job.table, window)
        total = batch.total or 0
        if total > CEILING:
            raise SchemaError(
                f"{job.table.name}: {total:,} rows are too many to read in every run (limit {CEILING:,})",
                table=job.table.name,
                hint="use plugin: incremental with a timestamp column, or append with a growing key",
            )
        known = job.state.keyset(_ALL.name).digests
        digests: list[str] = []
        seen = 0
        while batch.count:
            digests.append(sha256(batch.body).hexdigest()[:32])
            seen += batch.count
            changed = known[len(digests) - 1 : len(digests)] != (digests[-1],)
            yield Piece(batch if changed else None, _state(job, digests), total)
            if seen >= total:
                break
            behind = Span(_ALL, after=job.table.place(batch.rows[-1], None))
            batch = job.source.read(job.table, Window((behind,), job.table.page_size))
        yield Piece(
            None, replace(_state(job, digests), read_at=horizon_of(job).text, extent=job.extent), total
        )


def _state(job: Job, digests: list[str]) -> TableState:
    """What is confirmed so far: pages behind it count as changed until they were looked at."""
    return job.state.with_keyset(_ALL.name, KeysetState(digests=tuple(digests)))
