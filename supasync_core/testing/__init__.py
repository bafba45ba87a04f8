"""The contracts that every backend passes, for authors of plugins: subclass one, supply its fixtures.

::

    class TestMySource(SourceContract):
        where = "id > 2"  # in the backend's own language

        @pytest.fixture
        def filled(self, tmp_path):
            return lambda batch: ...  # a source whose table ``events`` holds the rows of the batch

The contracts speak of one table: ``events`` with ``id bigint primary key, label text, amount numeric, payload
json, created_at timestamptz, updated_at timestamptz``, all but the key nullable. When a test begins it is
empty, or does not exist yet where the backend creates tables. Values are compared as text, numbers with all
their digits; a backend without types may print a number as a JSON string. Each promise has a test that it
fails for a backend which breaks it: ``tests/contracts`` of supasync has nearly a hundred that lie.
"""

import pytest

pytest.register_assert_rewrite(  # before they are imported, so that a failing author sees the values
    *(
        f"{__name__}.{each}_contract"
        for each in ("copy", "plugin", "side", "sink", "source", "store", "strategy")
    )
)

# ruff: noqa: E402 - as above
from supasync_core.testing.copy_contract import CopySessionContract
from supasync_core.testing.plugin_contract import (
    CheckContract,
    NotifierContract,
    PluginContract,
    TransformContract,
    projects,
    run_end,
    transformed,
)
from supasync_core.testing.sample_table import EVENTS, event, events
from supasync_core.testing.sink_contract import SinkContract
from supasync_core.testing.source_contract import SourceContract
from supasync_core.testing.store_contract import StateStoreContract
from supasync_core.testing.strategy_contract import StrategyContract

__all__ = [
    "EVENTS",
    "CheckContract",
    "CopySessionContract",
    "NotifierContract",
    "PluginContract",
    "SinkContract",
    "SourceContract",
    "StateStoreContract",
    "StrategyContract",
    "TransformContract",
    "event",
    "events",
    "projects",
    "run_end",
    "transformed",
]
