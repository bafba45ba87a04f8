"""Verify tables one by one: counts, then a walk over both sides, then a second look at what differed."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from supasync_core.api.blind_spots import UPDATES
from supasync_core.api.history import Evidence
from supasync_core.api.journal import current
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.errors import SchemaError, TableError, TransientError
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration, exchange_types
from supasync_core.verify.counts import Counts
from supasync_core.verify.findings import ROWS, TableVerdict, Verification, VerifyObserver
from supasync_core.verify.in_flight import flight_of
from supasync_core.verify.measure import Measure, measure, shown
from supasync_core.verify.second_look import Look
from supasync_core.verify.visibility import cannot_see, notes, sees
from supasync_core.verify.walk import Walk

_SMALL = 2_000_000
"""Bytes of rows that are compared by value without being asked to, where no run sees their updates."""
_SAMPLE = 20


def verify(
    migration: Migration,
    tables: Sequence[Table],
    *,
    exact: bool | Collection[str],
    staging: Evidence | None,
    progress: VerifyObserver,
) -> Verification:
    """Compare these tables of OLD and NEW; nothing is written but to the ``staging``, where there is one.

    ``exact`` compares every value of every row, of all tables or of those that are named.
    What happens to one table does not stop the others; what concerns both projects as a whole (a wrong key,
    a foreign state) is raised.
    """
    past = migration.store.past(1)
    state = current(past, migration.source_ref) if past.state else State(migration.source_ref)
    told = []
    if past.state is None:
        told.append("there is no baseline in NEW: every row of OLD is expected there")
    if state.closed:
        told.append(
            f"NEW is closed since {state.closed}: rows stamped later there are the app's and not compared"
        )
    if staging is None:
        told.append("without a staging nothing is kept: row versions are not compared")
    chosen = exact if isinstance(exact, Collection) else [table.name for table in tables if exact]
    verdicts = tuple(
        _Verifying(migration, table, state, staging, progress, table.name in chosen).conduct()
        for table in tables
    )
    horizon = migration.source.horizon()
    return Verification(tables=verdicts, at=horizon.text if horizon else None, notes=tuple(told))


@dataclass
class _Verifying:
    """One table."""

    migration: Migration
    table: Table
    state: State
    evidence: Evidence | None
    progress: VerifyObserver
    exact: bool
    began: float = field(default_factory=time.monotonic)
    requests: dict[str, int] = field(default_factory=dict)
    total: int | None = None

    def conduct(self) -> TableVerdict:
        """The verdict, with what it cost; an error of this table is part of it."""
        self.progress.table_begins(self.table)
        before = self.migration.ledger.total()
        try:
            verdict = self._verdict()
        except TableError as err:
            if err.table is None:
                raise
            verdict = TableVerdict(
                name=self.table.name,
                method="none",
                unseen=self.migration.unseen(self.table),
                error=str(err),
                hint=err.hint,
                requests=self.requests,
            )
        after = self.migration.ledger.total()
        moved = after.sent + after.received - before.sent - before.received
        verdict = replace(verdict, bytes=moved, seconds=time.monotonic() - self.began)
        self.progress.table_ended(verdict)
        return verdict

    def _verdict(self) -> TableVerdict:
        with self._costing("schema"):
            exchange_types(self.migration, self.table)
            how = measure(self.migration, self.table, self.state, exact=self.exact)
            how = self._versioned(how)
        counting, failed = self._count(how)
        how = self._by_value_where_small(how, counting)
        with self._costing(how.method):
            walk = Walk(how, self.evidence, self._report)
            walk.conduct()
            for each in walk.printed:
                each.check()
        look = Look(how, flight_of(how), walk)
        with self._costing("second look"):
            rewritten = walk.rewritten(self.migration.source_ref)
            look.conduct(rewritten)
        if self.evidence:
            self.evidence.keep_sighted(self.migration.source_ref, self.table, look.doubtful)
        unmet, more = self._unmet(counting, walk, look)
        failed = (*failed, *more)
        shown_counts = counting if counting and counting.comparable else None
        return TableVerdict(
            name=self.table.name,
            method=how.method,
            unseen=self.migration.unseen(self.table),
            old=shown_counts.old if shown_counts else None,
            new=shown_counts.new if shown_counts else None,
            compared=walk.compared,
            missing=tuple(look.missing),
            extra=tuple(look.extra),
            changed=look.changed,
            set_aside=tuple(look.set_aside),
            repeated=tuple(walk.repeated),
            unmet=unmet,
            unlooked=look.unlooked,
            in_flight=look.in_flight,
            left_out=walk.dropped,
            newer=look.newer,
            until=look.flight.text,
            digest=shown(walk.digest),
            sees=sees(how),
            cannot_see=cannot_see(how, walk),
            notes=(*failed, *notes(how, look)),
            requests=self.requests,
        )

    def _by_value_where_small(self, how: Measure, counting: Counts | None) -> Measure:
        """Whole rows of a table that is read in one page anyway, where no run sees its updates."""
        if how.method == ROWS or counting is None or UPDATES not in self.migration.unseen(self.table):
            return how
        if not 0 < counting.old <= self.table.page_size:
            return how
        whole = replace(how, method=ROWS)
        with self._costing("a look at its rows"):
            page = self.migration.source.read(whole.old, Window((Span(Keyset(None)),), _SAMPLE))
        return whole if len(page.body) * counting.old <= _SMALL * max(page.count, 1) else how

    def _versioned(self, how: Measure) -> Measure:
        """Whether OLD's rows come with their version: views and files have none."""
        unversioned = replace(how, versioned=False)
        if self.evidence is None:
            return unversioned
        try:
            self.migration.source.read(how.old, Window((Span(Keyset(None)),), 1))
        except SchemaError:
            return unversioned
        return how

    def _count(self, how: Measure) -> tuple[Counts | None, tuple[str, ...]]:
        """Both counts; without them the rest goes on, and says so."""
        counting = Counts(how)
        try:
            with self._costing("counts"):
                counting.take()
        except TransientError as err:
            return None, (f"not counted: {err}",)
        self.total = counting.old
        if not counting.comparable:
            return counting, ("filters or transforms make NEW's number of rows another one than OLD's",)
        return counting, ()

    def _unmet(self, counting: Counts | None, walk: Walk, look: Look) -> tuple[int, tuple[str, ...]]:
        """How many rows the counts leave unexplained, and that in words."""
        if counting is None:
            return 0, ()
        found = (look.missing, look.extra, look.set_aside, walk.repeated)
        explained = any(found) or bool(look.in_flight or look.newer or look.unlooked)
        try:
            with self._costing("counts"):
                unmet = counting.unmet(walk, explained=explained)
        except TransientError as err:
            return 1, (f"not counted once more: {err}",)
        if not unmet:
            return 0, ()
        text = (
            f"OLD counts {counting.old:,} rows and gave {walk.met_old:,}, "
            f"NEW counts {counting.new:,} and gave {walk.met_new:,}"
        )
        return unmet, (f"{text}: if rows came or went meanwhile, verify again",)

    def _report(self, done: int) -> None:
        self.progress.rows_compared(self.table, done, self.total)

    @contextmanager
    def _costing(self, step: str) -> Iterator[None]:
        """Count the requests of a step."""
        ledger = self.migration.ledger
        before = ledger.total().requests
        try:
            yield
        finally:
            spent = ledger.total().requests - before
            if spent:
                self.requests[step] = self.requests.get(step, 0) + spent
