"""The contract of sessions that copy rows is failed by whoever breaks a promise of it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from supasync_core.testing import CopySessionContract
from tests.contracts.lies import SESSIONS
from tests.contracts.lying_sessions import Session
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import Place, place

TESTS = [name for name in vars(CopySessionContract) if name.startswith("test_")]


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Place]:
    with place(cluster, "create table copied (id int primary key, label text, rest int)") as made:
        yield made


def failed(project: Place, kind: type[Session], test: str) -> str | None:
    """Why this test of the contract fails for a session of this kind."""
    project.run("truncate copied")
    with closing(kind(project.sink().database)) as session:
        try:
            getattr(CopySessionContract(), test)(session)
        except (Exception, pytest.fail.Exception) as err:  # noqa: BLE001 - a test may fail by any
            return f"{type(err).__name__}: {err}"
    return None


def test_whoever_keeps_all_promises_passes(project: Place) -> None:
    assert {test: failed(project, Session, test) for test in TESTS} == dict.fromkeys(TESTS)


@pytest.mark.parametrize("liar", SESSIONS, ids=lambda liar: liar.__name__)
def test_a_liar_is_caught_by_the_name_of_its_lie(project: Place, liar: type[Session]) -> None:
    assert failed(project, liar, SESSIONS[liar]) is not None


def test_each_promise_has_a_liar() -> None:
    assert sorted(set(SESSIONS.values())) == sorted(TESTS)
