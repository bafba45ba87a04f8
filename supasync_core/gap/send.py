"""Send what an export has that the sink has not: parents first, under the lease, recorded like every run."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from supasync_core.api.row_formats import TakesFormats
from supasync_core.api.state_store import Entry, RecordStatus
from supasync_core.api.strategy import Job
from supasync_core.gap.csv.queries import lower_bound
from supasync_core.gap.import_plan import ImportPlan, TableImport
from supasync_core.model import timestamps
from supasync_core.model.batch import Key
from supasync_core.model.errors import RowError, SupasyncError, TableError
from supasync_core.model.report import Report, TableResult, waiting
from supasync_core.model.state import State, TableState
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Horizon
from supasync_core.project.exact_sink import TYPES, exact
from supasync_core.project.lease import Lease
from supasync_core.project.migration import Migration
from supasync_core.project.present import judged
from supasync_core.project.run_options import Interrupted, RunObserver
from supasync_core.schema.watch import SchemaWatch
from supasync_core.staging.staging_file import Staging
from supasync_core.sync.changed_rows import ChangedError, refuse_changed
from supasync_core.sync.computed_columns import ComputedColumns
from supasync_core.sync.readback import Readback
from supasync_core.sync.writer import Writer

COMMAND = "gap import"
_DOUBTFUL = ("trigger", "unknown")
"""Remarks on NEW's tables that mean that a row may not be there as it was sent."""
_HINT = (
    "supasync schema sql --triggers guard prints the SQL after which NEW's triggers ignore copied rows "
    "(--triggers off: until the switch); then import the same files again with --accept older"
)


@dataclass
class Sender:
    """One import under its lease."""

    migration: Migration
    staging: Staging
    lease: Lease
    state: State
    plan: ImportPlan
    watch: RunObserver
    interrupted: Callable[[], bool] = lambda: False
    results: dict[str, TableResult] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    writer: Writer = field(init=False)
    schema_watch: SchemaWatch = field(init=False)

    def __post_init__(self) -> None:
        """Rows that a batch needs are looked up in the export: they were transformed already."""
        settings = self.migration.settings
        plain = replace(settings, tables=tuple(replace(table, transform=()) for table in settings.tables))
        staged = replace(self.migration, settings=plain, source=self.staging.source())
        self.writer = Writer(staged, self.lease.run.now, self.state)
        self.writer.computed = ComputedColumns(self.migration, of_files=True)
        self.schema_watch = SchemaWatch(self.migration, None, self.lease.run.now)
        if self.migration.types == TYPES:
            exact(self.migration.sink, self.schema_watch.digits)
        self.lease.record = lambda: self._entry(self._report(None, interrupted=False), "running")

    def run(self) -> Report:
        """Send all tables that may be sent, and save; what happens to one table does not stop the others."""
        stopped: SupasyncError | None = None
        interrupted = False
        blocked = self.plan.blocked()
        try:
            self.lease.renew()
            for part in self.plan.parts.values():
                self._table(part, blocked)
        except Interrupted:
            interrupted = True
        except TableError as err:
            stopped = err
        report = self._report(stopped, interrupted=interrupted)
        self.lease.save(self._entry(report, report.status))
        return report

    def _table(self, part: TableImport, blocked: dict[str, str]) -> None:
        table = part.table
        bad = [
            name for name in table.depends_on if name in self.results and self.results[name].status != "ok"
        ]
        if table.name in blocked or bad:
            reason = blocked.get(table.name) or waiting(bad)
            own = bool(part.errors(self.plan.accepted))
            error = f"{table.name}: {reason}" if own else f"not sent: {reason}"
            code = RowError.exit_code if own else 0
            result = TableResult(
                name=table.name, status="failed" if own else "skipped", error=error, exit_code=code
            )
        else:
            self.watch.table_begins(table)
            result = self._sent(part)
        self.results[table.name] = result
        self.watch.table_ended(result)

    def _sent(self, part: TableImport) -> TableResult:
        table = replace(part.table, transform=())
        began = time.monotonic()
        found = part.to_send(self.plan.accepted)
        try:
            readback = self._readback(table)
            for batch in self.staging.batches(table, () if readback else self._formats(table)):
                self.lease.renew()
                self.writer.send(table, batch)
                if readback:
                    readback.sent(batch)
                part.sent += batch.count
                self.watch.rows_confirmed(table, part.sent, found)
                self.state = self.writer.quarantine.kept(self.state)
                if self.interrupted():
                    raise Interrupted
            if readback:
                self._read_back(readback, self.writer.quarantine.keys(table))
        except TableError as err:
            err.raise_if_of_no_table()
            self.writer.quarantine.restore(table, self.state)
            done = self._result(part, found, began)
            return replace(done, status="failed", error=str(err), hint=err.hint, exit_code=err.exit_code)
        aside = self.writer.quarantine.newly(table)
        self.state = self._proven(part)
        done = self._result(part, found, began)
        return aside.into(replace(done, synced=part.sent - aside.rows))

    def _formats(self, table: Table) -> Sequence[str]:
        """What the sink takes beside JSON; none where rows of the table are quarantined one by one."""
        sink = self.migration.sink
        if self.writer.quarantine.rows[table.name] or not isinstance(sink, TakesFormats):
            return ()
        return sink.row_formats(table)

    def _readback(self, table: Table) -> Readback | None:
        """What is read back, where a trigger of NEW may change it, or NEW does not say.

        SchemaError where the table shows the rows of other tables, and none was copied yet.
        """
        if self.state.table(table.name).read_at is None:
            self.schema_watch.refuse_heirs(table)
        remarks = self.schema_watch.seen_remarks()
        doubtful = any(r.kind in _DOUBTFUL and r.table in (None, table.name) for r in remarks)
        return Readback(self.migration, table, of_files=True) if doubtful else None

    def _read_back(self, readback: Readback, quarantined: Collection[Key] | None) -> None:
        """ChangedError where the sink holds a row that is not as it was sent."""
        taken = [*readback.longest, *readback.sample]
        if quarantined is None or not taken:
            return
        sink, table = self.migration.sink, replace(readback.table, where=None)
        sent = {each.key: each.text for each in taken}
        try:
            refuse_changed(sink, table, sent, sink.rows(table, table.key, sorted(sent)), quarantined)
        except ChangedError as err:
            raise ChangedError(str(err), table=table.name, hint=_HINT) from err

    def _result(self, part: TableImport, found: int, began: float) -> TableResult:
        seconds = time.monotonic() - began
        return TableResult(name=part.table.name, status="ok", found=found, synced=part.sent, seconds=seconds)

    def _proven(self, part: TableImport) -> State:
        """The state with the table's cursors where its files prove them: whole from the lower bounds on."""
        table = part.table
        known = self.state.table(table.name)
        proofs = (each.proof for each in part.loaded if each.proof)
        proof = next((each for each in proofs if self._reaches(table, known, each)), None)
        at = timestamps.parse_or_none(proof.get("at")) if proof else None
        if at is None or not isfinite(at) or part.errors(()) or known.late:
            return self.state
        source = self.staging.source()
        source.read_at = Horizon(at)
        plain = replace(table, transform=(), where=None)
        job = Job(plain, judged(source, self.migration.present), known, self.lease.run.now)
        state = known
        for piece in self.migration.strategy(table).read(job):
            state = piece.state
        return self.state.with_table(table.name, state)

    def _reaches(self, table: Table, known: TableState, proof: Any) -> bool:  # noqa: ANN401 - JSON of the file
        """Whether the export begins at or before every lower bound of the state."""
        bounds = proof.get("from")
        job = Job(table, self.staging.source(), known, self.lease.run.now)
        spans = self.migration.strategy(table).pending(job).spans
        return isinstance(bounds, dict) and all(
            span.keyset.name in bounds and _at_or_before(bounds[span.keyset.name], lower_bound(span))
            for span in spans
        )

    def _entry(self, report: Report, status: RecordStatus) -> Entry:
        """The record; rows of an export are those of no page, so none counts as unchanged after this."""
        files = {each.file: each.digest for part in self.plan.parts.values() for each in part.loaded}
        return Entry(
            status=status,
            state=self.state.unsure(self.results),
            records=report.records,
            error=report.error,
            details={**report.details(), "files": files},
        )

    def _report(self, stopped: SupasyncError | None, *, interrupted: bool) -> Report:
        ledger = self.migration.ledger
        total = ledger.total()
        return Report(
            command=COMMAND,
            run=self.lease.run.id,
            tables=tuple(self.results.values()),
            seconds=time.monotonic() - self.began,
            notes=tuple(self.migration.notes),
            stopped=stopped,
            whole=not self.plan.missing,
            interrupted=interrupted,
            requests=total.requests,
            bytes=total.sent + total.received,
            costs=ledger.as_json(),
        )


def _at_or_before(given: object, bound: str | None) -> bool:
    """Whether an export from ``given`` on holds everything from ``bound`` on; None is the beginning."""
    if given is None or given == bound:
        return True
    if bound is None:
        return False
    at, limit = timestamps.parse_or_none(given), timestamps.parse_or_none(bound)
    return at is not None and limit is not None and at <= limit
