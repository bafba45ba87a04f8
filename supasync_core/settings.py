"""The settings of a project once they have been read, and what reading them needs to know of plugins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from supasync_core.backend import Sink, Source, StateStore, TablePlugin, Transform
from supasync_core.opening import Backend
from supasync_core.registry import Registry
from supasync_core.secrets import Secret
from supasync_core.tables import Table

if TYPE_CHECKING:
    from supasync_core.gap.seams import Staging

USUAL_EGRESS = 5_000_000_000
"""Bytes a month, where tables.yaml sets no budget: what Supabase's free plan includes."""


class Host(Protocol):
    """What plugins have registered, and the way to load a plugin file of the project's own."""

    sources: Registry[Backend[Source]]
    sinks: Registry[Backend[Sink]]
    state_stores: Registry[Backend[StateStore]]
    table_plugins: Registry[Callable[[], TablePlugin]]
    transforms: Registry[Transform]
    stagings: Registry[Backend["Staging"]]

    def load_file(self, path: Path, folder: Path | None = None) -> None:
        """Load a plugin file; PluginError with the reason where that fails."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One side: its backend's name, the backend's settings, and the project that they point to."""

    backend: str
    values: Mapping[str, str]
    ref: str


@dataclass(frozen=True, slots=True)
class Cutover:
    """What the switch changes and runs: the app's .env, and commands of the user's own."""

    env: Path | None = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Budgets:
    """What each project may use: requests and bytes of egress in a calendar month, database bytes in all.

    None is no limit. ``stop``: a sync ends before it exceeds one of the first two.
    """

    requests: int | None = None
    egress: int | None = None
    database: int | None = None
    stop: bool = False

    @property
    def monthly(self) -> bool:
        """Whether anything is limited that is counted by the month."""
        return self.requests is not None or self.egress is not None


@dataclass(frozen=True, slots=True)
class Mention:
    """A table that is named without settings, and the ``place`` in tables.yaml where it is."""

    name: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What tables.yaml says, complete and consistent; ``tables`` are in the order in which they are copied.

    ``interval`` is the time expected between two runs, ``stale_after`` how old the last good one may be,
    ``max_runtime`` how long one may take; ``workers`` is how many batches are written at once.
    """

    path: Path
    folder: Path
    source: Endpoint
    sink: Endpoint
    plugins: tuple[str, ...]
    enabled: bool
    interval: timedelta
    stale_after: timedelta
    max_runtime: timedelta
    workers: int
    retention: timedelta
    tables: tuple[Table, ...]
    secrets: tuple[Secret, ...]
    staging: Endpoint | None = None
    """Where an export by hand is put together; None where no plugin brings the default."""
    cutover: Cutover = Cutover()
    budgets: Budgets = Budgets()
    undecided: tuple[Mention, ...] = ()
    """Tables that are not copied, and nobody has decided so."""
    ignore: tuple[Mention, ...] = ()
    """Tables that are left out on purpose."""
    compare_egress: int = USUAL_EGRESS // 50
    """Bytes of each project that comparisons may use a day."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables of the process, and those of .env that it does not have, none shown by a repr."""
