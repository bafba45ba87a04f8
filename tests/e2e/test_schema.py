"""The tables of both projects compared: `schema diff`, `check`, and what `sync` looks at before it sends."""

from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ROWS, SCHEMA, TABLES_YAML, Workspace, between
from tests.servers.postgres import Cluster

DIFFERENT = """
alter table public.users drop column plan;
alter table public.users add column seen boolean not null default false;
alter table public.users alter column email type varchar(12);
alter table public.jobs alter column user_id set not null;
alter table public.jobs alter column payload set not null;
alter table public.jobs alter column created_at set default '2020-01-01';
alter table public.jobs drop constraint jobs_pkey cascade;
alter type public.job_status rename to old_status;
create type public.job_status as enum ('queued', 'running', 'done');
alter table public.jobs alter column status drop default;
alter table public.jobs alter column status type public.job_status using 'queued';
alter table public.jobs alter column status set default 'queued';
alter table public.usage_logs alter column id type integer;
alter table public.usage_logs alter column units type double precision;
alter table public.ad_sessions alter column segments type bigint[];
alter table public.ad_sessions alter column revenue drop not null;
drop table public.sessions;
create table public.extra (id int primary key);
grant select, insert on public.extra to service_role;
"""
"""What a hurried person makes of NEW."""
NOTES = """
update jobs set payload = null where id <= 3;
create table notes (id int primary key);
grant select on notes to service_role;
"""


@pytest.fixture(scope="module")
def apart(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """OLD as it is, NEW as somebody made it by hand."""
    old = SCHEMA + ROWS + NOTES
    with between(cluster, tmp_path_factory.mktemp("apart"), old, SCHEMA + DIFFERENT) as space:
        yield space


@pytest.fixture(scope="module")
def alike(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The same tables on both sides; tests change one and take it back."""
    with between(cluster, tmp_path_factory.mktemp("alike"), SCHEMA + ROWS, SCHEMA) as space:
        yield space.ready()


def test_the_same_tables_are_the_same_and_cost_three_requests(alike: Workspace) -> None:
    alike.requests()
    done = alike.supasync("schema", "diff")
    assert done.code == 0, done.out + done.err
    assert alike.requests() == 3
    assert "5 tables compared: 0 problems, 0 warnings" in done.out
    for hidden in ("identity", "unique", "triggers", "auth.users", "indexes", "policies"):
        assert hidden in done.out


def test_every_difference_is_told_with_its_weight(apart: Workspace) -> None:
    done = apart.supasync("schema", "diff", "--json")
    assert done.code == 1, done.err
    told = {(each["table"], each["column"], each["kind"]): each["level"] for each in done.json["differences"]}
    assert told == {
        ("users", "plan", "column"): "problem",
        ("users", "seen", "column"): "warning",
        ("users", "email", "type"): "problem",
        ("jobs", "user_id", "null"): "warning",
        ("jobs", "payload", "null"): "problem",
        ("jobs", "created_at", "default"): "warning",
        ("jobs", None, "key"): "problem",
        ("jobs", "status", "type"): "problem",
        ("usage_logs", "id", "type"): "problem",
        ("usage_logs", "job_id", "reference"): "warning",
        ("usage_logs", "units", "type"): "problem",
        ("ad_sessions", "segments", "type"): "warning",
        ("ad_sessions", "revenue", "null"): "warning",
        ("sessions", None, "table"): "problem",
        ("notes", None, "table"): "warning",
        ("extra", None, "table"): "warning",
    }


def test_check_finds_the_same_problems_and_setup_stops_at_them(apart: Workspace) -> None:
    apart.new.run(apart.supasync("schema", "sql").out)
    done = apart.supasync("check")
    assert done.code == 3
    for line in (
        "problem: users: NEW has no column plan",
        "problem: users.email is text in OLD, character varying(12) in NEW, which is narrower",
        "problem: jobs.status: NEW lacks 1 value: failed",
        "problem: usage_logs.id is bigint in OLD, integer in NEW, which is narrower",
        "warning: undecided: notes: 0 rows in OLD, NEW has no such table",
    ):
        assert line in done.out, done.out
    assert "jobs.payload is nullable in OLD, NOT NULL in NEW, and" in done.out
    assert "rows are NULL: refused by NEW" in done.out
    assert apart.supasync("setup").code == 3


def test_what_cannot_be_compared_is_trouble(alike: Workspace) -> None:
    rule = {"kind": "answer", "path": "", "times": None, "status": 404, "body": '{"code": "PGRST126"}'}
    alike.new.server.misbehave(rule)
    done = alike.supasync("schema", "diff", "--json")
    alike.new.server.behave()
    assert (done.code, done.json["exit_code"]) == (2, 2)
    assert "NEW" in done.json["error"]


def test_functions_of_new_that_do_not_answer_are_not_called_old_ones(alike: Workspace) -> None:
    rule = {"kind": "answer", "path": "supasync_ready_structure", "times": None, "status": 503}
    alike.new.server.misbehave(rule)
    done = alike.supasync("check")
    alike.new.server.behave()
    assert "warning: NEW's foreign keys were not looked at: NEW failed (503" in done.out, done.out
    assert "older supasync" not in done.out


def test_a_table_that_old_does_not_have_and_a_view_are_named(alike: Workspace) -> None:
    for end in (alike.old, alike.new):
        end.run("create view busy as select id, updated_at from jobs; grant select on busy to service_role")
    alike.write("tables.yaml", TABLES_YAML + "  fees: {}\n  busy: {}\n")
    done = alike.supasync("check")
    told = alike.supasync("schema", "diff")
    alike.write("tables.yaml", TABLES_YAML)
    for end in (alike.old, alike.new):
        end.run("drop view busy")
    assert done.code == 3
    assert "OLD has no table public.fees" in done.out
    assert "busy is a view in OLD" in done.out
    assert "fees: tables.yaml names it, and OLD has no such table" in told.out


def test_a_column_that_new_lacks_stops_its_table_before_a_row_is_sent(alike: Workspace) -> None:
    alike.new.run("alter table public.sessions rename column ip to address")
    done = alike.supasync("sync")
    alike.new.run("alter table public.sessions rename column address to ip")
    assert done.code == 3
    assert "sessions: failed: NEW has no column ip; no row was sent" in done.err
    assert "exclude: [ip]" in done.err
    assert alike.new.texts("sessions") == []
    assert len(alike.new.texts("jobs")) > 0
    assert alike.supasync("sync").code == 0
    alike.assert_equal()


def test_once_a_day_new_is_looked_at_though_nothing_changed(alike: Workspace) -> None:
    assert alike.supasync("sync").code == 0
    settled = "replace(state::text, '\"settled\": false', '\"settled\": true')::jsonb"
    alike.new.run(f"update sync_metadata set state = {settled}")  # noqa: S608 - a fixed text
    alike.new.run("alter table public.sessions rename column ip to address")
    assert alike.supasync("sync").code == 0, "no row is sent, and the last look is fresh"
    days_ago = "jsonb_set(state, '{schema_seen_at}', '\"2026-01-01T00:00:00Z\"')"
    alike.new.run(f"update sync_metadata set state = {days_ago}")  # noqa: S608 - a fixed text
    done = alike.supasync("sync")
    assert done.code == 3
    assert "sessions: failed: NEW has no column ip" in done.err
    assert alike.supasync("sync").code == 3, "it is looked at until it is whole"
    alike.new.run("alter table public.sessions rename column address to ip")
    assert alike.supasync("sync").code == 0
    alike.requests()
    assert alike.supasync("sync").code == 0
    assert alike.requests() == 7


def test_a_refused_row_names_the_difference_that_may_be_its_cause(alike: Workspace) -> None:
    assert alike.supasync("sync").code == 0
    alike.new.run(
        "alter table public.ad_sessions alter column provider type varchar(3) using left(provider, 3)"
    )
    alike.old.run("update public.ad_sessions set provider = 'much longer', updated_at = now()")
    done = alike.supasync("sync")
    alike.new.run("alter table public.ad_sessions alter column provider type text")
    assert done.code == 3
    assert "ad_sessions.provider is text in OLD, character varying(3) in NEW, which is narrower" in done.err


def test_a_state_of_an_earlier_version_is_read(alike: Workspace) -> None:
    alike.new.run("update sync_metadata set state = state - 'schema_seen_at'")
    done = alike.supasync("sync", "--table", "users")
    assert done.code == 0, done.err
