"""One run: the tables, parents first, side by side where they may be, and the record of it."""

from contextlib import suppress
from dataclasses import dataclass, replace

from supasync_core.api.backend import consistent
from supasync_core.api.blind_spots import UPDATES, is_covered
from supasync_core.api.strategy import Readers
from supasync_core.api.table_plugins import transform_factories
from supasync_core.concurrency.scheduler import run_in_dependency_order
from supasync_core.model import timestamps
from supasync_core.model.errors import LockedError, StateError, SupasyncError, TableError
from supasync_core.model.report import Report, TableResult, waiting
from supasync_core.model.table import Table
from supasync_core.project.due_tables import not_due
from supasync_core.project.lease import Lease
from supasync_core.project.migration import Migration, swapped
from supasync_core.project.run_options import Interrupted, RunObserver, RunOptions
from supasync_core.sync import transform_code
from supasync_core.sync.checkpoint import Checkpoint
from supasync_core.sync.comparison.compare_due import Comparing
from supasync_core.sync.freeing import Freeing
from supasync_core.sync.run_steps import run_steps
from supasync_core.sync.soft_deletes import SoftDeletes
from supasync_core.sync.source_snapshot import look
from supasync_core.sync.table_copy import TableCopy
from supasync_core.system.executors import Inline, executor
from supasync_core.system.faults import explain


def sync(migration: Migration, options: RunOptions, observer: RunObserver) -> Report:
    """Copy what is new in the planned tables, and record it.

    Raises what forbids the run as a whole before it began (LockedError, StateError); what happens to single
    tables is in the report.
    """
    try:
        lease = Lease.take(migration, options.command, holder=options.holder)
    except StateError as err:
        raise (swapped(migration) or err) from None
    state = lease.state
    for name in options.full:
        state = state.without_table(name)
    session = _Session(Checkpoint(migration, options, lease, state), observer)
    try:
        return session.run()
    except LockedError:
        raise
    except SupasyncError as err:
        lease.fail(err.message)
        raise


@dataclass
class _Session:
    """One run under its lease."""

    checkpoint: Checkpoint
    observer: RunObserver

    def run(self) -> Report:
        """Run all tables and save; a lease that was lost ends the run at once, without a record."""
        stopped: SupasyncError | None = None
        interrupted = False
        try:
            self._begin_metering()
            self._mark_gone()
            self._announce_first_load()
            run_steps(self.checkpoint)
            self._run_tables()
            SoftDeletes(self.checkpoint).run()
            Freeing(self.checkpoint).run()
            Comparing(self.checkpoint).run()
            run_steps(self.checkpoint, after=True)
        except Interrupted:
            interrupted = True
        except TableError as err:
            stopped = err
        except (SupasyncError, KeyboardInterrupt):
            raise
        except BaseException as err:
            with suppress(SupasyncError):  # the lease is let go of, and what came is kept
                known = explain(err, self.checkpoint.migration.host.whose(err))
                self.checkpoint.save(self.checkpoint.report(known))
            raise
        self._tell_unseen()
        self.checkpoint.save(self.checkpoint.report(stopped, interrupted=interrupted))
        return self.checkpoint.report(stopped, interrupted=interrupted)

    def _tell_unseen(self) -> None:
        """The tables whose updates nobody looks for."""
        checkpoint = self.checkpoint
        now = timestamps.parse(checkpoint.run.now)
        names = [
            table.name
            for table in checkpoint.options.tables
            if UPDATES in checkpoint.migration.unseen(table)
            and not is_covered(table, checkpoint.known(table), now)
        ]
        if names:
            checkpoint.note(f"updates in OLD are not seen: {', '.join(names)} (supasync check says why)")

    def _mark_gone(self) -> None:
        """Say which tables tables.yaml no longer has, and remember it for when one comes back."""
        checkpoint = self.checkpoint
        tables = checkpoint.migration.settings.tables
        names = checkpoint.state.beyond(table.name for table in tables)
        if names:
            checkpoint.state = checkpoint.state.absent(names, checkpoint.run.now)
            gone = ", ".join(names)
            checkpoint.note(f"not in tables.yaml any more: {gone}", "the state is kept, see supasync check")

    def _begin_metering(self) -> None:
        """A month is NEW's, as its records are, whatever this machine's clock says."""
        options = self.checkpoint.options
        try:
            meter = options.metered(timestamps.parse(self.checkpoint.run.now))
        except StateError as err:
            self.checkpoint.save(self.checkpoint.report(err))
            raise
        self.checkpoint.options = replace(options, meter=meter)

    def _announce_first_load(self) -> None:
        """Before a first load; later runs cost no request more."""
        state, options = self.checkpoint.state, self.checkpoint.options
        if all(state.table(table.name).read_at is None for table in options.tables):
            options.on_first_load(state, self.checkpoint.run.now)

    def _look_at_transforms(self) -> None:
        """Before a row passes through any of them, and may change what one holds."""
        host, tables = self.checkpoint.migration.host, self.checkpoint.options.tables
        used = dict(pair for table in tables for pair in transform_factories(host, table).items())
        for name, each in used.items():
            for what in transform_code.unknown(each):
                self.checkpoint.note(f"changes of {what} in the transform {name} cannot be seen")

    def _later(self) -> frozenset[str]:
        """The tables that are not due; one that the source proves unchanged is up to date at no cost."""
        checkpoint = self.checkpoint
        options, state = checkpoint.options, checkpoint.state
        if not options.by_schedule:
            return frozenset()
        unchanged = checkpoint.snapshot.unchanged(options.tables, state)
        interval = checkpoint.migration.settings.interval
        return not_due(options.tables, state, checkpoint.run.now, interval) - unchanged

    def _run_tables(self) -> None:
        checkpoint = self.checkpoint
        self._look_at_transforms()
        checkpoint.snapshot = look(checkpoint.migration, checkpoint.options.tables)
        checkpoint.lease.horizon = checkpoint.snapshot.horizon
        later = self._later()
        workers = checkpoint.migration.workers
        pool, readers = executor(workers, "write"), Readers(workers, executor(workers, "read"))
        checkpoint.saver = saver = executor(min(workers, 2), "save")

        def work(table: Table) -> None:
            checkpoint.options.check()
            blockers = [name for name in table.depends_on if checkpoint.is_bad(name)]
            if table.name in later:
                result = TableResult(name=table.name, status="not due")
            elif blockers:
                result = TableResult(name=table.name, status="skipped", error=waiting(blockers))
            else:
                with checkpoint.lock:
                    self.observer.table_begins(table)
                result = TableCopy(checkpoint, self.observer, table, pool, readers).run()
            checkpoint.end(result)
            with checkpoint.lock:
                self.observer.table_ended(result)

        try:
            with consistent(checkpoint.migration.source):  # begun behind the look at open transactions
                run_in_dependency_order(checkpoint.options.tables, workers, work, checkpoint.stopping.set)
            checkpoint.saving.result()
        finally:
            pool.shutdown(wait=False)
            checkpoint.saver = Inline()
            saver.shutdown(wait=False)
            readers.pool.shutdown(wait=False, cancel_futures=True)
