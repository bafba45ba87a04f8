"""One table, then one run: pieces from the source to the sink, the state saved only behind them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from supasync_core import clock, transform
from supasync_core.ahead import ahead
from supasync_core.backend import Claim, Entry, Job, Run, Typed
from supasync_core.batch import Batch
from supasync_core.delivery import Delivery, ManyRefusedError
from supasync_core.errors import LockedError, RowError, StateError, SupasyncError, TableError
from supasync_core.guards import Guard
from supasync_core.journal import NO_BASELINE, current
from supasync_core.project import Project
from supasync_core.report import Report, TableResult, waiting
from supasync_core.state import State, TableState
from supasync_core.tables import Table

LEASE = 600
"""Seconds for which a run holds the sink without a sign of life."""
CHECKPOINT_SECONDS = 60.0
CHECKPOINT_ROWS = 10_000
"""A run that dies sends at most this many rows again."""


class Watch(Protocol):
    """Somebody who looks on: a progress bar, or lines in a log."""

    def table_begins(self, table: Table) -> None:
        """Called before the first request for a table."""
        ...

    def rows_confirmed(self, table: Table, done: int, total: int) -> None:
        """Called after each batch that the sink confirmed."""
        ...

    def table_ended(self, result: TableResult) -> None:
        """Called once for every table, also for those that were skipped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be run: by whom, which tables, which of them from the beginning.

    ``interrupted`` is asked between batches whether the user wants to stop.
    """

    holder: str
    tables: tuple[Table, ...]
    full: frozenset[str] = frozenset()
    command: str = "sync"
    interrupted: Callable[[], bool] = lambda: False


class Interrupted(Exception):  # noqa: N818 - no error: the user's wish
    """The user wants to stop; the batch in flight is done."""


def sync(project: Project, plan: Plan, watch: Watch) -> Report:
    """Copy what is new in the planned tables, and record it.

    Raises what forbids the run as a whole before it began (LockedError, StateError); what happens to single
    tables is in the report.
    """
    claim = Claim(holder=plan.holder, source=project.source_ref, command=plan.command, lease=LEASE)
    run = project.store.begin(claim)
    return _Session(project, plan, watch, run, _started(run, plan)).conduct()


def _started(run: Run, plan: Plan) -> State:
    if run.state is None:
        raise StateError(NO_BASELINE, hint="run: supasync setup")
    return _without(run.state, plan.full)


def _without(state: State, tables: frozenset[str]) -> State:
    """The state that knows nothing of these tables."""
    for name in tables:
        state = state.without_table(name)
    return state


@dataclass
class _Session:
    """One run under its lease."""

    project: Project
    plan: Plan
    watch: Watch
    run: Run
    state: State
    results: dict[str, TableResult] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    delivery: Delivery = field(init=False)
    saved_at: float = field(default_factory=time.monotonic)
    unsaved_rows: int = 0
    records: int = 0

    def __post_init__(self) -> None:
        self.delivery = Delivery(self.project, self.run.now, self.state.quarantine)

    def conduct(self) -> Report:
        """Run all tables and save; a lease that was lost ends the run at once, without a record."""
        stopped: SupasyncError | None = None
        interrupted = False
        try:
            self._run_tables()
        except Interrupted:
            interrupted = True
        except TableError as err:
            stopped = err
        report = self._report(stopped, interrupted=interrupted)
        self._save(report)
        return self._report(stopped, interrupted=interrupted)

    def _run_tables(self) -> None:
        for table in self.plan.tables:
            blockers = [name for name in table.after if self._is_bad(name)]
            if blockers:
                result = TableResult(name=table.name, status="skipped", error=waiting(blockers))
            else:
                self.watch.table_begins(table)
                result = self._guarded(table)
            self.results[table.name] = result
            self.watch.table_ended(result)

    def _is_bad(self, name: str) -> bool:
        return name in self.results and self.results[name].status != "ok"

    def _guarded(self, table: Table) -> TableResult:
        """Run one table; what fails stops it and those that wait for it, unless it names no table."""
        began = time.monotonic()
        before = self.state
        counts = _Counts()
        error: SupasyncError | None = None
        code = 0
        try:
            self._copy(table, counts)
        except Interrupted:
            self.results[table.name] = counts.result(table, "interrupted", began)
            raise
        except (LockedError, StateError):
            raise
        except TableError as err:
            if err.table is None:
                raise
            error, code = err, err.exit_code
        except Exception as err:  # noqa: BLE001 - a defect in one table must not stop the others
            error = SupasyncError(f"{table.name}: a defect of supasync or of a plugin: {type(err).__name__}")
            code = 1
            error.__cause__ = err
        if error is None:
            return counts.result(table, "ok", began, self.delivery.newly_refused(table))
        if isinstance(error, ManyRefusedError):
            self.state = _without_trace(self.state, table, before)
        self.delivery.restore(self.state.quarantine)
        failed = counts.result(table, "failed", began)
        return replace(failed, error=str(error), hint=error.hint, exit_code=code)

    def _copy(self, table: Table, counts: "_Counts") -> None:
        self._exchange_types(table)
        transforms = self.project.transforms(table)
        guard = Guard(self.project, table, self.state.table(table.name), self.run.now)
        guard.begin()
        self.delivery.retry(table)
        job = Job(table, self.project.source, guard.state, self.run.now)
        for piece in ahead(self.project.plugin(table).read(job)):
            if piece.batch is not None and piece.batch.count:
                guard.read(piece.batch)
                batch = transform.apply(transforms, table, piece.batch)
                self._save_if_due()
                arrived = self.delivery.send(table, batch) if batch.count else 0
                if arrived and not transforms:
                    guard.sent(batch)
                counts.add(piece.total or 0, piece.batch.count - batch.count, arrived)
                self.watch.rows_confirmed(table, counts.synced, counts.found)
            self._confirmed(table, guard.marked(piece.state), piece.batch)
        self.delivery.finish(table)
        guard.finished(counts.found)
        self.state = self.state.with_table(table.name, guard.marked(self.state.table(table.name)))
        self._keep_quarantine()

    def _exchange_types(self, table: Table) -> None:
        """Tell an end whose format has no types those of the other."""
        source, sink = self.project.source, self.project.sink
        if isinstance(source, Typed):
            source.typed(table, sink.shape(table))
        if isinstance(sink, Typed):
            sink.typed(table, source.shape(table))

    def _confirmed(self, table: Table, state: TableState, batch: Batch | None) -> None:
        """Keep the state that a confirmed piece leads to, and save it now and then."""
        self.state = self.state.with_table(table.name, state)
        self._keep_quarantine()
        rows = batch.count if batch else 0
        self.unsaved_rows += rows
        self.records += rows
        self._save_if_due()
        if self.plan.interrupted():
            raise Interrupted

    def _save_if_due(self) -> None:
        """A checkpoint, which renews the lease; LockedError where another run has it by now.

        It is asked for before each batch as well: a run that waited long for a page must not write that page
        over what another run has written since.
        """
        late = time.monotonic() - self.saved_at >= CHECKPOINT_SECONDS
        if late or self.unsaved_rows >= CHECKPOINT_ROWS:
            self._save(self._report(None, interrupted=False), status="running")

    def _keep_quarantine(self) -> None:
        """What was set aside so far belongs to what was read so far: both are saved together."""
        self.state = replace(self.state, quarantine=self.delivery.quarantine())

    def _save(self, report: Report, status: str | None = None) -> None:
        state = self.state
        if report.complete and status is None:
            state = replace(state, last_success=self.run.now)
        entry = Entry(
            status=status or report.status,
            state=state,
            horizon=report.horizon,
            records=self.records,
            error=report.error,
            requests=report.requests,
            bytes=report.bytes,
            details=report.details(),
            lease=LEASE,
            retention=self.project.settings.retention.days,
        )
        if not self.project.store.save(self.run.id, entry):
            raise LockedError(
                "another run has taken over the lease: this one stopped before it wrote any state",
                hint="nothing is lost: the rows that it sent are sent again by the other run",
            )
        self.saved_at, self.unsaved_rows = time.monotonic(), 0

    def _report(self, stopped: SupasyncError | None, *, interrupted: bool) -> Report:
        ledger = self.project.ledger
        total = ledger.total()
        return Report(
            command=self.plan.command,
            run=self.run.id,
            tables=tuple(self.results.values()),
            seconds=time.monotonic() - self.began,
            horizon=self._horizon(),
            notes=self._notes(),
            stopped=stopped,
            whole=len(self.plan.tables) == len(self.project.settings.tables),
            interrupted=interrupted,
            requests=total.requests,
            bytes=total.sent + total.received,
            costs=ledger.as_json(),
        )

    def _horizon(self) -> str | None:
        """The source's time up to which every table was read; None while some never was."""
        times = [self.state.table(table.name).read_at for table in self.project.settings.tables]
        known = [time for time in times if time]
        return min(known, key=clock.parse) if known and len(known) == len(times) else None

    def _notes(self) -> tuple[str, ...]:
        horizon = self.project.source.horizon()
        read = any(result.status == "ok" for result in self.results.values())
        notes = self.project.sink.notes()
        waiting = sum(map(len, self.state.quarantine.values()))
        if waiting:
            notes.append(f"{waiting:,} rows are set aside, not in NEW: supasync quarantine list")
        if read and (horizon is None or not horizon.trusted):
            notes.append("OLD's answers carry no current Date: every run reads rows near the cursors again")
        return tuple(notes)


def _without_trace(state: State, table: Table, before: State) -> State:
    """The state in which the table is where it was before this run."""
    back = state.with_quarantine(table.name, before.quarantine.get(table.name, ()))
    return back.with_table(table.name, before.table(table.name))


@dataclass
class _Counts:
    found: int = 0
    synced: int = 0
    left_out: int = 0

    def add(self, total: int, left_out: int, arrived: int) -> None:
        """Count a confirmed piece; rows may have been added while the pages were read."""
        self.left_out += left_out
        self.synced += arrived
        self.found = max(self.synced, total - self.left_out)

    def result(self, table: Table, status: str, began: float, refused: int = 0) -> TableResult:
        """What the table came to; rows that were set aside need a person, the others are there."""
        return TableResult(
            name=table.name,
            status=status,
            found=self.found,
            synced=self.synced,
            refused=refused,
            seconds=time.monotonic() - began,
            error=f"{table.name}: {refused} rows were refused and set aside" if refused else None,
            hint="look at them: supasync quarantine list" if refused else None,
            exit_code=RowError.exit_code if refused else 0,
        )


def pending(project: Project, plan: Plan) -> dict[str, int]:
    """How many rows the planned run would read per table; only counts are asked for, nothing is written."""
    past = project.store.past(1)
    state = _without(current(past, project.source_ref), plan.full)
    counts = {}
    for table in plan.tables:
        job = Job(table, project.source, state.table(table.name), now=past.records[0].created_at)
        counts[table.name] = project.source.count(table, project.plugin(table).pending(job))
    return counts
