"""One table of a run: pieces from the source to the sink, the state moved only behind them."""

import time
from dataclasses import dataclass, field, replace

from supasync_core import transform
from supasync_core.ahead import ahead
from supasync_core.backend import Job, Piece, Typed
from supasync_core.delivery import Delivery, ManyRefusedError
from supasync_core.errors import LockedError, RowError, StateError, SupasyncError, TableError
from supasync_core.guards import Guard
from supasync_core.plan import Interrupted, Watch
from supasync_core.progress import Progress
from supasync_core.project import Project
from supasync_core.report import TableResult
from supasync_core.tables import Table


@dataclass
class Copying:
    """One table on its way."""

    progress: Progress
    delivery: Delivery
    watch: Watch
    table: Table
    began: float = field(default_factory=time.monotonic)
    found: int = 0
    synced: int = 0
    left_out: int = 0

    def conduct(self) -> TableResult:
        """Copy the table; what fails stops it and those that wait for it, unless it names no table."""
        before = self.progress.state
        error: SupasyncError | None = None
        code = 0
        try:
            self._copy()
        except Interrupted:
            self.progress.results[self.table.name] = self._result("interrupted")
            raise
        except (LockedError, StateError):
            raise
        except TableError as err:
            if err.table is None:
                raise
            error, code = err, err.exit_code
        except Exception as err:  # noqa: BLE001 - a defect in one table must not stop the others
            told = f"{self.table.name}: a defect of supasync or of a plugin: {type(err).__name__}"
            error, code = SupasyncError(told), 1
            error.__cause__ = err
        if error is None:
            return self._result("ok", self.delivery.newly_refused(self.table))
        if isinstance(error, ManyRefusedError):
            self.progress.put_back(self.table, before)
        self.delivery.restore(self.progress.state.quarantine)
        hint = self.progress.lookout.explained(self.table, error)
        return replace(self._result("failed"), error=str(error), hint=hint, exit_code=code)

    def _copy(self) -> None:
        project, table, progress = self.progress.project, self.table, self.progress
        _exchange_types(project, table)
        guard = Guard(project, table, progress.state.table(table.name), progress.run.now)
        guard.begin()
        progress.lookout.before(table, progress.state.table(table.name))
        self.delivery.retry(table)
        job = Job(table, project.source, guard.state, progress.run.now)
        for piece in ahead(project.plugin(table).read(job)):
            self._take(piece, guard)
            if progress.plan.interrupted():
                raise Interrupted
            progress.plan.check()
        self.delivery.finish(table)
        guard.finished(self.found)
        state = guard.marked(progress.state.table(table.name))
        progress.keep(table, state, self.delivery.quarantine())

    def _take(self, piece: Piece, guard: Guard) -> None:
        """Send the piece's batch, and keep its state once that is confirmed."""
        table, transforms = self.table, self.progress.project.transforms(self.table)
        if piece.batch is not None and piece.batch.count:
            guard.read(piece.batch)
            batch = transform.apply(transforms, table, piece.batch)
            self.progress.save_if_due()
            arrived = self.delivery.send(table, batch) if batch.count else 0
            if arrived and not transforms:
                guard.sent(batch)
            self._count(piece.total or 0, piece.batch.count - batch.count, arrived)
            self.watch.rows_confirmed(table, self.synced, self.found)
        rows = piece.batch.count if piece.batch else 0
        self.progress.keep(table, guard.marked(piece.state), self.delivery.quarantine(), rows)
        self.progress.save_if_due()

    def _count(self, total: int, left_out: int, arrived: int) -> None:
        """Count a confirmed piece; rows may have been added while the pages were read."""
        self.left_out += left_out
        self.synced += arrived
        self.found = max(self.synced, total - self.left_out)

    def _result(self, status: str, refused: int = 0) -> TableResult:
        """What the table came to; rows that were set aside need a person, the others are there."""
        table = self.table
        return TableResult(
            name=table.name,
            status=status,
            found=self.found,
            synced=self.synced,
            refused=refused,
            seconds=time.monotonic() - self.began,
            error=f"{table.name}: {refused} rows were refused and set aside" if refused else None,
            hint="look at them: supasync quarantine list" if refused else None,
            exit_code=RowError.exit_code if refused else 0,
        )


def _exchange_types(project: Project, table: Table) -> None:
    """Tell an end whose format has no types those of the other."""
    source, sink = project.source, project.sink
    if isinstance(source, Typed):
        source.typed(table, sink.shape(table))
    if isinstance(sink, Typed):
        sink.typed(table, source.shape(table))
