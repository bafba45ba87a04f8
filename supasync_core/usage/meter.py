"""A run's eye on the budgets: how much of the month is used by now, and whether to stop."""

from collections.abc import Mapping
from threading import Lock

from supasync_core.model import timestamps
from supasync_core.model.budget import Budgets, Share
from supasync_core.model.cost import Cost, Ledger
from supasync_core.model.errors import BudgetError
from supasync_core.project.migration import Migration
from supasync_core.usage.spending import PROJECTS, month_of, monthly, used

_REQUESTS = 10
"""Requests that a worker may need for its batch in flight, the pages behind it and the run's record."""
_AHEAD = 3
"""Parts of a step that may be under way: one that is written, and two that are read ahead of it."""


class Meter:
    """Adds what this run costs to what the month has cost before it.

    A run reads pages ahead of what it writes: for each worker's table as many as there are workers and one
    more, and two for each reader of its ranges. It stops while there is room for as many of the largest one
    that it has seen. What a step asks `afford` for needs no such room: see `of_step`.
    """

    def __init__(
        self, budgets: Budgets, before: Mapping[str, Cost], ledger: Ledger, workers: int, ahead: int
    ) -> None:
        self._workers = workers
        self._ahead = ahead
        self._lock = Lock()
        self._budgets = budgets
        self._before = before
        self._ledger = ledger
        self._seen: dict[str, int] = {}
        self._largest = dict.fromkeys(PROJECTS, 0)
        self._asked_for: set[str] = set()

    def of_step(self) -> "Meter":
        """A step's own: it takes no part of the step for a page, and no page for a part of the step."""
        return Meter(self._budgets, self._before, self._ledger, self._workers, _AHEAD)

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
        self._asked_for.add(project)
        for share in self.shares():
            limited = share.project == project and share.what == "egress" and share.budget is not None
            if limited and _is_over(share, received):
                raise _exceeded(share)

    def _check(self) -> None:
        for share in self.shares():
            if share.what == "egress":
                self._look(share.project)
            asked = share.what == "requests"
            room = _REQUESTS * self._workers if asked else self._ahead * self._largest[share.project]
            if share.used is not None and share.budget is not None and share.used + room >= share.budget:
                raise _exceeded(share)

    def _look(self, project: str) -> None:
        received = self._ledger.total(project).received
        grown = received - self._seen.get(project, received)
        self._largest[project] = 0 if project in self._asked_for else max(self._largest[project], grown)
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
    records = migration.store.past(0, timestamps.to_text(month_of(now)[0])).spendings
    before = {project: used(records, project) for project in PROJECTS}
    workers = migration.workers
    return Meter(budgets, before, migration.ledger, workers, workers * (3 * workers + 1))


def metered_step(migration: Migration, now: timestamps.Instant) -> Meter | None:
    """The meter of a step that is run apart from all else; None, and no request, as `metered`."""
    meter = metered(migration, now)
    return meter and meter.of_step()
