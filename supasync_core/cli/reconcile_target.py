"""The side that `reconcile` writes to: under the lock of this machine, and for NEW under the lease."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from supasync_core.api.backend import Sink
from supasync_core.api.registration import Context
from supasync_core.cli.diff import SideOptions
from supasync_core.diff.side_finder import SideFinder
from supasync_core.diff.sides import NEW, OLD, STAGING, FileSide
from supasync_core.gap.no_source import NoSource
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError
from supasync_core.model.settings import Settings
from supasync_core.model.table import Table
from supasync_core.project.lease import Lease, leased
from supasync_core.project.migration import Migration, opened
from supasync_core.project.session import Session
from supasync_core.staging.staging_file import Staging
from supasync_core.sync.removal import Place
from supasync_core.system import lock
from supasync_core.system.descriptors import check_user
from supasync_core.system.links import real

COMMAND = "reconcile"
_LONGEST = timedelta(hours=24)
"""How long writing to a file may take."""


@dataclass
class Target:
    """Where rows are written to. ``named`` is a table as the sink calls it, ``longest`` how long it may take.

    ``notes`` holds what the sink tells of how rows were written.
    The place, and with it the staging, is opened once it is asked for: what is compared before that may be
    the staging itself.
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

    def release(self, status: str, records: int, error: str | None = None, **details: object) -> None:
        """Write the record of this run, and let go of the lease."""
        if self.lease:
            state = self.lease.state
            state = state.unsure(state.tables) if self.lease.writing else state
            self.lease.release(status, state, records=records, error=error, details=details)


def refuse(given: SideOptions, settings: Settings | None) -> None:
    """ConfigError where the right side may not be written to: OLD by any name, the staging, NEW by a path."""
    if given.right == OLD:
        raise ConfigError(
            ["RIGHT is old: OLD is never written to"], hint="the right side is made like the left one"
        )
    if given.right == STAGING:
        raise ConfigError(["RIGHT is staging: only gap import writes there"])
    if settings is None or given.right == NEW:
        return
    right = Path(given.right).resolve()
    told = {OLD: "OLD is never written to", NEW: "name it new, so that the lease is taken"}
    for name, endpoint in ((OLD, settings.source), (NEW, settings.sink)):
        own = endpoint.values.get("path")
        place = (settings.folder / Path(own).expanduser()).resolve() if own else None
        if place and (place in (right, *right.parents) or right in place.parents):
            raise ConfigError([f"RIGHT {given.right} is {name} of tables.yaml: {told[name]}"])


@contextmanager
def target(
    session: Session, given: SideOptions, settings: Settings | None, *, writes: bool
) -> Iterator[Target]:
    """The right side; ``writes``: under the lock and, for NEW, the lease."""
    folder = settings.folder if settings else Path.cwd()
    with ExitStack() as stack:
        if writes:
            stack.enter_context(lock.locked(folder))
        if given.right == NEW and settings:
            found = _new(session, settings, stack)
            if writes and found.migration:
                found.lease = stack.enter_context(leased(found.migration, COMMAND))
                if "path" in settings.sink.values:
                    found.migration.store.close()  # a file is compared while nobody holds it; its lease stays
        else:
            found = _file(session, given, settings, stack)
        yield found


def _new(session: Session, settings: Settings, stack: ExitStack) -> Target:
    """NEW; OLD is not opened by this, where it is compared it is read as a side."""
    migration = stack.enter_context(opened(settings, session.host, NoSource()))

    def place() -> Place:
        evidence = stack.enter_context(closing(_staging(settings)))
        refs = {"sink_ref": settings.sink.ref, "source_ref": settings.source.ref}
        return Place(sink=migration.sink, **refs, tables=settings.tables, evidence=evidence)

    longest = settings.max_runtime
    return Target(place, lambda table: table, longest=longest, migration=migration, notes=migration.notes)


def _file(session: Session, given: SideOptions, settings: Settings | None, stack: ExitStack) -> Target:
    """A file, by the sink of its format."""
    ledger = Ledger()
    finding = SideFinder(
        host=session.host, settings=settings, choices=given.choices(), ledger=ledger, progress=lambda *_: None
    )
    side = finding.side(given.right, given.left)
    if not isinstance(side, FileSide) or side.backend not in session.host.sinks:
        raise ConfigError([f"RIGHT {given.right} cannot be written to"])
    path = real(side.path)
    check_user(path if path.is_dir() else path.parent)
    notes: dict[str, None] = {}
    context = Context({"path": str(path)}, path.parent, ledger, given.right, note=notes.setdefault)
    sink: Sink = stack.enter_context(closing(session.host.sinks.get(side.backend).open(context)))

    def place() -> Place:
        evidence = stack.enter_context(closing(_staging(settings)))
        ref = f"{side.backend}:{path}"
        return Place(sink=sink, sink_ref=ref, source_ref=ref, tables=(), evidence=evidence)

    return Target(place, lambda table: side.files.written(side.path, table), notes=notes)


def _staging(settings: Settings | None) -> Staging:
    """The staging of tables.yaml; without that, one of its own for the current folder."""
    return Staging(settings.staging if settings else lock.folder(Path.cwd()) / "staging.duckdb")
