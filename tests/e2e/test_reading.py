"""Ways of reading on real servers, where a plain rule would lose rows and say success."""

import signal
from collections.abc import Iterator

import psycopg
import pytest

from supasync_rest import scripts
from tests.e2e.workspace import TABLES_YAML, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLES = """
create table public.notes (id bigint primary key, text text, updated_at timestamptz, created_at timestamptz);
create table public.plans (id bigint primary key, price numeric);
create table public.log (id bigint primary key, line text);
grant all on all tables in schema public to service_role;
"""
CONFIG = (
    TABLES_YAML.partition("tables:")[0]
    + """\
defaults: {page_size: 5}
tables:
  notes: {timestamp: [updated_at, created_at]}
  plans: {plugin: snapshot}
  log: {plugin: append, page_size: 100, overlap: 2s}
"""
)
TIMEOUT = {"kind": "answer", "method": "GET", "status": 500, "body": '{"code":"57014","message":"canceling"}'}


WITH_AND_WITHOUT = pytest.mark.parametrize("space", ["", "horizon: true"], indirect=True)


@pytest.fixture
def space(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Workspace]:
    folder, schema = tmp_path_factory.mktemp("reading"), ROLES + TABLES
    config = CONFIG.replace('ROLE_KEY}"}\nsink', f'ROLE_KEY}}", {getattr(request, "param", "")}}}\nsink')
    with between(cluster, folder, schema, schema, config) as made:
        made.old.run(scripts.horizon())
        yield made.ready()


def good(space: Workspace, table: str) -> str:
    done = space.supasync("sync", "--table", table)
    assert done.code == 0, done.out + done.err
    space.assert_equal(table)
    return done.out


@WITH_AND_WITHOUT
def test_rows_with_another_timestamp_or_none_hide_no_row(space: Workspace) -> None:
    space.old.run("insert into notes (id) select generate_series(1, 12)")
    good(space, "notes")
    space.old.run("insert into notes (id, created_at) select generate_series(101, 103), now()")
    good(space, "notes")
    space.old.run("update notes set updated_at = now() where id in (3, 102)")
    good(space, "notes")


@WITH_AND_WITHOUT
@pytest.mark.parametrize("table", ["notes", "plans", "log"])
def test_a_count_that_times_out_hides_no_row(space: Workspace, table: str) -> None:
    space.old.run(
        "insert into notes (id, created_at) select n, now() from generate_series(1, 12) n;"
        "insert into plans (id) select generate_series(1, 12);"
        "insert into log (id) select generate_series(1, 120)"
    )
    for _ in range(2):
        space.old.server.misbehave({**TIMEOUT, "path": f"/{table}"})
        good(space, table)


def test_rows_inserted_below_the_place_of_reading_hide_no_change(space: Workspace) -> None:
    space.old.run("insert into plans select n, 1 from generate_series(101, 110) n")
    good(space, "plans")
    space.old.run("update plans set price = 2 where id = 110")
    space.old.server.misbehave({"kind": "hold-before", "method": "GET", "path": "/plans", "nth": 2})
    with space.command("sync", "--table", "plans") as process:
        space.old.server.wait_held(seconds=60)
        space.old.run("insert into plans select n, 1 from generate_series(106, 109) n on conflict do nothing")
        space.old.run("insert into plans values (111, 1), (112, 1), (113, 1)")
        space.old.server.behave()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    space.assert_equal("plans")


@pytest.mark.parametrize("how", ["SIGTERM", "402"])
def test_a_key_that_is_held_while_a_run_is_stopped_is_not_passed(space: Workspace, how: str) -> None:
    space.old.run("insert into log select n, 'first' from generate_series(1, 50) n")
    good(space, "log")
    with psycopg.connect(space.old.cluster.url(space.old.database)) as slow:
        slow.execute("insert into log values (51, 'held')")
        space.old.run("insert into log select n, 'later' from generate_series(52, 12000) n")
        if how == "402":
            quota = {"kind": "answer", "status": 402, "body": '{"message": "exceed_egress_quota"}'}
            space.old.server.misbehave({**quota, "method": "GET", "path": "/log", "nth": 115})
            assert space.supasync("sync", "--table", "log").code == 3
        else:
            space.new.server.misbehave({"kind": "hold-before", "method": "POST", "path": "/log", "nth": 112})
            with space.command("sync", "--table", "log") as process:
                space.new.server.wait_held(seconds=60)
                process.send_signal(signal.SIGTERM)
                space.new.server.behave()
                process.communicate(timeout=60)
            assert process.returncode == 130
        space.old.server.behave()
    good(space, "log")


def test_pages_that_end_early_are_no_success(space: Workspace) -> None:
    space.old.run(
        "insert into notes (id, updated_at)"
        " select n, now() - n * interval '1 day' from generate_series(1, 12) n"
    )
    space.old.server.misbehave(
        {
            "kind": "answer",
            "status": 200,
            "body": "[]",
            "method": "GET",
            "path": "/notes.*(after|and=)",
            "times": None,
        }
    )
    done = space.supasync("sync", "--table", "notes", "--json")
    assert done.code == 4, done.out + done.err
    assert done.json["tables"]["notes"]["status"] == "incomplete"
    assert done.json["status"] == "partial"
    space.old.server.behave()
    good(space, "notes")
