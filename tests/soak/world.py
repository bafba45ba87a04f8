"""What both players share: the tables, the virtual time, how a run is disturbed, what a ground can do."""

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from supasync_core.model import timestamps
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.errors import TransientError
from supasync_core.model.report import Report
from supasync_core.model.table import Table

SECOND = 1_000_000
START = int(timestamps.parse("2030-01-01T00:00:00Z"))
Cells = Mapping[str, Any]
"""A row's values by column: numbers, None, and timestamps as instants."""

TABLES = {
    "moments": Table(name="moments", timestamp=("a", "b", "c")),
    "parents": Table(name="parents", timestamp=("updated_at", "created_at")),
    "children": Table(name="children", depends_on=("parents",)),
    "things": Table(name="things", strategy="snapshot", timestamp=()),
    "logs": Table(name="logs", strategy="append", timestamp=(), compare_every=timedelta(hours=1)),
    "users": Table(name="users"),
    "notes": Table(name="notes", depends_on=("users",)),
    "facts": Table(name="facts", timestamp=("created_at",), compare_every=timedelta(hours=1)),
}
COLUMNS = {
    "moments": ("id", "a", "b", "c", "version"),
    "parents": ("id", "version", "created_at", "updated_at"),
    "children": ("id", "parent_id", "version", "updated_at"),
    "things": ("id", "version"),
    "logs": ("id", "version"),
    "users": ("id", "version", "updated_at"),
    "notes": ("id", "user_id", "version", "updated_at"),
    "facts": ("id", "version", "created_at"),
}
REFERS = {"children": ("parent_id", "parents"), "notes": ("user_id", "users"), "users": ("id", "auth.users")}
"""NEW's foreign keys by table: the column, and the table to whose id it refers, which need not be synced."""
STAMPS = frozenset({"a", "b", "c", "created_at", "updated_at"})
UNSEEN = ("facts", "logs")
"""Tables whose updates show by nothing but a comparison with OLD."""
GROUPS = (("moments",), ("parents", "children"), ("things",), ("logs",), ("users", "notes"))


class KilledError(KeyboardInterrupt):
    """Stands for SIGKILL: nothing after it happens.

    Where ``late`` is given, the write that was about to be sent takes effect so many seconds later.
    """

    def __init__(self, late: float | None = None) -> None:
        super().__init__()
        self.late = late


class CutError(TransientError):
    """A connection that breaks off: the request may have taken effect, and its answer never comes."""


@dataclass
class Timeline:
    """Virtual seconds, and what happens at which of them."""

    now: float = 0.0
    due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def instant(self) -> int:
        """OLD's time."""
        return START + round(self.now * SECOND)

    def at(self, moment: float, what: Callable[[], None]) -> None:
        """Let something happen once that moment has come."""
        heapq.heappush(self.due, (moment, next(self.numbers), what))

    def tick(self, seconds: float) -> None:
        """Let time pass, and what is due happen in its order."""
        until = self.now + seconds
        while self.due and self.due[0][0] <= until:
            moment, _, what = heapq.heappop(self.due)
            self.now = max(self.now, moment)
            what()
        self.now = max(self.now, until)


@dataclass
class Weather:
    """How one run is disturbed: ``hook`` is called around each request and may do anything.

    Its events: ``read`` and ``page`` before a page is looked up and before it is answered, ``upsert`` and
    ``sent`` before and after rows take effect, ``save`` and ``saved`` likewise, ``survey`` before a survey is
    answered. ``count_fails``: pages are answered without the count that was asked for. ``cut``: pages hold
    fewer rows than the limit. ``slow`` is how many seconds a page takes, ``heavy`` a write. ``stop`` asks the
    run to end, as Ctrl-C does.
    """

    hook: Callable[[str], None] = lambda _event: None
    count_fails: bool = False
    cut: int | None = None
    slow: float = 0.2
    heavy: float = 0.1
    stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Setup:
    """The tables of one episode and how they are read."""

    tables: tuple[Table, ...]
    horizon: bool
    checkpoint: int
    versions: bool = True
    """Whether OLD's rows tell their versions."""
    keys: str = "bigint"
    """The style of the keys in one table: see `tests.soak.keys`."""
    share: int = 1_000_000
    """The pages that comparisons may read in a run."""
    readers: int = 1
    """How many read one table at once."""


class Ground(Protocol):
    """Where an episode is played: OLD, NEW with its state, and runs between them."""

    time: Timeline

    def prepare(self, setup: Setup) -> None:
        """Both sides empty, the baseline alone in the state."""
        ...

    def begin(self, rows: Mapping[str, Sequence[Cells]]) -> Callable[[], None]:
        """A transaction of OLD that writes rows by table; what commits it."""
        ...

    def delete(self, table: str, key: int) -> None:
        """Remove a row from OLD."""
        ...

    def account(self, key: int) -> None:
        """Make the account of that key in NEW, which no table of ours holds."""
        ...

    @property
    def styles(self) -> Sequence[str]:
        """The styles of keys that can be played."""
        ...

    def sync(self, weather: Weather, holder: str, full: Sequence[str] = ()) -> Report:
        """One run that begins these tables again; raises what a run raises, and KilledError if killed."""
        ...

    def walked(self, table: str) -> float:
        """When the last complete comparison of the table's values began; below zero where there was none."""
        ...

    def rows(self, side: str, table: str) -> Mapping[int, object]:
        """The rows of ``OLD`` or ``NEW`` by key, in a form in which equal values are equal."""
        ...


def seconds(known: Comparison | None) -> float:
    """When the last complete comparison of values began, in virtual seconds; below zero without one.

    A little less: what happens at that very moment may be earlier or later.
    """
    at = known.walked_at if known else None
    return (timestamps.parse(at) - START) / SECOND - 0.001 if at else -1.0


def limited(table: Table, overlap: float, page_size: int) -> Table:
    """The table with these settings."""
    return replace(table, overlap=timedelta(seconds=overlap), page_size=page_size)
