"""A run reads OLD as it was at one instant; its horizon comes from the server's own views."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from supasync_core.model import timestamps
from supasync_core.model.batch import Span, Window
from supasync_core.model.table import Table
from supasync_core.schema.scripts import script
from supasync_core.testing.sample_table import ALL
from supasync_postgres.source import PostgresSource
from supasync_postgres.transaction import Statement
from supasync_rest.source import RestSource
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import Place, place
from tests.supasync_postgres.test_failures import ended
from tests.supasync_rest.rig import rig

TABLES = """
create table accounts (id bigint primary key, money int, updated_at timestamptz default now());
create table "100%" (id bigint primary key, "50%" timestamptz);
"""
ACCOUNTS = Table(name="accounts")
WHOLE = Window((Span(ALL),), 100)


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Place]:
    with place(cluster, TABLES) as opened:
        yield opened


@pytest.fixture
def project(shared: Place) -> Iterator[Place]:
    shared.run("truncate accounts; insert into accounts (id, money) values (1, 100), (2, 0)")
    opened = Place(shared.hosted)
    with opened.opened:
        yield opened


def money(place: Place, source: object = None) -> dict[str, str]:
    batch = (source or place.source()).read(ACCOUNTS, WHOLE)  # type: ignore[attr-defined]
    return {row["id"]: row["money"] for row in batch.rows}


def test_within_it_everything_is_as_it_was_when_it_began(project: Place) -> None:
    source = project.source()
    before = timestamps.now()
    with source.consistent():
        project.run("update accounts set money = 50; insert into accounts values (3, 7)")
        assert money(project, source) == {"1": "100", "2": "0"}
        assert source.count(ACCOUNTS) == 2
        assert [batch.count for batch in source.rows(ACCOUNTS, ["id"], [["3"]])] == [0]
        read_at = source.read(ACCOUNTS, WHOLE).read_at
        assert read_at
        assert before - 1_000_000 < read_at.began <= timestamps.now() + 1_000_000
        filtered = Table(name="accounts", where="money > 60")
        assert source.count(filtered) == 1
    assert money(project, source) == {"1": "50", "2": "50", "3": "7"}


def test_its_time_is_that_of_the_snapshot_and_not_of_the_page(project: Place) -> None:
    source = project.source()
    with source.consistent():
        (_, taken) = source.snapshot.asked(Statement("SELECT %s", [1], "read"))
        first, second = (source.read(ACCOUNTS, WHOLE).read_at for _ in range(2))
        assert first
        assert second
        assert first.began == second.began == taken


def test_a_snapshot_whose_connection_is_lost_is_taken_again(project: Place) -> None:
    source = project.source()
    with source.consistent():
        assert money(project, source) == {"1": "100", "2": "0"}
        project.run("update accounts set money = 50")
        ended(project, "%")
        assert money(project, source) == {"1": "50", "2": "50"}
        project.run("update accounts set money = 60")
        assert money(project, source) == {"1": "50", "2": "50"}


def test_the_horizon_is_before_every_open_transaction(project: Place) -> None:
    source = project.source()
    with psycopg.connect(project.url) as app:
        [(began,)] = app.execute("select extract(epoch from now()) * 1000000 from accounts").fetchmany(1)
        found = source.survey([(ACCOUNTS, ["updated_at"])])
        assert found
        assert found.horizon is not None
        assert found.horizon < began <= found.now
        assert found.held is not None
        assert f"session {app.info.backend_pid} (idle in transaction" in found.held
    found = source.survey([])
    assert found
    assert found.held is None
    assert found.horizon is not None
    assert found.now - found.horizon == 1_000_000
    assert source.database_bytes()


def test_extents_change_with_any_write(project: Place) -> None:
    source = project.source()

    def extent() -> object:
        found = source.survey([(ACCOUNTS, ["updated_at"]), (Table(name="100%"), ["50%"])])
        assert found
        assert found.extents["100%"].rows == 0
        assert found.unindexed["accounts"] == ("updated_at",)
        return found.extents["accounts"]

    seen = [extent()]
    for change in (
        "update accounts set money = money where id = 1",
        "delete from accounts where id = 1",
        "insert into accounts (id) values (1)",
    ):
        assert extent() == seen[-1]
        project.run(change)
        seen.append(extent())
    assert len({str(each) for each in seen}) == 4


def test_a_user_who_does_not_see_all_sessions_gets_no_horizon(project: Place) -> None:
    name, cluster = project.hosted.database, project.hosted.cluster
    cluster.execute(name, "drop role if exists unseeing; create role unseeing login")
    opened = Place(project.hosted, "unseeing")
    with opened.opened:
        found = opened.source().survey([(ACCOUNTS, [])])
    assert found
    assert found.problem is not None
    assert "does not show every transaction" in found.problem
    assert found.horizon is None
    cluster.execute(name, "drop role unseeing")


def test_an_extent_is_the_same_to_rest_and_its_function(cluster: Cluster) -> None:
    grants = "grant all on all tables in schema public to service_role;"
    with rig(cluster, TABLES + grants + script("horizon")) as project:
        project.run("insert into accounts (id, money) values (1, 5)")
        asked = [(ACCOUNTS, ["updated_at"])]
        settings = {"url": cluster.url(project.database), "horizon": "true"}
        direct = PostgresSource(replace(project.context("OLD"), settings=settings))
        context = project.context("OLD")
        over_rest = RestSource(replace(context, settings={**context.settings, "horizon": "true"}))
        with closing(direct), closing(over_rest):
            found = [source.survey(asked) for source in (direct, over_rest)]
    assert found[0]
    assert found[1]
    assert found[0].extents == found[1].extents != {}
