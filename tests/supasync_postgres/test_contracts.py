"""The backend `postgres` keeps the contracts, over a real server and as a role without superuser rights."""

from collections.abc import Callable, Iterator

import pytest

from supasync_core.api.registration import Fence
from supasync_core.model.batch import Batch
from supasync_core.testing import SinkContract, SourceContract, StateStoreContract
from supasync_postgres.sink import PostgresSink
from supasync_postgres.source import PostgresSource
from supasync_postgres.store import PostgresStore
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import READY, Place, place

EVENTS_SQL = """
create table events (id bigint primary key, label text, amount numeric, payload json,
  created_at timestamptz, updated_at timestamptz);
"""


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Place]:
    with place(cluster, EVENTS_SQL + READY) as opened:
        yield opened


@pytest.fixture
def project(shared: Place) -> Iterator[Place]:
    shared.run("truncate events, sync_metadata")
    opened = Place(shared.hosted)
    with opened.opened:
        yield opened


class TestPostgresSource(SourceContract):
    parallel = True
    where = "id > 2"

    @pytest.fixture
    def filled(self, project: Place) -> Callable[[Batch], PostgresSource]:
        def fill(batch: Batch) -> PostgresSource:
            text = batch.body.decode().replace("'", "''")
            project.run(f"insert into events select * from json_populate_recordset(null::events, '{text}')")  # noqa: S608
            return project.source()

        return fill


class TestPostgresSink(SinkContract):
    parallel = True

    @pytest.fixture
    def opened(self, project: Place) -> Callable[[], PostgresSink]:
        return project.sink

    @pytest.fixture
    def fenced(self, project: Place) -> Callable[[Fence], PostgresSink]:
        def opened(fence: Fence) -> PostgresSink:
            project.fence = fence
            return project.sink()

        return opened


class TestPostgresStore(StateStoreContract):
    @pytest.fixture
    def opened(self, project: Place) -> Callable[[], PostgresStore]:
        return project.store
