"""What a run will cost, guessed from counts and the first rows of each table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from supasync_core.api.journal import current
from supasync_core.api.strategy import Job
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.budget import USUAL_EGRESS, Budgets
from supasync_core.model.quantities import format_size
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.project.due_tables import not_due
from supasync_core.project.migration import Migration
from supasync_core.project.run_options import RunOptions
from supasync_core.system.executors import executor

SAMPLE = 100
"""Rows of a table that are looked at."""
_STATE = 2
"""Requests to NEW in every run: to take the lease, and to save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEstimate:
    """One table: the rows that a run would read, and the bytes of one of them on the wire."""

    table: Table
    rows: int
    wire: float = 0.0

    @property
    def pages(self) -> int:
        """How many pages hold the rows."""
        return ceil(self.rows / self.table.page_size)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The whole run."""

    tables: tuple[TableEstimate, ...]
    metered: bool
    """Whether anything travels over a wire at all."""
    later: tuple[str, ...] = ()
    """Tables that the run leaves for a later one."""

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(each.rows for each in self.tables)

    @property
    def egress(self) -> int:
        """The bytes that OLD would send."""
        return round(sum(each.rows * each.wire for each in self.tables))

    @property
    def to_old(self) -> int:
        """Requests to OLD: every page, and one more that finds nothing behind it."""
        return sum(each.pages + 1 for each in self.tables)

    @property
    def to_new(self) -> int:
        """Requests to NEW."""
        return sum(each.pages for each in self.tables) + _STATE

    @property
    def sentence(self) -> str:
        """What it comes to, called what it is."""
        return (
            f"an estimate, from the counts and the first {SAMPLE} rows of each table: about "
            f"{self.to_old:,} requests to OLD, {self.to_new:,} to NEW, "
            f"{format_size(self.egress)} of OLD's egress"
        )

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"requests": {"OLD": self.to_old, "NEW": self.to_new}, "egress": {"OLD": self.egress}}


def estimate_next(migration: Migration, plan: RunOptions) -> Estimate:
    """The planned run, from the state as it is stored; nothing is written."""
    past = migration.store.past(1)
    state = current(past, migration.source_ref)
    for name in plan.full:
        state = state.without_table(name)
    now = past.records[0].created_at
    interval = migration.settings.interval
    later = not_due(plan.tables, state, now, interval) if plan.by_schedule else frozenset()
    tables = [table for table in plan.tables if table.name not in later]
    return replace(estimate(migration, tables, state, now), later=tuple(sorted(later)))


def estimate(migration: Migration, tables: Sequence[Table], state: State, now: str) -> Estimate:
    """Count what a run would read from this state, at the store's time, and look at a page of each table."""
    pool = executor(migration.workers, "estimate")
    try:
        asked = [pool.submit(_table_estimate, migration, table, state, now) for table in tables]
        found = tuple(each.result() for each in asked)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return Estimate(found, metered=bool(migration.ledger.total().requests))


def estimated_size(migration: Migration) -> int:
    """The bytes of all rows of OLD's tables as JSON: an exact count, times the first rows' average."""
    whole = _whole(migration, migration.settings.tables)
    return round(sum(rows * body for rows, body, _ in whole))


def egress_of(migration: Migration, tables: Sequence[Table]) -> int:
    """The bytes that OLD would send if every row of these were read once: from counts and the first rows."""
    return round(sum(rows * wire for rows, _, wire in _whole(migration, tables)))


def is_small(egress: int, budgets: Budgets) -> bool:
    """Whether so many bytes are less than a tenth of what a project may send in a month."""
    return egress * 10 < (USUAL_EGRESS if budgets.egress is None else budgets.egress)


def _table_estimate(migration: Migration, table: Table, state: State, now: str) -> TableEstimate:
    job = Job(table, migration.source, state.table(table.name), now=now)
    rows, _, wire = _sampled(migration, table, migration.strategy(table).pending(job))
    return TableEstimate(table=table, rows=rows, wire=wire)


def _whole(migration: Migration, tables: Sequence[Table]) -> Iterator[tuple[int, float, float]]:
    return (_sampled(migration, table, Window((Span(Keyset(None)),), SAMPLE)) for table in tables)


def _sampled(migration: Migration, table: Table, window: Window) -> tuple[int, float, float]:
    """How many rows the window has, and the bytes of one of them: as JSON, and on the wire."""
    before = migration.ledger.own_received()
    page = migration.source.read(table, replace(window, limit=SAMPLE, counted=True))
    received = migration.ledger.own_received() - before
    rows = migration.source.count(table, window) if page.total is None else page.total
    count = max(page.count, 1)
    return rows, len(page.body) / count, received / count
