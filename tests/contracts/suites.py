"""The contract of each honest part and of each liar, which `tests.contracts.test_liars` runs."""

from collections.abc import Callable

import pytest

from supasync_core.api.backend import Sink, Source
from supasync_core.api.registration import Fence
from supasync_core.api.state_store import StateStore
from supasync_core.api.strategy import Strategy
from supasync_core.model.batch import Batch
from supasync_core.model.table import Table
from supasync_core.testing import (
    SinkContract,
    SourceContract,
    StateStoreContract,
    StrategyContract,
    store_contract,
)
from tests.contracts import lying_sinks, lying_sources, lying_stores, lying_strategies
from tests.contracts.honest import Disk, HonestSink, HonestSource, HonestStore
from tests.contracts.lies import CAUGHT_BY

__all__ = ["lying_sinks", "lying_stores"]


def _source_suite(kind: type[HonestSource]) -> type:
    class Suite(SourceContract):
        where = "id > 2"
        parallel = True

        @pytest.fixture
        def filled(self) -> Callable[[Batch], Source]:
            return lambda batch: lying_sources.filled(kind, Disk(), batch)

    return Suite


def _sink_suite(kind: type[HonestSink]) -> type:
    class Suite(SinkContract):
        parallel = True

        @pytest.fixture
        def opened(self) -> Callable[[], Sink]:
            return lambda: kind(self.disk)

        @pytest.fixture
        def fenced(self) -> Callable[[Fence], Sink]:
            return lambda fence: kind(self.disk, fence)

        @pytest.fixture(autouse=True)
        def _disk(self) -> None:
            self.disk = Disk()

    return Suite


def _store_suite(kind: type[HonestStore]) -> type:
    class Suite(StateStoreContract):
        @pytest.fixture
        def opened(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], StateStore]:
            disk = Disk()

            class Clock:
                @staticmethod
                def sleep(seconds: float) -> None:
                    disk.slept += seconds

            monkeypatch.setattr(store_contract, "time", Clock)
            return lambda: kind(disk)

    return Suite


def _strategy_suite(kind: type[lying_strategies.Versions]) -> type:
    class Suite(StrategyContract):
        @pytest.fixture
        def plugin(self) -> Strategy:
            return kind()

        @pytest.fixture
        def table(self) -> Table:
            return Table(name="events", timestamp=("updated_at", "created_at"))

    return Suite


_SUITES: dict[type, Callable[..., type]] = {
    HonestSink: _sink_suite,
    HonestSource: _source_suite,
    HonestStore: _store_suite,
}


def _suite(kind: type) -> type:
    for base, suite in _SUITES.items():
        if issubclass(kind, base):
            return suite(kind)
    return _strategy_suite(kind)


for each in (*_SUITES, *lying_strategies.HONEST, *CAUGHT_BY):
    globals()[f"Test{each.__name__}"] = _suite(each)
