"""A run's eye on the budgets: how much of the month is used by now, and whether to stop."""

from collections.abc import Sequence
from threading import Lock

from supasync_core.api.state_store import Spending
from supasync_core.model import timestamps
from supasync_core.model.budget import Budgets, Share
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import BudgetError
from supasync_core.project.migration import Migration
from supasync_core.usage.spending import PROJECTS, month_of, monthly, used

_REQUESTS = 10
"""Requests that a worker may need for its batch in flight, the pages behind it and the run's record."""


class Meter:
    """Adds what this run costs to what the month has cost before it.

    A run reads pages ahead of what it writes: for each worker's table as many as there are workers and one
    more, and two for each reader of its ranges. It stops while there is room for as many of the largest step
    that it has seen.
    """

    def __init__(
        self, budgets: Budgets, before: Sequence[Spending], ledger: Ledger, workers: int = 1
    ) -> None:
        self._workers = workers
        self._lock = Lock()
        self._budgets = budgets
        self._before = {project: used(before, project) for project in PROJECTS}
        self._ledger = ledger
        self._seen = dict.fromkeys(PROJECTS, 0)
        self._step = dict.fromkeys(PROJECTS, 0)

    def shares(self) -> tuple[Share, ...]:
        """How much of the month's budgets is used by now."""
        spent = {project: self._before[project] + self._ledger.total(project) for project in PROJECTS}
        return monthly(spent, self._budgets)

    def check(self) -> None:
        """BudgetError where going on might exceed a budget that stops; between two batches."""
        if self._budgets.stop:
            with self._lock:
                self._check()

    def afford(self, project: str, received: int) -> None:
        """BudgetError where so many bytes more of a project exceed the month's egress, before they travel."""
        if not self._budgets.stop:
            return
        for share in self.shares():
            limited = share.project == project and share.what == "egress" and share.budget is not None
            if limited and _is_over(share, received):
                raise _exceeded(share)

    def _check(self) -> None:
        steps = self._workers * (3 * self._workers + 1)
        for share in self.shares():
            if share.what == "egress":
                self._look(share.project)
            asked = share.what == "requests"
            room = _REQUESTS * self._workers if asked else steps * self._step[share.project]
            if share.used is not None and share.budget is not None and share.used + room >= share.budget:
                raise _exceeded(share)

    def _look(self, project: str) -> None:
        received = self._ledger.total(project).received
        self._step[project] = max(self._step[project], received - self._seen[project])
        self._seen[project] = received


def _is_over(share: Share, more: int) -> bool:
    return (share.used or 0) + more > (share.budget or 0)


def _exceeded(share: Share) -> BudgetError:
    error = BudgetError(
        f"{share.sentence}: the run stops before it exceeds that",
        hint="cursors are kept; continue with a larger budget, on_budget: warn, or next month",
    )
    error.project = share.project
    return error


def metered(migration: Migration, now: timestamps.Instant) -> Meter | None:
    """The meter of a run that begins now; None, and no request, where no month is limited."""
    budgets = migration.settings.budgets
    if not budgets.monthly:
        return None
    before = migration.store.past(0, timestamps.to_text(month_of(now)[0])).spendings
    return Meter(budgets, before, migration.ledger, migration.workers)
