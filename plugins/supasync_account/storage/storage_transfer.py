"""Objects copied side by side, under the limits of a run: budgets, ``max_per_run``, the lease, a signal."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from supasync_account.storage.object_copy import Copied, Copier, Task
from supasync_account.storage.object_listing import lists
from supasync_account.storage.read_allowance import LeftError, ReadAllowance, Share
from supasync_account.storage.storage_errors import DeniedError, ObjectError
from supasync_account.storage.storage_plan import EXCLUDE
from supasync_account.storage.storage_progress import StorageProgress
from supasync_account.storage.storage_report import StorageReport, Weight
from supasync_core.model.errors import RefusedError, SupasyncError, TransientError
from supasync_core.model.quantities import format_size
from supasync_core.system.executors import executor

_AT_ONCE: Final = 100
_SECONDS: Final = 2.0
"""After so many objects, or so long, what is confirmed is remembered."""
_PORTION: Final = 1000
"""Objects that are remembered at once before they are sent."""
_SPOKEN: Final = 30.0
"""Seconds between two lines of progress."""
_UNSERVED: Final = "it is listed and cannot be read or written under its name"
_AWAY: Final = 5
"""Objects in a row that fail because NEW is busy or a side is away, before the others are left for later."""
_DENIED: Final = 4 * _AWAY
"""Objects in a row, here and there, that a side refuses, before the others are left: OLD is read first."""


@dataclass
class StorageTransfer:
    """Copies tasks, as far as the allowance goes; ``stopped``: the rest is left."""

    copier: Copier
    progress: StorageProgress
    report: StorageReport
    go_on: Callable[[], bool] = lambda: True
    allowance: ReadAllowance = field(default_factory=ReadAllowance)
    workers: int = 1
    say: Callable[[str], None] = lambda _text: None
    stopped: bool = False
    first_left: str | None = None
    """The first one that ``max_per_run`` had no room for, before any of it was read."""
    _ahead: deque[tuple["Future[Task]", Share]] = field(default_factory=deque)
    """What is looked up while others are on their way."""
    _pending: dict["Future[Copied]", Task] = field(default_factory=dict)
    _copied: list[Copied] = field(default_factory=list)
    _kept_at: float = field(default_factory=time.monotonic)
    _said_at: float = field(default_factory=time.monotonic)
    _total: tuple[int, int] = (0, 0)
    _away: int = 0
    _denied: int = 0
    _waiting: deque[Task] = field(default_factory=deque)
    """Those whose turn has not come."""
    _intended: int = 0
    """How many of the first of them are remembered as what may be sent."""

    def run(self, tasks: Sequence[Task]) -> None:
        """Copy them; what is under way when anything stops the run is brought to its end and remembered."""
        self._total, self._waiting = sizes(tasks), deque(tasks)
        with executor(self.workers, "storage") as pool, executor(self.workers, "storage-info") as looking:
            try:
                for task, share in self._looked_ahead(looking):
                    if self.stopped:
                        self._leave(share.held)
                        share.end()
                        continue
                    self._pending[pool.submit(self.copier.copy, task, share)] = task
                    if len(self._pending) >= self.workers:
                        self._take(wait(self._pending, return_when=FIRST_COMPLETED).done)
            finally:
                try:
                    while self._pending:
                        self._take(wait(self._pending, return_when=FIRST_COMPLETED).done)
                finally:
                    self._keep()

    def _looked_ahead(self, pool: Executor) -> Iterator[tuple[Task, Share]]:
        """Those that may begin, as many of them looked up as are copied at once.

        An error that lets another one not begin is raised behind them.
        """
        error: SupasyncError | None = None
        while self._waiting:
            self._intend()
            task = self._waiting.popleft()
            try:
                if share := self._begun(task):
                    self._ahead.append((pool.submit(self.copier.looked_ahead, task), share))
            except SupasyncError as err:
                error = err
                break
            if len(self._ahead) > self.workers:
                yield self._next()
        while self._ahead:
            yield self._next()
        if error is not None:
            raise error

    def _intend(self) -> None:
        """Remember what is sent next, a portion at a time: a run that is killed says nothing of it."""
        if not self._intended and not self.stopped:
            portion = list(islice(self._waiting, _PORTION))
            self.progress.intend(portion)
            self._intended = len(portion)
        self._intended -= 1

    def _next(self) -> tuple[Task, Share]:
        looked_up, share = self._ahead.popleft()
        return looked_up.result(), share

    def _begun(self, task: Task) -> Share | None:
        """What it may read in this run; None where it is counted as left."""
        size = 0 if task.equal else task.listed.size
        if not self.stopped and not self.go_on():
            self.report.interrupted = self.stopped = True
        if not self.stopped:
            try:
                return self.allowance.begin(task.shown, size)
            except LeftError:
                self.first_left = self.first_left or task.shown
        self._leave(size)
        return None

    def _leave(self, size: int) -> None:
        self.report.left += 1
        self.report.left_bytes += size

    def _take(self, futures: Iterable["Future[Copied]"]) -> None:
        """Take the results; an error that concerns more than its object is raised behind all of them."""
        error: BaseException | None = None
        for future in futures:
            task = self._pending.pop(future)
            try:
                self._took(future.result())
            except LeftError as err:
                self._leave(err.size)
            except DeniedError as err:
                self._refused(task, err)
                self._away = 0
                error = self._go_on_elsewhere(err) or error
            except ObjectError as err:
                self._refused(task, err)
                if err.kind == "busy" and err.project == "NEW":
                    self._spare_others(err)
                else:
                    self._away = 0
            except TransientError as err:
                self.report.name(task.shown, str(err), "later")
                self._spare_others(err)
            except BaseException as err:  # noqa: BLE001 - raised behind the others
                error = err
        if error is not None:
            self.stopped = True
            raise error

    def _took(self, copied: Copied) -> None:
        self._away = 0
        self._copied.append(copied)
        if copied.remark:
            self.report.name(copied.task.shown, copied.remark, "note")
        if copied.sent:
            self._denied = 0
            self.report.copied += 1
            self.report.copied_bytes += copied.task.listed.size
        else:
            self.report.equal += 1
        if time.monotonic() - self._said_at > _SPOKEN:
            self._said_at = time.monotonic()
            number, size = self._total
            done = f"{self.report.copied:,} of {number:,} objects"
            self.say(f"storage: {done}, {format_size(self.report.copied_bytes)} of {format_size(size)}")
        if len(self._copied) >= _AT_ONCE or time.monotonic() - self._kept_at > _SECONDS:
            self._keep()

    def _keep(self) -> None:
        copied, self._copied = self._copied, []
        self.progress.keep(copied)
        self._kept_at = time.monotonic()

    def _refused(self, task: Task, err: ObjectError) -> None:
        if err.kind == "gone":
            err = self._confirmed(task, err)
        weights: dict[str, Weight] = {"gone": "note", "busy": "later"}
        what = f"{_UNSERVED}: {err.message}" if err.kind in ("missing", "name") else err.message
        what += f"; {err.hint}" if err.hint else ""
        self.report.name(task.shown, what, weights.get(err.kind, "refused"))

    def _spare_others(self, err: SupasyncError) -> None:
        """Leave the others behind some that failed in a row: each reads OLD, up to three times."""
        self._away += 1
        if self._away >= _AWAY and self._waiting and not self.stopped:
            self.stopped = self.report.spared = True
            self.first_left = self._next_shown
            self.report.notes.append(f"{_AWAY} objects in a row were not copied: {err.message}")

    @property
    def _next_shown(self) -> str:
        """The next of the run, that may be looked up already: the following run begins with it."""
        return self._ahead[0][1].name if self._ahead else self._waiting[0].shown

    def _go_on_elsewhere(self, err: DeniedError) -> RefusedError | None:
        """Leave what is next behind some that are refused; the error that ends the run where all are."""
        self._denied += 1
        if not self._waiting or self._denied % _AWAY:
            return None
        if self._denied >= _DENIED:
            self.first_left = self._next_shown
            return err.of_all(self._denied)
        self._waiting.rotate(-(len(self._waiting) * 2 // 5))  # names that a firewall refuses lie side by side
        self._intended = 0
        return None

    def _confirmed(self, task: Task, gone: ObjectError) -> ObjectError:
        """That it is gone, where a listing does not show it any more, either."""
        name = task.listed.name
        try:
            shown = lists(self.copier.old, task.bucket, name)
        except (ObjectError, TransientError) as err:
            return ObjectError("busy", f"OLD: nobody can tell whether it was deleted: {err.message}")
        if shown is None:
            return ObjectError("busy", "OLD does not serve it; the next listing tells whether it was deleted")
        text = "OLD lists it, and says that it is not there"
        return ObjectError("refused", text, hint=EXCLUDE) if shown else gone


def sizes(tasks: Iterable[Task]) -> tuple[int, int]:
    """How many objects are to be sent, and their bytes: what OLD's egress will grow by."""
    sent = [task.listed.size for task in tasks if not task.equal]
    return len(sent), sum(sent)
