"""A table with `every` is read by an hourly run when it is due, in between only where others need it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = """
create table public.users (id bigint primary key, plan text, updated_at timestamptz not null default now());
create table public.plans (name text primary key, price int);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
LINKED = "alter table public.users add foreign key (plan) references public.plans"
ROWS = "insert into public.plans values ('free', 0), ('pro', 9); insert into public.users values (1, 'free');"
TABLES = f"""{ENDS}
tables:
  plans: {{key: name, strategy: snapshot, timestamp: [], every: 6h}}
  users: {{depends_on: [plans]}}
"""


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("every")
    with between(cluster, folder, ROLES + SCHEMA + ROWS, ROLES + SCHEMA + LINKED, TABLES) as space:
        space.ready()
        assert space.supasync("sync").code == 0
        yield space.keep()


@pytest.fixture
def space(made: Workspace) -> Workspace:
    return made.again()


def age(space: Workspace, name: str, hours: float) -> None:
    """Let the table's last complete read lie so far back."""
    ((number, state),) = space.new.rows("select seq, state from sync_metadata order by seq desc limit 1")
    state["tables"][name]["read_at"] = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    text = json.dumps(state)
    space.new.run(f"update sync_metadata set state = '{text}' where seq = {number}")  # noqa: S608 - a test's own


def test_a_run_in_between_leaves_the_table_out_and_asks_old_nothing_about_it(space: Workspace) -> None:
    space.old.run("insert into public.plans values ('team', 99)")
    done = space.supasync("sync", "--json")
    assert (done.code, done.json["tables"]["plans"]["status"]) == (0, "not due")
    assert not [request for request in space.old.server.requests() if "plans" in request]
    assert "plans: not due" in space.supasync("sync").out
    assert "('team',99)" not in space.new.texts("plans")
    (shown,) = [each for each in space.supasync("status", "--json").json["tables"] if each["name"] == "plans"]
    assert shown["lag_seconds"] > 0


def test_a_due_table_is_read_and_half_an_interval_early_is_due(space: Workspace) -> None:
    space.old.run("insert into public.plans values ('team', 99)")
    age(space, "plans", 5.4)
    assert space.supasync("sync", "--json").json["tables"]["plans"]["status"] == "not due"
    age(space, "plans", 5.6)
    assert space.supasync("sync", "--json").json["tables"]["plans"]["status"] == "ok"
    space.assert_equal("plans")


@pytest.mark.parametrize("words", [("--table", "plans"), ("--full", "plans")])
def test_a_table_that_is_asked_for_is_read_whenever_that_is(space: Workspace, words: tuple[str, str]) -> None:
    space.old.run("insert into public.plans values ('team', 99)")
    assert space.supasync("sync", *words).code == 0
    space.assert_equal("plans")


def test_a_row_that_another_table_refers_to_is_copied_before_its_table_is_due(space: Workspace) -> None:
    space.old.run("insert into public.plans values ('team', 99); insert into public.users values (2, 'team')")
    done = space.supasync("sync", "--json")
    assert (done.code, done.json["tables"]["plans"]["status"]) == (0, "not due")
    space.assert_equal("plans", "users")


def test_a_dry_run_counts_what_is_due(space: Workspace) -> None:
    done = space.supasync("sync", "--dry-run", "--json").json
    assert (list(done["rows"]), done["not_due"]) == (["users"], ["plans"])
    assert "plans: not due" in space.supasync("sync", "--dry-run").out


def test_a_duration_that_is_none_is_a_mistake_with_its_line(space: Workspace) -> None:
    space.write("tables.yaml", TABLES.replace("every: 6h", "every: often"))
    done = space.supasync("sync")
    assert done.code == 2
    assert "tables.yaml:7:64: tables.plans.every: expected a duration" in done.err
