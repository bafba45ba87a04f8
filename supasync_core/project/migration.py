"""The opened ends of one project: its source, its sink, and the state beside the sink."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from supasync_core.api.backend import Clocked, Informed, Sink, Sized, Source, Typed
from supasync_core.api.blind_spots import unseen
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Backend, Context, Fence
from supasync_core.api.registry import Registry, did_you_mean
from supasync_core.api.state_store import Claim, Entry, Past, Run, StateStore
from supasync_core.api.strategy import Strategy
from supasync_core.api.table_plugins import strategy_of
from supasync_core.concurrency.one_at_a_time import one_at_a_time
from supasync_core.model import timestamps
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, StateError, SupasyncError
from supasync_core.model.settings import Endpoint, Settings
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Instant
from supasync_core.model.transform import Transform
from supasync_core.project.exact_sink import TYPES, exact
from supasync_core.project.live_source import live
from supasync_core.project.present import Present
from supasync_core.project.referred_columns import ReferredColumns
from supasync_core.project.table_transforms import table_transforms

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NamedStore:
    """A state store whose state has the names of tables.yaml: a renamed table is known by ``was:``.

    ``names`` are the present ones by those that they were. What is saved has them too.
    """

    store: StateStore
    names: Mapping[str, str]

    def begin(self, claim: Claim) -> Run:
        """As the store does."""
        run = self.store.begin(claim)
        return replace(run, state=run.state and run.state.renamed(self.names))

    def save(self, run_id: str, entry: Entry) -> bool:
        """As the store does."""
        return self.store.save(run_id, entry)

    def past(self, limit: int, since: str | None = None) -> Past:
        """As the store does."""
        past = self.store.past(limit, since)
        return replace(past, state=past.state and past.state.renamed(self.names))

    def now(self) -> Instant | None:
        """As the store does; None where it has no clock of its own."""
        return self.store.now() if isinstance(self.store, Clocked) else None

    def close(self) -> None:
        """As the store does."""
        self.store.close()


@dataclass(frozen=True, slots=True)
class CountedStore(NamedStore):
    """One whose records say what a command has cost by then, and how large databases are."""

    ledger: Ledger
    source: Source
    sink: Sink

    def save(self, run_id: str, entry: Entry) -> bool:
        """Save the entry with its costs; the request that writes it is not among them."""
        total = self.ledger.total()
        details = {**entry.details, "costs": self.ledger.as_json()}
        ends = {"OLD": self.source, "NEW": self.sink}
        sizes = {name: end.database_bytes() for name, end in ends.items() if isinstance(end, Sized)}
        known = {name: size for name, size in sizes.items() if size is not None}
        if known:
            details["database_bytes"] = known
        counted = replace(entry, requests=total.requests, bytes=total.sent + total.received, details=details)
        return self.store.save(run_id, counted)


@dataclass(frozen=True, slots=True)
class Migration:
    """What a command works on. ``source_ref`` names the source in the state, the sink asks the ``fence``.

    ``present`` is known once a lease was taken. ``notes`` holds what was wrong with the state, and what the
    sink has told of how rows were written, in its order.
    """

    settings: Settings
    host: Host
    ledger: Ledger
    source: Source
    sink: Sink
    store: StateStore
    fence: Fence = field(default_factory=Fence)
    notes: dict[str, None] = field(default_factory=dict)
    present: Present = field(default_factory=Present)
    referred_columns: ReferredColumns = field(default_factory=ReferredColumns)

    @property
    def source_ref(self) -> str:
        """The project that rows come from."""
        return self.settings.source.ref

    def now(self) -> Instant:
        """The store's time at its latest answer; this machine's where the store has no clock of its own."""
        now = self.store.now() if isinstance(self.store, Clocked) else None
        return timestamps.now() if now is None else now

    def source_now(self) -> Instant | None:
        """The source's time at its latest answer, no later than the present; None where it tells none."""
        now = self.source.now() if isinstance(self.source, Clocked) else None
        return now if now is None else min(now, self.present.latest)

    @property
    def alike(self) -> bool:
        """Whether both ends name types, and print values, in the same words."""
        source = self.host.sources.get(self.settings.source.backend)
        sink = self.host.sinks.get(self.settings.sink.backend)
        return (source.types or source.name) == (sink.types or sink.name)

    def in_new(self, table: Table) -> Table:
        """The table as NEW is asked for it: without a ``where`` that speaks OLD's language and not NEW's."""
        ends = self.settings
        return table if ends.source.backend == ends.sink.backend else table.whole()

    @property
    def types(self) -> str | None:
        """The name under which the sink's types are known."""
        return self.host.sinks.get(self.settings.sink.backend).types

    @property
    def misreads(self) -> bool:
        """Whether the sink has PostgreSQL's types, and rows come that PostgreSQL has not printed."""
        return not self.alike and self.types == TYPES

    @property
    def workers(self) -> int:
        """How many batches may be written at once: one where an end does not take several."""
        sources, sinks = self.host.sources, self.host.sinks
        ends = (sources.get(self.settings.source.backend), sinks.get(self.settings.sink.backend))
        return self.settings.workers if all(end.parallel for end in ends) else 1

    def strategy(self, table: Table) -> Strategy:
        """The way this table is read."""
        return strategy_of(self.host, table)

    def unseen(self, table: Table) -> tuple[str, ...]:
        """What reading this table cannot see, out of ``deletes`` and ``updates``."""
        return unseen(self.strategy(table), table)

    def transforms(self, table: Table) -> list[tuple[str, Transform]]:
        """The table's transforms by name, in their order."""
        return table_transforms(self.host, self.settings, table, self.source, partial(self.referred, table))

    def referred(self, table: Table) -> Mapping[str, tuple[Table, str]]:
        """By column of the table that refers to another one of tables.yaml, what is at the end."""
        ends = nullcontext((self.source, self.sink))
        return self.referred_columns.of(table, self.settings.tables, ends)

    def select(self, names: tuple[str, ...], option: str) -> tuple[Table, ...]:
        """The named tables in dependency order, all without names; ConfigError for a name not declared."""
        known = {table.name for table in self.settings.tables}
        problems = [
            f"{option} {name}: tables.yaml has no such table{did_you_mean(name, known)}"
            for name in names
            if name not in known
        ]
        if problems:
            raise ConfigError(problems)
        return tuple(table for table in self.settings.tables if not names or table.name in names)


@contextmanager
def opened(settings: Settings, host: Host, source: Source | None = None) -> Iterator[Migration]:
    """Open both ends and the state, and close them again. Nothing is asked of either side yet.

    A ``source`` that is given stands in for the one of the settings, which then is not even opened.
    """
    ledger = Ledger()
    with ExitStack() as stack:
        source_context = _context(settings, settings.source, ledger, "OLD")
        fence = Fence()
        notes: dict[str, None] = {}
        sink_context = _context(settings, settings.sink, ledger, "NEW")
        sink_context = replace(sink_context, fence=fence, note=notes.setdefault)
        source = source or _opened(host, host.sources, settings.source.backend, source_context)
        stack.enter_context(closing(source))
        source = live(source, settings.tables)
        sink = _opened(host, host.sinks, settings.sink.backend, sink_context)
        stack.enter_context(closing(sink))
        store = host.open(host.state_stores, settings.sink.backend, sink_context)
        stack.enter_context(closing(store))
        counted = CountedStore(store, _names(settings), ledger, source, sink)
        referred = ReferredColumns(lambda: counted.past(1).state)
        migration = Migration(
            settings, host, ledger, source, sink, counted, fence, notes, referred_columns=referred
        )
        if migration.misreads:
            exact(sink)
        yield migration


def _opened(host: Host, backends: Registry[Backend[T]], name: str, context: Context) -> T:
    """What it opens, in turns: a page is read ahead while another thread looks at the table."""
    side = host.open(backends, name, context)
    return side if backends.get(name).parallel else one_at_a_time(side)


def opened_source(settings: Settings, host: Host, ledger: Ledger) -> Source:
    """The source alone, where nothing else is wanted."""
    context = _context(settings, settings.source, ledger, "OLD")
    return host.open(host.sources, settings.source.backend, context)


def opened_sink(settings: Settings, host: Host) -> Sink:
    """The sink alone, to look at: nothing may be written through it."""
    context = _context(settings, settings.sink, Ledger(), "NEW")
    return host.open(host.sinks, settings.sink.backend, context)


def store_of_sink(settings: Settings, host: Host) -> NamedStore:
    """The state beside the sink alone, to look at."""
    context = _context(settings, settings.sink, Ledger(), "NEW")
    return NamedStore(host.open(host.state_stores, settings.sink.backend, context), _names(settings))


def _names(settings: Settings) -> dict[str, str]:
    return {table.was: table.name for table in settings.tables if table.was}


def _context(settings: Settings, endpoint: Endpoint, ledger: Ledger, project: str) -> Context:
    tables = [table.address for table in settings.tables]
    return Context(endpoint.values, settings.folder, ledger, project, tables=tables)


def exchange_types(migration: Migration, table: Table) -> None:
    """Tell an end whose format has no types those of the other."""
    source, sink = migration.source, migration.sink
    if isinstance(source, Typed):
        source.typed(table, sink.shape(table))
    if isinstance(sink, Informed):
        sink.informed(table, source.shape(table))
    if isinstance(sink, Typed):
        sink.typed(table, source.shape(table))


def swapped(migration: Migration) -> StateError | None:
    """The error for a source whose own state names this sink as its source; None for any other."""
    settings, stores = migration.settings, migration.host.state_stores
    if settings.source.backend not in stores:
        return None
    context = _context(settings, settings.source, migration.ledger, "OLD")
    store = migration.host.open(stores, settings.source.backend, context)
    try:
        state = store.past(1).state
    except SupasyncError:
        return None  # the usual case: OLD has no state of its own
    finally:
        store.close()
    if state is None or state.source != settings.sink.ref:
        return None
    return StateError(
        f"OLD ({migration.source_ref}) was filled from NEW ({state.source}): the two accounts are swapped",
        hint="in .env, OLD_SUPABASE_* is the project that the app uses today, SUPABASE_* the new one",
    )
