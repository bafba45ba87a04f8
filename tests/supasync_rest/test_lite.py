"""The same over a server that nobody here wrote; what it does unlike PostgREST is left out."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from supasync_core.api.backend import missing_columns
from supasync_core.api.registration import Context
from supasync_core.api.state_store import Claim, Entry
from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import LockedError, RefusedError, RowError, SchemaError
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_rest.sink import RestSink
from supasync_rest.source import RestSource
from supasync_rest.store import RestStore
from tests.postgrest.launch import ROLES
from tests.servers.lite import LiteServer
from tests.servers.postgres import Cluster
from tests.supasync_rest.rig import ANON, KEY, NAMES, SCHEMA_SQL, TABLES

JOBS = Table(name="jobs", timestamp=("updated_at", "created_at"))
UPDATED, REST = Keyset("updated_at"), Keyset(None, ("updated_at",))


@pytest.fixture(scope="module")
def lite(cluster: Cluster) -> Iterator[LiteServer]:
    database = next(NAMES)
    cluster.create(database, ROLES + TABLES + SCHEMA_SQL)
    url = cluster.url(database)
    with LiteServer.start(url, secret_key=KEY, publishable_key=ANON) as server:
        yield server
    cluster.drop(database)


@pytest.fixture
def opened(lite: LiteServer) -> Iterator[tuple[RestSource, RestSink, RestStore]]:
    context = Context({"url": lite.url, "key": KEY}, Path(), Ledger(), "NEW")
    with ExitStack() as stack:
        source = stack.enter_context(closing(RestSource(context)))
        sink = stack.enter_context(closing(RestSink(context)))
        yield source, sink, stack.enter_context(closing(RestStore(context)))


def test_rows_go_in_and_come_out_by_keyset(opened: tuple[RestSource, RestSink, RestStore]) -> None:
    source, sink, _ = opened
    rows = ",".join(f'{{"id":{i},"updated_at":"2024-01-01T00:00:0{i // 2}Z"}}' for i in range(1, 8))
    assert sink.upsert(JOBS, Batch(f'[{rows},{{"id":8,"updated_at":null}}]'.encode())) == 8
    found, place = [], None
    while (batch := source.read(JOBS, Window((Span(UPDATED, after=place),), 2, counted=True))).count:
        found += [int(row["id"]) for row in batch.rows]
        assert batch.total == 7 - len(found) + batch.count
        place = JOBS.place(batch.rows[-1], "updated_at")
    assert found == [1, 2, 3, 4, 5, 6, 7]
    both = Window((Span(UPDATED, start="2024-01-01 00:00:03+00"), Span(REST)), 9)
    assert [row["id"] for row in source.read(JOBS, both).rows] == ["6", "7", "8"]
    assert source.count(JOBS, both) == 3
    assert source.now() is not None


def test_a_stub_of_a_description_is_no_description(opened: tuple[RestSource, RestSink, RestStore]) -> None:
    source, sink, _ = opened
    assert missing_columns(source, Table(name="pairs", key=("tenant", "code")), ["tenant", "nope"]) == [
        "nope"
    ]
    sink.upsert(Table(name="computed"), Batch(b'[{"id":1,"a":1}]'))
    assert source.shape(Table(name="computed")).names == {"id", "a", "the sum"}


def test_refusals_mean_the_same(opened: tuple[RestSource, RestSink, RestStore], lite: LiteServer) -> None:
    source, sink, _ = opened
    with pytest.raises(SchemaError, match="has no table"):
        source.count(Table(name="nope"))
    with pytest.raises(SchemaError, match="apart by"):
        sink.upsert(Table(name="keyless", key=("name",)), Batch(b'[{"name":"x"}]'))
    with pytest.raises(SchemaError, match="numbers the column id"):
        sink.upsert(Table(name="numbered"), Batch(b'[{"id":1,"label":"x"}]'))
    with pytest.raises(RowError, match="23502"):
        sink.upsert(Table(name="checked"), Batch(b'[{"id":1,"name":null}]'))
    wrong = Context({"url": lite.url, "key": "sb_secret_wrong"}, Path(), Ledger(), "OLD")
    with closing(RestSource(wrong)) as stranger, pytest.raises(RefusedError, match="does not accept the key"):
        stranger.count(JOBS)


def test_the_lease_works(opened: tuple[RestSource, RestSink, RestStore]) -> None:
    _, _, store = opened
    claim = Claim(holder="here", source="old", command="setup", lease=60, baseline=True)
    run = store.begin(claim)
    with pytest.raises(LockedError):
        store.begin(Claim(holder="there", source="old", command="sync", lease=60))
    done = Entry(status="baseline", state=State("old"), horizon="2024-01-02T00:00:00Z")
    assert [store.save(run.id, done), store.save(run.id, done)] == [True, False]
    assert store.past(3).state == State("old")
