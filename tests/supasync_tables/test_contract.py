"""The built-in strategies keep the contract that is shipped for anybody's."""

import pytest

from supasync_core.api.table_plugin import TablePlugin
from supasync_core.model.table import Table
from supasync_core.testing import TablePluginContract
from supasync_tables.append import Append
from supasync_tables.incremental import Incremental
from supasync_tables.snapshot import Snapshot


class TestIncremental(TablePluginContract):
    @pytest.fixture
    def plugin(self) -> TablePlugin:
        return Incremental()

    @pytest.fixture
    def table(self) -> Table:
        return Table(name="events", timestamp=("updated_at", "created_at"))


class TestAppend(TablePluginContract):
    @pytest.fixture
    def plugin(self) -> TablePlugin:
        return Append()

    @pytest.fixture
    def table(self) -> Table:
        return Table(name="events", strategy="append")


class TestSnapshot(TablePluginContract):
    @pytest.fixture
    def plugin(self) -> TablePlugin:
        return Snapshot()

    @pytest.fixture
    def table(self) -> Table:
        return Table(name="events", strategy="snapshot")
