from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.postgrest import replay
from tests.postgrest.launch import Server, serve
from tests.postgrest.left_out import LEFT_OUT
from tests.postgrest.replay import Counts
from tests.servers.postgres import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSIONS = ("14.10", "13.0.8")
SCHEMA = (replay.RECORDINGS / "schema.sql").read_text("utf-8")


def run(version: str, server: Server, cluster: Cluster, database: str) -> Counts:
    """Run every exchange in order: writes change what later ones see."""
    counts = Counts(version)
    for exchange in replay.exchanges(version):
        if "before" in exchange:
            prepare(exchange["before"], cluster.url(database), server)
        counts.add(exchange, replay.send(server.url, exchange))
    return counts


def prepare(before: replay.Exchange, url: str, server: Server) -> None:
    """Do what a recorded line asks to be done before it."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in before["sql"]:
            connection.execute(statement.format(database=connection.info.dbname))
    if before.get("reconnect"):
        server.reconnect()


def replayed(version: str, cluster: Cluster, database: str) -> Counts:
    """Replay one version with a server of its own."""
    with serve(cluster.url(database, "authenticator"), keys={}, prefix="", version=version) as server:
        return run(version, server, cluster, database)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL for these tests alone: roles and their settings belong to the cluster."""
    with Cluster.start(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture(scope="module")
def replays(cluster: Cluster) -> Iterator[dict[str, Future[Counts]]]:
    """Both replays, side by side: most of their time they wait for statements to time out."""
    databases = {version: f"recorded_{version.replace('.', '_')}" for version in VERSIONS}
    for database in databases.values():
        cluster.create(database, SCHEMA)
    with ThreadPoolExecutor() as pool:
        yield {version: pool.submit(replayed, version, cluster, name) for version, name in databases.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_answers_are_those_of_the_recorded_server(
    version: str, replays: dict[str, Future[Counts]], record_property: Callable[[str, object], None]
) -> None:
    """Every exchange equals its recording in status, headers and body, unless left out by name."""
    found = replays[version].result()
    record_property("summary", found.line())
    assert found.unequal == {}
    assert found.needlessly_left_out == []


def test_every_core_exchange_is_compared() -> None:
    """Only exchanges of the edge tier are ever left out."""
    left_out = [e["tier"] for e in replay.exchanges("14.10") if e["id"] in LEFT_OUT]
    assert left_out == ["edge"] * len(LEFT_OUT)
