"""A ground in memory: the real engine between two dicts, where hours cost nothing."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from supasync_core.api import journal
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Backend, Fence
from supasync_core.api.state_store import Claim, Entry
from supasync_core.model import state_json
from supasync_core.model.cost import Ledger
from supasync_core.model.report import Report
from supasync_core.model.settings import Endpoint, Settings
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.project.run_options import RunOptions
from supasync_core.sync import checkpoint, runner
from tests.soak.ends import MemorySink, MemorySource, MemoryStore, New, Old, stored
from tests.soak.keys import STYLES
from tests.soak.running import Silent, divided, virtual
from tests.soak.world import Cells, Setup, Timeline, Weather, seconds

OLD_REF = "memory-old"


@dataclass
class MemoryGround:
    """Both sides in memory; ``folder`` is where an installation leaves its sign of life."""

    host: Host
    folder: Path
    time: Timeline = field(default_factory=Timeline)
    old: Old = field(default_factory=Old)
    new: New = field(default_factory=New)
    settings: Settings = field(init=False)
    setup: Setup = field(init=False)
    numbers: int = 0
    styles: Sequence[str] = STYLES

    def prepare(self, setup: Setup) -> None:
        """Everything from the beginning."""
        self.time.now, self.time.due = 0.0, []
        self.old, self.new, self.setup = Old(style=setup.keys), New(style=setup.keys), setup
        self.settings = replace(settings(setup.tables, self.folder), compare_egress=setup.share)
        claim = Claim(holder="setup", source=OLD_REF, command="setup", lease=600, baseline=True)
        store = MemoryStore(self.new, self.time, Weather())
        store.save(store.begin(claim).id, Entry(status="baseline", state=State(OLD_REF)))

    def begin(self, rows: Mapping[str, Sequence[Cells]]) -> Callable[[], None]:
        """A transaction; its rows are seen once it is committed."""
        self.numbers += 1
        number = self.numbers
        self.old.open[number] = self.time.instant
        made = {
            name: [stored(name, cells, number, self.old.style) for cells in each]
            for name, each in rows.items()
        }

        def commit() -> None:
            del self.old.open[number]
            for name, each in made.items():
                self.old.versions[name] += 1
                self.old.rows[name].update((row.cells["id"], row) for row in each)

        return commit

    def delete(self, table: str, key: int) -> None:
        """Remove a row from OLD."""
        self.old.versions[table] += 1
        del self.old.rows[table][key]

    def account(self, key: int) -> None:
        """Make the account of that key in NEW."""
        self.new.accounts.add(key)

    def sync(self, weather: Weather, holder: str, full: Sequence[str] = ()) -> Report:
        """One run of the real engine."""
        store = MemoryStore(self.new, self.time, weather)
        ledger = Ledger()
        source = MemorySource(self.old, self.time, weather, self.setup.horizon, self.setup.versions, ledger)
        fence = Fence()
        sink = MemorySink(self.new, self.time, weather, fence)
        migration = Migration(self.settings, self.host, ledger, source, sink, store, fence)
        tables = self.settings.tables
        plan = RunOptions(holder=holder, tables=tables, interrupted=weather.stop, full=frozenset(full))
        with (
            patch.object(checkpoint, "CHECKPOINT_ROWS", self.setup.checkpoint),
            divided(self.setup.readers),
        ):
            return runner.sync(migration, plan, Silent())

    def walked(self, table: str) -> float:
        """When the last complete comparison of the table's values began."""
        kept = journal.past(self.new.records, 1).state
        return seconds(kept.table(table).comparison if kept else None)

    def rows(self, side: str, table: str) -> Mapping[int, object]:
        """The rows by key, numbers as texts."""
        if side == "NEW":
            return self.new.rows[table]
        kept = self.old.rows[table]
        return {key: json.loads(row.text, parse_int=str) for key, row in kept.items()}


def settings(tables: tuple[Table, ...], folder: Path) -> Settings:
    """Settings without a file."""
    hour = timedelta(hours=1)
    return Settings(
        path=Path("tables.yaml"),
        folder=folder,
        source=Endpoint("memory", {}, OLD_REF),
        sink=Endpoint("memory", {}, "memory-new"),
        plugins=(),
        enabled=True,
        interval=hour,
        stale_after=6 * hour,
        max_runtime=hour,
        workers=1,
        retention=90 * 24 * hour,
        tables=tables,
        secrets=(),
        staging=folder / "staging.duckdb",
    )


@contextmanager
def ground() -> Iterator[MemoryGround]:
    """A ground in memory under a clock of its own."""
    host = Host()
    host.load_installed()
    backend: Any = Backend("memory", open=_unused, settings={}, ref=_unused)  # type: ignore[arg-type]
    host.sources.add("memory", backend)
    host.sinks.add("memory", backend)
    with (
        TemporaryDirectory() as folder,
        virtual(line := Timeline()),
        patch.object(state_json, "to_json", _kept),
        patch.object(state_json, "from_json", lambda stored: stored["kept"]),
    ):
        yield MemoryGround(host, Path(folder), line)


def _unused(*_: object) -> None:
    """Nobody opens a memory: `MemoryGround.sync` has both sides."""


def _kept(saved: State) -> dict[str, Any]:
    """The state as it is, with what a store looks at: its JSON would take a quarter of the time."""
    return {"source": saved.source, "closed": saved.closed, "kept": saved}
