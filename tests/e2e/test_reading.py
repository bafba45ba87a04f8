"""Ways of reading on real servers, where a plain rule would lose rows and say success."""

import signal
from collections.abc import Iterator

import psycopg
import pytest

from supasync_core.schema import scripts
from tests.e2e.workspace import TABLES_YAML, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLES = """
create table public.notes (id bigint primary key, text text, updated_at timestamptz, created_at timestamptz);
create table public.plans (id bigint primary key, price numeric);
create table public.log (id bigint primary key, line text);
create table public.days (id bigint primary key, name text, updated_at date);
create table public.texts (id bigint primary key, name text, updated_at text);
grant all on all tables in schema public to service_role;
"""
CONFIG = (
    TABLES_YAML.partition("tables:")[0]
    + """\
defaults: {page_size: 5}
tables:
  notes: {timestamp: [updated_at, created_at]}
  plans: {strategy: snapshot}
  days: {}
  texts: {overlap: 0s}
  log: {strategy: append, page_size: 100, overlap: 2s}
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
        made.old.run(scripts.script("horizon"))
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


@pytest.mark.parametrize("table", ["notes", "plans", "log"])
def test_an_empty_answer_without_a_count_is_no_empty_table(space: Workspace, table: str) -> None:
    space.old.run(f"insert into {table} (id) select generate_series(1, 12)")
    nothing = {"kind": "answer", "method": "GET", "path": f"/{table}\\?", "status": 200, "body": "[]"}
    headers = {"Content-Type": "application/json", "Content-Range": "*/*"}
    space.old.server.misbehave({**nothing, "headers": headers, "nth": 2, "times": None})
    done = space.supasync("sync", "--table", table)
    assert (done.code, f"{table}: incomplete: 0 of 12 rows came from OLD" in done.err) == (4, True), done.err
    space.old.server.behave()
    good(space, table)


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
            space.old.server.misbehave({"kind": "hold-before", "method": "GET", "path": "/log", "nth": 115})
            with space.command("sync", "--table", "log") as process:
                space.old.server.wait_held(seconds=60)
                process.send_signal(signal.SIGTERM)
                space.old.server.behave()
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


def test_rows_and_updates_of_the_same_day_follow(space: Workspace) -> None:
    space.old.run("insert into days values (5, 'a', current_date - 40), (6, 'a', current_date)")
    good(space, "days")
    good(space, "days")
    space.old.run("insert into days values (1, 'b', current_date); update days set name = 'c' where id = 6")
    good(space, "days")


FORMS = {
    "python": "to_char(now() at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US') || '+00:00'",
    "javascript": "to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS') || 'Z'",
    "plain": "to_char(now() at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS')",
}


@pytest.mark.parametrize("form", FORMS)
def test_texts_of_one_form_are_timestamps(space: Workspace, form: str) -> None:
    for key in range(3):
        space.old.run(f"insert into texts values ({9 - key}, 'x', {FORMS[form]})")  # noqa: S608 - fixed texts
        good(space, "texts")
        good(space, "texts")


def test_texts_of_several_forms_are_refused_by_name(space: Workspace) -> None:
    for key, form in enumerate(("python", "javascript")):
        space.old.run(f"insert into texts values ({key}, 'x', {FORMS[form]})")  # noqa: S608 - fixed texts
    done = space.supasync("sync", "--table", "texts")
    assert done.code == 3, done.out + done.err
    told = "YYYY-MM-DD HH:MM:SS+00:00 and YYYY-MM-DDTHH:MM:SSZ"
    assert f"texts: failed: the timestamp column updated_at (text) holds {told}" in done.err


def test_offsets_that_differ_are_no_fault_of_a_real_timestamp(space: Workspace) -> None:
    for end in (space.old, space.new):
        end.run(f"alter database {end.database} set timezone = 'Europe/Berlin'")
    space.old.run(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
        " and datname = current_database() and usename = 'authenticator'"
    )
    space.old.run("insert into notes (id, updated_at) values (1, '2026-01-05'), (2, '2026-07-05')")
    good(space, "notes")
