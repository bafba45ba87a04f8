"""The built-in strategies keep the contract that is shipped for anybody's."""

import pytest

from supasync_core.api.strategy import Strategy
from supasync_core.model.table import Table
from supasync_core.testing import StrategyContract
from supasync_tables.append import Append
from supasync_tables.incremental import Incremental
from supasync_tables.snapshot import Snapshot


class TestIncremental(StrategyContract):
    @pytest.fixture
    def plugin(self) -> Strategy:
        return Incremental()

    @pytest.fixture
    def table(self) -> Table:
        return Table(name="events", timestamp=("updated_at", "created_at"))


class TestAppend(StrategyContract):
    @pytest.fixture
    def plugin(self) -> Strategy:
        return Append()

    @pytest.fixture
    def table(self) -> Table:
        return Table(name="events", strategy="append")


class TestAppendByVersion(StrategyContract):
    """By a column of its own, from which each update draws a new number."""

    @pytest.fixture
    def plugin(self) -> Strategy:
        return Append("version")

    @pytest.fixture
    def table(self) -> Table:
        return Table(name="events", strategy="append")


class TestSnapshot(StrategyContract):
    @pytest.fixture
    def plugin(self) -> Strategy:
        return Snapshot()

    @pytest.fixture
    def table(self) -> Table:
        return Table(name="events", strategy="snapshot")
