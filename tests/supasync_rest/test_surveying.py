"""The survey of OLD over REST: in how many requests, and what happens when it fails."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from math import inf, nan

import pytest

from supasync_core.api.backend import Survey
from supasync_core.model.errors import RefusedError, TransientError
from supasync_core.model.state import Extent
from supasync_core.model.table import Table
from supasync_core.schema import scripts
from supasync_rest.source import RestSource
from tests.servers.postgres import Cluster
from tests.supasync_rest.rig import TABLES, Rig, rig

MANY = [
    (Table(name=f"a table with a long name, number {n}"), ("updated_at", "created_at")) for n in range(299)
]
USERS = (Table(name="users"), ("updated_at",))


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Rig]:
    with rig(cluster, TABLES) as made:
        made.run(scripts.script("horizon"))
        made.server.reload()
        yield made


@pytest.fixture
def project(shared: Rig) -> Iterator[Rig]:
    shared.server.reset()
    yield shared
    shared.server.behave()


def survey(project: Rig, *asked: tuple[Table, tuple[str, ...]], switch: str = "true") -> Survey | None:
    context = project.context("OLD")
    context = replace(context, settings={**context.settings, "horizon": switch})
    with closing(RestSource(context, project.retry_policy)) as source:
        found = source.survey(asked)
        assert (source.database_bytes() is None) == (found is None or found.problem is not None)
        return found


def test_nothing_is_asked_unless_the_settings_say_that_it_is_there(project: Rig) -> None:
    assert survey(project, USERS, switch="false") is None
    assert project.server.requests() == []


def test_it_is_one_get(project: Rig) -> None:
    found = survey(project, USERS, (Table(name="Odd, one"), ("order",)), (Table(name="secret"), ()))
    assert found
    assert set(found.extents) == {"users", "Odd, one"}
    [request] = project.server.requests()
    assert request["method"] == "GET"


def test_more_tables_than_an_address_holds_are_asked_for_in_turn(project: Rig) -> None:
    found = survey(project, *MANY, USERS)
    assert found
    assert set(found.extents) == {"users"}
    paths = [request["path"] for request in project.server.requests()]
    assert len(paths) > 2
    assert max(map(len, paths)) < 7100


def test_where_tables_take_too_long_the_horizon_alone_is_asked_for(project: Rig) -> None:
    timeout = '{"code":"57014","message":"canceling statement due to statement timeout"}'
    project.server.misbehave({"kind": "answer", "status": 500, "body": timeout, "path": "users"})
    found = survey(project, USERS)
    assert found
    assert (found.problem, found.extents) == (None, {})
    assert found.horizon
    assert len(project.server.requests()) == 2


@pytest.mark.parametrize(
    "body", ["<html>", "[]", "{}", '{"horizon": 5}', "null", '{"horizon": "x", "tables": []}']
)
def test_an_answer_that_is_none_is_no_survey(project: Rig, body: str) -> None:
    project.server.misbehave({"kind": "answer", "status": 200, "body": body, "times": None})
    found = survey(project, USERS)
    assert found
    assert found.problem


HONEST = {
    "now": "2026-01-01T00:00:00+00:00",
    "horizon": "2025-12-31T23:59:59+00:00",
    "held": {"pid": 7, "state": "active", "application": "app"},
    "database_bytes": 8_000_000,
}
EXTENT = {"rows": 3, "newest": {"updated_at": "2026-01-01"}, "version": "a"}


def answering(project: Rig, extent: dict[str, object], **parts: object) -> Survey:
    body = json.dumps({**HONEST, **parts, "tables": [{**EXTENT, **extent}]})
    project.server.misbehave({"kind": "answer", "status": 200, "body": body, "times": None})
    found = survey(project, USERS)
    assert found
    return found


def test_an_answer_of_the_right_types_is_a_survey(project: Rig) -> None:
    found = answering(project, {})
    assert (found.problem, found.extents) == (None, {"users": Extent(3, {"updated_at": "2026-01-01"}, "a")})
    assert "session 7 (active, app;" in str(found.held)


@pytest.mark.parametrize("size", ["x", [1], True, -5, 1.5, inf, nan, 10**30])
def test_numbers_that_count_nothing_are_no_survey(project: Rig, size: object) -> None:
    for found in (
        answering(project, {"rows": size}),
        answering(project, {}, database_bytes=size),
        answering(project, {}, held={"pid": size, "state": None, "application": None}),
    ):
        assert re.match(
            r"supasync_horizon returned an unusable answer \((rows|database_bytes|pid)\);", str(found.problem)
        )


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("newest", 5),
        ("newest", {"another": "x"}),
        ("newest", {"updated_at": 5}),
        ("version", ["a"]),
        ("version", None),
        ("version", "a" * 10_000),
    ],
)
def test_an_extent_of_other_types_is_no_survey(project: Rig, part: str, value: object) -> None:
    found = answering(project, {part: value})
    assert f"unusable answer ({part})" in str(found.problem)


@pytest.mark.parametrize("part", ["now", "horizon"])
@pytest.mark.parametrize(
    "value", ["infinity", "-infinity", "4713-01-01 00:00:00+00 BC", "9999999-01-01", "x", 5]
)
def test_a_time_that_no_clock_shows_is_no_survey(project: Rig, part: str, value: object) -> None:
    assert f"unusable answer ({part})" in str(answering(project, {}, **{part: value}).problem)


def test_a_horizon_in_the_future_is_no_survey(project: Rig) -> None:
    assert "unusable answer (horizon)" in str(answering(project, {}, horizon="2027-01-01T00:00:00Z").problem)


@pytest.mark.parametrize("state", [["x"], 5, "x" * 10_000])
def test_a_session_of_other_types_is_no_survey(project: Rig, state: object) -> None:
    held = {"pid": 7, "state": state, "application": None}
    assert "unusable answer (state)" in str(answering(project, {}, held=held).problem)


def test_a_function_that_was_lost_or_is_forbidden_is_no_survey(project: Rig) -> None:
    project.run("revoke execute on function supasync_horizon from service_role")
    found = survey(project, USERS)
    assert found
    assert "permission denied" in str(found.problem)
    project.run(scripts.script("uninstall-old"))
    project.server.reload()
    found = survey(project, USERS)
    assert found
    assert "schema sql --horizon" in str(found.problem)
    project.run(scripts.script("horizon"))
    project.server.reload()


def test_a_server_that_is_down_or_over_its_quota_ends_the_run_as_ever(project: Rig) -> None:
    project.server.misbehave({"kind": "answer", "status": 503, "times": None})
    with pytest.raises(TransientError):
        survey(project, USERS)
    project.server.behave()
    project.server.misbehave({"kind": "answer", "status": 402, "times": None})
    with pytest.raises(RefusedError):
        survey(project, USERS)
