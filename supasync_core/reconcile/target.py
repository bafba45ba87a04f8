"""The side that `reconcile` writes to: under this machine's lock, and for NEW under the lease."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from supasync_core.api.backend import Buffered, Sink
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Context
from supasync_core.api.state_store import RecordStatus
from supasync_core.diff.difference import NEW, OLD, STAGING
from supasync_core.diff.side_finder import SideFinder
from supasync_core.diff.sides import FileSide
from supasync_core.gap.no_source import NoSource
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError
from supasync_core.model.settings import Settings
from supasync_core.model.table import Table
from supasync_core.project.exact_sink import TYPES, exact
from supasync_core.project.lease import Lease, leased
from supasync_core.project.migration import Migration, opened
from supasync_core.schema.watch import SchemaWatch
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.staging_file import Staging
from supasync_core.sync.removal import Place
from supasync_core.system import lock
from supasync_core.system.descriptors import check_user
from supasync_core.system.files import share_a_file
from supasync_core.system.links import real

COMMAND = "reconcile"
_LONGEST = timedelta(hours=24)
"""The longest time that writing to a file may take."""


@dataclass
class Target:
    """Where rows are written to. ``named`` is a table as the sink calls it, ``longest`` how long it may take.

    ``notes`` are what the sink says of how rows were written. The place, and with it the staging, is opened
    when it is first used: what is compared before that may be the staging itself.
    """

    opened: Callable[[], Place]
    named: Callable[[Table], Table]
    longest: timedelta = _LONGEST
    migration: Migration | None = None
    lease: Lease | None = None
    notes: dict[str, None] = field(default_factory=dict)

    @cached_property
    def place(self) -> Place:
        """The sink with all that guards it."""
        return self.opened()

    def renew(self) -> None:
        """Keep the lease alive; TakenOverError where another run has taken it over."""
        if self.lease:
            self.lease.renew()

    def release(self, status: RecordStatus, rows: int, error: str | None = None, **details: object) -> None:
        """Record this run behind all that was written, and release the lease."""
        if self.lease is None and isinstance(self.place.sink, Buffered):
            self.place.sink.flush()
        if self.lease:
            state = self.lease.state
            state = state.unsure(state.tables) if self.lease.writing else state
            self.lease.release(status, state, records=rows, error=error, details=details)


def refuse_unwritable(right: str, settings: Settings | None) -> None:
    """ConfigError where RIGHT must not be written to: OLD by any name, the staging, NEW by a path."""
    if right == OLD:
        raise ConfigError(
            ["RIGHT is old: OLD is never written to"], hint="the right side is made like the left one"
        )
    if right == STAGING:
        raise ConfigError(["RIGHT is staging: only gap import writes there"])
    if settings is None or right == NEW:
        return
    path = Path(right).resolve()
    reasons = {OLD: "OLD is never written to", NEW: "name it new, so that the lease is taken"}
    for name, endpoint in ((OLD, settings.source), (NEW, settings.sink)):
        own = endpoint.values.get("path")
        place = (settings.folder / Path(own).expanduser()).resolve() if own else None
        inside = place and (place in (path, *path.parents) or path in place.parents)
        if place and (inside or share_a_file(place, path)):
            raise ConfigError([f"RIGHT {right} is {name} of tables.yaml: {reasons[name]}"])


@contextmanager
def opened_target(
    host: Host, settings: Settings | None, sides: tuple[str, str], choices: Choices, *, writes: bool
) -> Iterator[Target]:
    """The right one of the two sides; ``writes``: under the lock and, for NEW, the lease.

    ConfigError where it must not be written to. ``choices`` are how a CSV file is to be read.
    """
    left, right = sides
    refuse_unwritable(right, settings)
    folder = settings.folder if settings else Path.cwd()
    with ExitStack() as stack:
        if writes:
            stack.enter_context(lock.locked(folder))
        if right == NEW and settings:
            target = _new(host, settings, stack)
            if left not in (OLD, STAGING) and target.migration and target.migration.types == TYPES:
                exact(target.migration.sink, SchemaWatch(target.migration, None, "").digits)
            if writes and target.migration:
                target.lease = stack.enter_context(leased(target.migration, COMMAND))
                if "path" in settings.sink.values:
                    target.migration.store.close()  # nobody may hold a file that is compared
        else:
            target = _file(host, settings, sides, choices, stack)
        yield target


def _new(host: Host, settings: Settings, stack: ExitStack) -> Target:
    """NEW; OLD is not opened here: where it is compared, it is read as a side."""
    migration = stack.enter_context(opened(settings, host, NoSource()))

    def place() -> Place:
        return Place.of(migration, stack.enter_context(closing(_staging(settings))))

    longest = settings.max_runtime
    return Target(place, lambda table: table, longest=longest, migration=migration, notes=migration.notes)


def _file(
    host: Host, settings: Settings | None, sides: tuple[str, str], choices: Choices, stack: ExitStack
) -> Target:
    left, right = sides
    ledger = Ledger()
    finder = SideFinder(
        host=host, settings=settings, choices=choices, ledger=ledger, progress=lambda *_: None
    )
    side = finder.side(right, left)
    writable = isinstance(side, FileSide) and side.files.writes(side.path)
    if not isinstance(side, FileSide) or not writable or side.backend not in host.sinks:
        raise ConfigError([f"RIGHT {right} cannot be written to"])
    path = real(side.path)
    check_user(path if path.is_dir() else path.parent)
    notes: dict[str, None] = {}
    context = Context({"path": str(path)}, path.parent, ledger, right, note=notes.setdefault)
    sink: Sink = stack.enter_context(closing(host.open(host.sinks, side.backend, context)))

    def place() -> Place:
        evidence = stack.enter_context(closing(_staging(settings)))
        ref = f"{side.backend}:{path}"
        return Place(sink=sink, sink_ref=ref, source_ref=ref, tables=(), evidence=evidence)

    return Target(place, lambda table: side.files.written(side.path, table), notes=notes)


def _staging(settings: Settings | None) -> Staging:
    """The staging of tables.yaml; without one, a staging of its own for the current folder."""
    return Staging(settings.staging if settings else lock.folder(Path.cwd()) / "staging.duckdb")
