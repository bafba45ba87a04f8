"""What a run is asked to do, and who looks on while it does."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from supasync_core.model import timestamps
from supasync_core.model.budget import Share
from supasync_core.model.report import TableResult
from supasync_core.model.settings import Part
from supasync_core.model.state import State
from supasync_core.model.table import Table


class Meter(Protocol):
    """Somebody who counts along, and knows the budgets."""

    def check(self) -> None:
        """BudgetError where going on might exceed a budget."""
        ...

    def afford(self, project: str, received: int) -> None:
        """BudgetError where so many bytes more of a project might exceed a budget."""
        ...

    def of_step(self) -> "Meter":
        """One that counts along with a single step, apart from all else."""
        ...

    def shares(self) -> tuple[Share, ...]:
        """How much of each budget is used by now."""
        ...


class RunObserver(Protocol):
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
class RunOptions:
    """What is to be run: which tables, which of them from the beginning.

    ``steps`` are taken beside the tables. ``holder`` is the name under which the lease is held, this
    installation's where there is none. ``interrupted`` is asked between batches whether the user wants to
    stop, ``meter`` whether budgets allow the run to continue; ``metered`` makes it at the store's time, under
    the lease. ``on_first_load`` is called with the state and that time before a first load. ``last``: every
    step and comparison that is made now and then is made now, whatever it costs, since no other run comes
    before the switch. ``by_schedule``: tables that were read not long ago wait for their ``every``. ``say``
    shows a line of a step.
    """

    tables: tuple[Table, ...]
    steps: tuple[Part, ...] = ()
    holder: str | None = None
    full: frozenset[str] = frozenset()
    command: str = "sync"
    last: bool = False
    by_schedule: bool = False
    interrupted: Callable[[], bool] = lambda: False
    meter: Meter | None = None
    metered: Callable[[timestamps.Instant], Meter | None] = lambda _now: None
    on_first_load: Callable[[State, str], None] = lambda _state, _now: None
    say: Callable[[str], None] = lambda _text: None

    def check(self) -> None:
        """BudgetError where going on might exceed a budget; asked between batches."""
        if self.meter is not None:
            self.meter.check()

    def of_step(self) -> "RunOptions":
        """The same with a meter for one step alone."""
        return replace(self, meter=self.meter and self.meter.of_step())

    def afford(self, project: str, received: int) -> None:
        """BudgetError where so many bytes more of a project might exceed a budget."""
        if self.meter is not None:
            self.meter.afford(project, received)


class Interrupted(Exception):  # noqa: N818 - no error: the user's wish
    """The user wants to stop; the batch in flight is done."""
