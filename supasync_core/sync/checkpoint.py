"""How far a run has come: what is confirmed, table by table, and how that is saved under the lease."""

import time
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event, RLock
from typing import Any

from supasync_core.api.backend import Clocked
from supasync_core.api.base import LocalClock
from supasync_core.api.state_store import Entry, RecordStatus, Run
from supasync_core.concurrency.memory_budget import BytesHeld
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import SupasyncError
from supasync_core.model.quantities import format_duration
from supasync_core.model.report import Report, StepResult, TableResult
from supasync_core.model.state import State, TableState
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.exact_sink import exact
from supasync_core.project.lease import Lease, arriving
from supasync_core.project.migration import Migration
from supasync_core.project.run_options import RunOptions
from supasync_core.schema.watch import SchemaWatch
from supasync_core.sync.changed_rows import ChangedError
from supasync_core.sync.quarantined import ManyRefusedError
from supasync_core.sync.source_snapshot import SourceSnapshot
from supasync_core.sync.writer import Writer
from supasync_core.system.executors import Inline
from supasync_core.system.last_success import age_in

SIGHTED = 10_000
"""Keys of one table that a run remembers beside the look for deletes, which sees those that stay."""
CHECKPOINT_SECONDS = 60.0
CHECKPOINT_ROWS = 10_000
"""Rows after which the state is saved; at most as many are confirmed while that is under way."""
SET_BACK = timedelta(minutes=2)
"""How far the source's time may lie before that of an earlier run: its servers' clocks differ a little."""


@dataclass
class Checkpoint:
    """The state behind which every row is confirmed, and the results so far; for the threads of all tables.

    ``stopping`` is set when something has happened to one table that ends the run.
    """

    migration: Migration
    options: RunOptions
    lease: Lease
    state: State
    results: dict[str, TableResult] = field(default_factory=dict)
    steps: list[StepResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    unsaved_rows: int = 0
    records: int = 0
    undated: bool = False
    """Whether a page came without a time of the source that can be trusted."""
    stopping: Event = field(default_factory=Event)
    lock: RLock = field(default_factory=RLock)
    """Held for a moment. Whoever saves takes the lease's turn first, and never waits for that inside."""
    saver: Executor = field(default_factory=Inline)
    """Who saves the state while rows go on."""
    saving: "Future[Any]" = field(default_factory=lambda: Inline().submit(int))
    """The last save that was handed over to the saver."""
    held: BytesHeld = field(default_factory=BytesHeld)
    sighted: dict[str, set[Key]] = field(default_factory=dict)
    """Keys that the source was seen to have, of tables whose deletes are mirrored."""
    schema_watch: SchemaWatch = field(init=False)
    writer: Writer = field(init=False)
    snapshot: SourceSnapshot = field(default_factory=SourceSnapshot)

    def __post_init__(self) -> None:
        self.lease.record = lambda: self._entry(self.report(), "running")
        self.schema_watch = SchemaWatch(self.migration, self.state.schema_seen_at, self.run.now)
        if self.migration.misreads:
            exact(self.migration.sink, self.schema_watch.digits)
        self.writer = Writer(self.migration, self.run.now, self.state)

    @property
    def run(self) -> Run:
        """The run as it was granted."""
        return self.lease.run

    def keep(self, table: Table, state: TableState, rows: int = 0, arrived: int = 0) -> None:
        """Take the state that so many rows of the source lead to, and how many of them are in the sink.

        What was quarantined so far belongs to what was read so far, as do the columns that transforms gave:
        all are saved together. As long as rows of an earlier run may arrive, nothing counts as unchanged, and
        no read as complete.
        """
        with self.lock:
            state = state.beside(self.known(table))
            self.state = self.writer.kept(self.state.with_table(table.name, state))
            self.unsaved_rows += rows
            self.records += arrived

    def doubt(self, table: Table) -> None:
        """Rows of the table are about to be sent: until that is confirmed, no page counts as unchanged."""
        with self.lock:
            self.state = self.state.with_table(table.name, self.known(table).doubtful())

    def sight(self, table: Table, batch: Batch, aside: frozenset[Key] | None) -> None:
        """Keep in mind that the sink has these rows of the source, but for those ``aside``, which it refused.

        What the source deletes before anybody looks was its own. None: nobody knows which were refused.
        """
        if table.deletes != "mirror" or self.known(table).deletes.checked_at is None or aside is None:
            return
        with self.lock:
            seen = self.sighted.setdefault(table.name, set())
            if len(seen) < SIGHTED:
                seen.update(key for key in table.keys(batch) if key not in aside)

    def end(self, result: TableResult) -> None:
        """Take what a table has come to."""
        with self.lock:
            self.results[result.name] = result

    def amend(self, table: Table, **fields: Any) -> None:  # noqa: ANN401 - of a TableResult
        """Change what a table has come to."""
        self.results[table.name] = replace(self.results[table.name], **fields)

    def note(self, text: str, hint: str | None = None) -> None:
        """Let the report say it."""
        self.notes.append(f"{text}; {hint}" if hint else text)

    def known(self, table: Table) -> TableState:
        """The state of that table so far."""
        return self.state.table(table.name)

    def is_bad(self, name: str) -> bool:
        """Whether the table was not copied to its end."""
        return name in self.results and not self.results[name].passed

    def copied(self, table: Table) -> TableResult | None:
        """What the table has come to, where it was copied to its end by this run."""
        result = self.results.get(table.name)
        return result if result and result.status == "ok" else None

    def failed(self, table: Table, err: SupasyncError, before: TableState) -> None:
        """Keep of a table that has stopped what is true: ``before`` where the sink has changed its rows."""
        if isinstance(err, ChangedError):
            self.keep(table, before)
        elif isinstance(err, ManyRefusedError):
            self.keep(table, self.known(table))
        self.writer.quarantine.restore(table, self.state)

    def alert(self, table: Table, error: str, hint: str | None, code: int) -> None:
        """Let the report say it of a table that was copied; its rows are there all the same."""
        self.note(error, hint)
        self.amend(table, error=error, hint=hint, exit_code=code)

    def save_if_due(self) -> None:
        """A checkpoint, which renews the lease; LockedError where another run has it by now.

        It is asked for before each batch as well: a run that waited long for a page must not write that page
        over what another run has written since. One that is due for its rows alone is saved while rows go on.
        """
        if self.lease.age >= CHECKPOINT_SECONDS:
            with self.lease.turn:
                if self.lease.age >= CHECKPOINT_SECONDS and self.lease.may_flush():
                    self._save_running()
                else:
                    self.lease.renew()
        elif self.unsaved_rows >= CHECKPOINT_ROWS and self.lease.may_flush():
            self.saving.result()
            with self.lock:
                if self.unsaved_rows >= CHECKPOINT_ROWS and self.saving.done():
                    self.unsaved_rows = 0
                    self.saving = self.saver.submit(self._save_running)
        if self.saving.done():
            self.saving.result()

    def _save_running(self) -> None:
        with self.lease.turn:
            with self.lock:
                report = self.report()
            self.save(report, status="running")

    def save(self, report: Report, status: RecordStatus | None = None) -> None:
        """Record the run; without a ``status`` it has ended and lets go of the lease."""
        with self.lease.turn:
            with self.lock:
                entry = self._entry(report, status)
                self.unsaved_rows = 0
            self.lease.save(entry)

    def _entry(self, report: Report, status: RecordStatus | None) -> Entry:
        state = self.state.doubtful(self.writer.reread.written)
        if report.complete and status is None:
            state = replace(state, last_success=self.run.now, schema_seen_at=self.schema_watch.seen)
        return Entry(
            status=status or report.status,
            state=state,
            horizon=report.horizon,
            records=self.records,
            error=report.error,
            details=report.details(),
        )

    def report(self, stopped: SupasyncError | None = None, *, interrupted: bool = False) -> Report:
        """What the run has come to by now."""
        ledger, results = self.migration.ledger, dict(self.results)
        total = ledger.total()
        return Report(
            command=self.options.command,
            run=self.run.id,
            tables=tuple(results[table.name] for table in self.options.tables if table.name in results),
            seconds=time.monotonic() - self.began,
            horizon=self._horizon(),
            notes=self._notes(),
            stopped=stopped,
            success_age=age_in(self.lease.state, self.run.now),
            whole=len(self.options.tables) == len(self.migration.settings.tables),
            interrupted=interrupted,
            requests=total.requests,
            bytes=total.sent + total.received,
            costs=ledger.as_json(),
            steps=tuple(self.steps),
            shares=self.options.meter.shares() if self.options.meter else (),
        )

    def _horizon(self) -> str | None:
        """The source's time up to which every table was read; None while some never was."""
        times = [self.known(table).read_at for table in self.migration.settings.tables]
        known = [time for time in times if time]
        return min(known, key=timestamps.parse) if known and len(known) == len(times) else None

    def _set_back(self) -> timedelta:
        """How far the source's time lies before that of an earlier run; none where only files tell it."""
        source = self.migration.source
        now = source.now() if isinstance(source, Clocked) and not isinstance(source, LocalClock) else None
        known = [timestamps.parse(each.read_at) for each in self.lease.state.tables.values() if each.read_at]
        return timestamps.between(now, max(known)) if known and now is not None else timedelta(0)

    def _notes(self) -> tuple[str, ...]:
        notes = [*self.migration.notes, *self.notes]
        waiting = sum(self.state.quarantined().values())
        if waiting:
            notes.append(
                f"{counted(waiting, 'row is', 'rows are')} quarantined, not in NEW: supasync quarantine list"
            )
        if self.migration.present.ahead:
            ahead = format_duration(timedelta(microseconds=int(self.migration.present.ahead)))
            notes.append(
                f"OLD's answers are dated {ahead} later than NEW's time: cursors go by NEW's, "
                "and every run reads rows near them again"
            )
        elif self.undated:
            notes.append("OLD's answers have no current Date: every run reads rows near the cursors again")
        if (back := self._set_back()) > SET_BACK:
            notes.append(
                f"OLD's answers are dated {format_duration(back, 2)} before those of an earlier run: its "
                "clock was set back, or a cache answers. Rows that are stamped by such a clock may lie "
                "behind the cursors, and are not read: supasync verify names them, "
                "supasync sync --full TABLE copies them"
            )
        notes += [self.run.note] if self.run.note else []
        if until := arriving(replace(self.state, writing=None)):
            notes.append(
                f"an earlier run did not end cleanly: what it may have sent is read again until {until}"
            )
        return (*notes, *self.snapshot.notes())
