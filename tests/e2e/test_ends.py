"""When OLD ends, and who is told: phases, ways on, messages and pings, by the installed command."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ROWS, SCHEMA, TABLES_YAML, Workspace, between
from tests.servers.postgres import Cluster
from tests.supasync_notify.listener import Listener, listening


@pytest.fixture(scope="module")
def heard() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture(scope="module")
def shared(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, heard: Listener
) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("ends")
    with between(cluster, folder, SCHEMA + ROWS, SCHEMA) as space:
        text = (folder / ".env").read_text()
        urls = f"SUPASYNC_PING_URL={heard.url}/check\nSUPASYNC_WEBHOOK_URL={heard.url}/secret-hook\n"
        space.write(".env", text + urls)
        yield space


@pytest.fixture
def space(shared: Workspace) -> Iterator[Workspace]:
    yield shared
    shared.old.server.behave()
    shared.write("tables.yaml", TABLES_YAML)


def phase(space: Workspace) -> tuple[int, str]:
    found = space.supasync("status", "--json").json["phase"]
    return found["number"], "\n".join(found["next"])


def test_from_the_preparation_to_the_switch(space: Workspace, heard: Listener) -> None:
    space.new.run(space.supasync("schema", "sql").out)
    assert phase(space) == (1, "supasync setup")
    done = space.supasync("sync")
    assert done.code == 3
    assert heard.take()[0] == ["/check/fail"], "a run that never began is told"
    space.supasync("setup")
    assert phase(space)[0] == 1
    assert space.supasync("sync").code == 0
    pings, texts = heard.take()
    assert (pings, len(texts)) == (["/check"], 1)
    assert phase(space)[0] == 2
    assert "phase 2 of 4: continuous sync" in space.supasync("status").out
    assert space.supasync("state", "close").code == 0
    assert phase(space)[0] == 4
    assert space.supasync("state", "reopen").code == 0
    assert phase(space)[0] == 2
    heard.take()


@pytest.mark.parametrize(
    ("rule", "reason", "words"),
    [
        (
            {"status": 402, "body": json.dumps({"message": "exceed_egress_quota"})},
            "quota",
            "OLD is over its quota",
        ),
        ({"status": 540, "body": "<html>paused</html>"}, "paused", "restore it in the dashboard"),
    ],
)
def test_where_old_has_ended_status_prints_the_way_on(
    space: Workspace, heard: Listener, rule: dict[str, object], reason: str, words: str
) -> None:
    heard.take()
    space.old.server.misbehave({"kind": "answer", "times": None, **rule})
    before = space.new.rows("select state -> 'tables' from sync_metadata where state is not null")
    for _ in range(2):
        done = space.supasync("sync")
        assert done.code == 3
    after = space.new.rows("select state -> 'tables' from sync_metadata where state is not null")
    assert after == before, "cursors stay"
    run = space.supasync("status", "--json").json["runs"][0]
    assert run["details"]["ended"] == {"reason": reason, "project": "OLD"}
    number, way = phase(space)
    assert number == 3
    assert words in way
    assert "supasync gap sql --out queries" in way
    assert "supasync gap import export" in way
    pings, texts = heard.take()
    assert pings == ["/check/fail", "/check/fail"]
    assert len(texts) == 1
    assert f"sync fails (exit 3): OLD: {reason}" in texts[0]
    space.old.server.behave()
    assert space.supasync("sync").code == 0
    assert phase(space)[0] == 2
    assert len(heard.take()[1]) == 1


def test_an_address_that_nobody_has_passes_at_first_and_ends_old_when_it_lasts(
    space: Workspace, heard: Listener
) -> None:
    heard.take()
    gone = {"OLD_SUPABASE_URL": "https://no-such-project.invalid"}
    source = space.old.server.url.removeprefix("http://").removesuffix("/rest/v1")
    claim = "update sync_metadata set state = jsonb_set(state, '{source}', '\"%s\"') where state is not null"
    space.new.run(claim % "no-such-project.invalid")
    done = space.supasync("sync", environment=gone)
    assert done.code == 4, done.err
    assert heard.take() == (["/check/log"], [])
    told = space.supasync("status", "--json", environment=gone).json
    assert told["runs"][0]["details"]["ended"] == {"reason": "unreachable", "project": "OLD"}
    assert told["phase"]["number"] == 2
    space.new.run(
        "update sync_metadata set state = jsonb_set(state, '{last_success}', '\"2020-01-01T00:00:00Z\"') "
        "where state is not null"
    )
    told = space.supasync("status", "--json", environment=gone).json
    assert told["phase"]["number"] == 3
    assert "OLD cannot be reached" in told["phase"]["next"][0]
    space.new.run(claim % source)


def test_a_mistake_in_the_settings_is_told_and_an_address_is_never_printed(
    space: Workspace, heard: Listener
) -> None:
    space.supasync("sync")
    heard.take()
    space.write("tables.yaml", "nonsense: 1\n")
    done = space.supasync("sync")
    assert done.code == 2
    pings, texts = heard.take()
    assert pings == ["/check/fail"]
    assert "sync fails (exit 2): tables.yaml or .env cannot be used" in texts[0]
    heard.status = 500
    space.write("tables.yaml", TABLES_YAML)
    done = space.supasync("sync")
    heard.status = 200
    assert done.code == 0
    assert "note: SUPASYNC_WEBHOOK_URL answers 500" in done.err
    assert heard.url not in done.out + done.err
    assert "secret-hook" not in done.out + done.err


def test_a_dry_run_and_a_switched_off_one_tell_nobody(space: Workspace, heard: Listener) -> None:
    heard.take()
    assert space.supasync("sync", "--dry-run").code == 0
    assert space.supasync("sync", environment={"ENABLE_HOURLY_SYNC": "false"}).code == 0
    assert heard.take() == ([], [])
