"""One table of a run: pieces from the source to the sink, the state moved only behind them."""

import time
from collections.abc import Hashable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from math import inf
from traceback import format_exception
from typing import Any

from supasync_core.api.strategy import Job, Piece, Readers
from supasync_core.concurrency.memory_budget import bounded
from supasync_core.concurrency.prefetch import prefetch
from supasync_core.model.batch import Batch
from supasync_core.model.errors import (
    LockedError,
    RowError,
    SchemaError,
    StateError,
    SupasyncError,
    TableError,
    TransientError,
)
from supasync_core.model.report import TableResult, TableStatus
from supasync_core.model.table import Table
from supasync_core.project.migration import exchange_types
from supasync_core.project.present import judged
from supasync_core.project.run_options import Interrupted, RunObserver
from supasync_core.sync import distinct_keys, made_rows, own_state
from supasync_core.sync.checkpoint import Checkpoint
from supasync_core.sync.guards import Guard
from supasync_core.sync.old_urls import OldUrls
from supasync_core.sync.pipeline import EVERY_KEY, InFlight, Page, PendingBatch
from supasync_core.sync.quarantine_retry import finish, retry
from supasync_core.sync.quarantined import Newly
from supasync_core.sync.row_format import in_best_format
from supasync_core.sync.slow_pages import SlowPages
from supasync_core.sync.soft_deletes import are_told
from supasync_core.sync.tally import Tally
from supasync_core.system.faults import explain


@dataclass
class TableCopy:
    """One table on its way; ``pool`` writes its batches, the ``readers`` read pages for all tables."""

    checkpoint: Checkpoint
    observer: RunObserver
    table: Table
    pool: Executor
    readers: Readers = field(default_factory=Readers)
    began: float = field(default_factory=time.monotonic)
    synced: int = 0
    left_out: int = 0
    read: int = 0
    unchanged: int = 0
    refused: int = 0
    expected: int | None = None
    at_first: int | None = None
    """Rows that were counted with the first page: those that came since are none of them."""
    """As many rows as the source counted."""
    tally: Tally = field(init=False)
    urls: OldUrls = field(init=False)

    def __post_init__(self) -> None:
        address = self.checkpoint.migration.settings.api_address
        self.urls = OldUrls(address("OLD"), address("NEW"))

    def run(self) -> TableResult:
        """Copy the table; what fails stops it and those that wait for it, unless it names no table."""
        before = self.checkpoint.known(self.table)
        error: SupasyncError | None = None
        code = 0
        try:
            self._copy()
        except Interrupted:
            self.checkpoint.end(self._result("interrupted"))
            raise
        except (LockedError, StateError, KeyboardInterrupt):
            raise
        except TableError as err:
            err.raise_if_of_no_table()
            error, code = err, err.exit_code
        except BaseException as err:  # noqa: BLE001 - one table's must not stop the others
            error = explain(err, self.checkpoint.migration.host.whose(err))
            error.message, code = f"{self.table.name}: {error.message}", error.exit_code
            error.__cause__ = err
        if error is None:
            aside = self.checkpoint.writer.quarantine.newly(self.table)
            return self._result("ok", aside) if self._complete else self._incomplete(aside)
        self.checkpoint.failed(self.table, error, before)
        hint = self.checkpoint.schema_watch.explained(self.table, error)
        trace = "".join(format_exception(error.__cause__)) if error.__cause__ else ""
        return replace(self._result("failed"), error=str(error), hint=hint, exit_code=code, trace=trace)

    def _copy(self) -> None:
        checkpoint, table = self.checkpoint, self.table
        project, writer = checkpoint.migration, checkpoint.writer
        exchange_types(project, table)
        guard = Guard(project, table, checkpoint.known(table), checkpoint.run.now)
        guard.begin()
        known = checkpoint.known(table)
        checkpoint.schema_watch.before(table, known)
        if found := made_rows.before(project, table, known):
            checkpoint.note(f"{found.sentence}: {made_rows.why(checkpoint.schema_watch.seen_remarks())}")
            writer.made.add(table.name)
        retry(writer, table)
        timed = SlowPages(in_best_format(project, table))
        source = bounded(judged(timed.as_source, project.present), checkpoint.held)
        job = checkpoint.snapshot.job(table, source, guard.state, checkpoint.run.now)
        job = replace(job, readers=self.readers)
        self.tally = Tally.begun(project, project.strategy(table), job)
        guard.counted(self.tally.mark)
        in_flight = InFlight(self.pool, project.workers)

        def confirm_until(ready: Future[Any]) -> None:
            while in_flight.wait_beside(ready):
                self._confirm(in_flight.arrived(), guard, in_flight)
                if in_flight.has_room():
                    self._start(guard, in_flight)

        pieces = checkpoint.snapshot.read(project.strategy(table), job)
        try:
            for piece in prefetch(pieces, project.workers, confirm_until):
                self._send(piece, guard, in_flight)
                del piece  # while the next one is waited for, nothing holds it but the flight
                if checkpoint.options.interrupted() or checkpoint.stopping.is_set():
                    raise Interrupted
                checkpoint.options.check()
        finally:
            try:
                self._start(guard, in_flight)
            finally:
                self._confirm(in_flight.rest(), guard, in_flight)
            for text in (*timed.notes(table), *self.urls.notes(table)):
                checkpoint.note(text)
        finish(writer, table)
        self._expect_something(job)
        guard.finished(self.found or checkpoint.snapshot.rows(table), writer.quarantine.keys(table))
        self._end(guard, job)

    def _end(self, guard: Guard, job: Job) -> None:
        """Keep the state that the table has come to; a read that left too few rows is not complete."""
        checkpoint, table = self.checkpoint, self.table
        error: SchemaError | None = None
        if self._complete:
            error = self._too_few(guard)
        state = guard.stamped(checkpoint.known(table))
        if self._complete and error is None:
            if not are_told(checkpoint.migration, table):  # else it is complete once those rows have gone
                state = checkpoint.snapshot.completed(table, state)
            checkpoint.keep(table, state)
            return
        state = replace(state, read_at=job.state.read_at)
        checkpoint.keep(table, state.unsure() if error else state)
        if error:
            raise error

    def _too_few(self, guard: Guard) -> SchemaError | None:
        """Whether the sink has fewer rows than keys were sent."""
        writer = self.checkpoint.writer
        self.tally.statements += self.table.name in writer.batch_size.rows
        aside = writer.quarantine.keys(self.table)
        error: SchemaError | None = None
        try:
            self.tally.finished(self.at_first, self.left_out, aside)
        except SchemaError as err:
            error = err
        if self.tally.note:
            self.checkpoint.note(self.tally.note)
        guard.counted(self.tally.mark)
        return error

    def _expect_something(self, job: Job) -> None:
        """Ask for a count where a table that was never read to its end gave no row and none was counted."""
        if not self.read and self.expected is None and job.state.read_at is None:
            window = self.checkpoint.migration.strategy(self.table).pending(job)
            self.expected = self.checkpoint.migration.source.count(self.table, window)

    def _send(self, piece: Piece, guard: Guard, in_flight: InFlight) -> None:
        """Let the piece's batch start once it may; the first one, which is looked up in the sink, alone."""
        pending = self._pending(piece, guard)
        if not in_flight.joins(pending, self.checkpoint.writer.batch_size.rows.get(self.table.name, inf)):
            self._start(guard, in_flight)
            in_flight.waiting = pending
        self._confirm(in_flight.arrived(), guard, in_flight)
        if in_flight.has_room() or guard.needs_lookup:
            self._start(guard, in_flight)
        if guard.needs_lookup:
            self._confirm(in_flight.rest(), guard, in_flight)

    def _pending(self, piece: Piece, guard: Guard) -> PendingBatch:
        """The piece's rows as they are sent."""
        table = self.table
        own_state.check(table, piece.state)
        self.tally.unchanged += piece.unchanged
        if piece.batch is None or not piece.batch.count:
            return PendingBatch((Page(piece, None),))
        guard.read(piece.batch)
        self.checkpoint.undated |= piece.batch.read_at is None or not piece.batch.read_at.trusted
        batch = self.checkpoint.writer.transformed(table, piece.batch)
        self.urls.look(batch)
        distinct_keys.check(table, batch)
        if not batch.count:
            return PendingBatch((Page(piece, None),))
        self.tally.sent(batch)
        return PendingBatch((Page(piece, batch),), _keys(table, batch))

    def _start(self, guard: Guard, in_flight: InFlight) -> None:
        """Send what waits for room, once there is."""
        self._confirm(in_flight.room(), guard, in_flight)
        if in_flight.waiting and in_flight.waiting.sends:
            self.checkpoint.doubt(self.table)
            self.checkpoint.save_if_due()
        in_flight.start(lambda batch: self.checkpoint.writer.attempt(self.table, batch))

    def _confirm(self, batches: Iterator[PendingBatch], guard: Guard, in_flight: InFlight) -> None:
        """Keep the state of what has arrived, in order; what was refused is sent again, alone."""
        for pending in batches:
            try:
                arrived = self._arrived(pending)
            except BaseException:
                in_flight.settle()
                raise
            waits, in_flight.waiting = in_flight.waiting, None  # what raises now lets nothing else start
            self._take(pending, arrived, guard)
            in_flight.waiting = waits

    def _arrived(self, pending: PendingBatch) -> int:
        """How many rows of the batch are in the sink; the others are quarantined."""
        if not pending.sends:
            return 0
        try:
            pending.sent.result()
        except RowError:
            self.tally.statements += 1
            if batch := pending.batch:
                return self.checkpoint.writer.send(self.table, batch)
        return pending.rows

    def _take(self, pending: PendingBatch, arrived: int, guard: Guard) -> None:
        """Keep the state that the pieces lead to, now that their batch is confirmed."""
        checkpoint, table = self.checkpoint, self.table
        for page in pending.pages:
            if page.piece.note:
                checkpoint.note(page.piece.note)
            if page.piece.batch:
                checkpoint.sight(table, page.piece.batch, checkpoint.writer.quarantine.keys(table))
            if arrived and page.batch:
                guard.sent(page.batch, checkpoint.writer.quarantine.keys(table))
        rows = self._count(pending, arrived)
        if rows:
            with checkpoint.lock:
                self.observer.rows_confirmed(table, self.synced, self.found)
        checkpoint.keep(table, guard.stamped(pending.pages[-1].piece.state), rows, arrived)
        checkpoint.save_if_due()

    @property
    def found(self) -> int:
        """How many rows there are to be sent; rows may have been added while the pages were read."""
        return max(self.read, self.expected or 0) - self.unchanged - self.left_out

    @property
    def _complete(self) -> bool:
        """Whether all rows came that the source counted."""
        return self.read >= (self.expected or 0)

    def _count(self, pending: PendingBatch, arrived: int) -> int:
        """Count confirmed pieces; how many rows of the source they had."""
        pieces = [page.piece for page in pending.pages]
        rows = sum(piece.batch.count for piece in pieces if piece.batch)
        unchanged = sum(piece.unchanged for piece in pieces)
        self.read += rows + unchanged
        self.unchanged += unchanged
        self.left_out += rows - pending.rows
        self.refused += pending.rows - arrived
        self.synced += arrived
        for piece in pieces:
            self.expected = self.expected if piece.total is None else piece.total
            self.at_first = piece.total if self.at_first is None else self.at_first
        return rows

    def _result(self, status: TableStatus, aside: Newly | None = None) -> TableResult:
        """What the table came to; rows that were quarantined need a person, the others are there.

        Rows that an earlier run quarantined are not found again: they are told as what they are.
        """
        aside = aside or Newly(self.table.name, 0)
        result = TableResult(
            name=self.table.name,
            status=status,
            found=max(self.synced, self.found - max(0, self.refused - aside.rows)),
            synced=self.synced,
            left_out=self.left_out,
            seconds=time.monotonic() - self.began,
            storage_urls=self.urls.found,
            other_urls=self.urls.others,
        )
        return aside.into(result)

    def _incomplete(self, aside: Newly) -> TableResult:
        """Fewer rows came than the source counted: no success, though what came is kept."""
        done = self._result("incomplete", aside)
        text = f"{self.table.name}: {self.read:,} of {self.expected or 0:,} rows came from OLD"
        return replace(
            done,
            error="\n".join(filter(None, [text, done.error])),
            hint=done.hint
            or "the next run reads on, or a first load again; if this happens again, run supasync verify",
            exit_code=done.exit_code or TransientError.exit_code,
        )


def _keys(table: Table, batch: Batch) -> frozenset[Hashable] | None:
    """What may not be on its way twice; where keys cannot be told apart, anything."""
    try:
        return frozenset(batch.keys(table.key))
    except ValueError:
        return EVERY_KEY
