"""The REST backend keeps the contracts, over a real server."""

from collections.abc import Callable, Iterator

import pytest

from supasync_core.api.registration import Fence
from supasync_core.model.batch import Batch
from supasync_core.testing import SinkContract, SourceContract, StateStoreContract
from supasync_rest.sink import RestSink
from supasync_rest.source import RestSource
from supasync_rest.store import RestStore
from tests.servers.postgres import Cluster
from tests.supasync_rest.rig import SCHEMA_SQL, Rig, rig

EVENTS_SQL = """
create table events (id bigint primary key, label text, amount numeric, payload json,
  created_at timestamptz, updated_at timestamptz);
grant all on events to service_role;
"""


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Rig]:
    with rig(cluster, EVENTS_SQL + SCHEMA_SQL) as running:
        yield running


@pytest.fixture
def project(shared: Rig) -> Iterator[Rig]:
    shared.run("truncate events, sync_metadata")
    running = Rig(shared.server, shared.cluster, shared.database)
    with running.opened:
        yield running


class TestRestSource(SourceContract):
    parallel = True
    where = "id=gt.2"

    @pytest.fixture
    def filled(self, project: Rig) -> Callable[[Batch], RestSource]:
        def fill(batch: Batch) -> RestSource:
            text = batch.body.decode().replace("'", "''")
            project.run(f"insert into events select * from json_populate_recordset(null::events, '{text}')")  # noqa: S608
            return project.source()

        return fill


class TestRestSink(SinkContract):
    parallel = True

    @pytest.fixture
    def opened(self, project: Rig) -> Callable[[], RestSink]:
        return project.sink

    @pytest.fixture
    def fenced(self, project: Rig) -> Callable[[Fence], RestSink]:
        def opened(fence: Fence) -> RestSink:
            project.fence = fence
            return project.sink()

        return opened


class TestRestStore(StateStoreContract):
    @pytest.fixture
    def opened(self, project: Rig) -> Callable[[], RestStore]:
        return project.store
