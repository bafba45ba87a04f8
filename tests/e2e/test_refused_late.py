"""Where NEW is fenced it refuses a late write itself: the next run need not write over it."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.e2e.test_late import CONFIG, ROWS, SCHEMA, TABLES, elsewhere, overtaken, update
from tests.e2e.workspace import Workspace, between
from tests.servers.postgres import Cluster

GUARDED = """
create function public.stamp() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger stamp before insert on public.plans for each row execute function public.stamp();
"""
LOCKS = "select count(*) from pg_locks where locktype = 'advisory'"
OURS = "select tgname from pg_trigger where tgname like 'supasync%'"
FUNCTIONS = "select proname from pg_proc where proname ~ 'supasync_(fence|writes)'"


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("fenced")
    config = CONFIG.replace(", horizon: true", "")
    with between(cluster, folder, SCHEMA + ROWS, SCHEMA + GUARDED, config) as made:
        yield made.ready().keep()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    """Fenced, and copied."""
    made = shared.again()
    paste(made, "--fence")
    assert made.supasync("sync").code == 0
    return made


def paste(space: Workspace, *options: str) -> None:
    """Run in NEW what supasync prints."""
    done = space.supasync("schema", "sql", *options)
    assert done.code == 0, done.err
    space.new.run(done.out)


def until(told: Callable[[], object]) -> None:
    """Wait until this is true of NEW."""
    for _ in range(1500):
        if told():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def refused(space: Workspace, table: str) -> bool:
    """Whether NEW has refused a write to the table."""
    answers = [each for each in space.new.server.requests() if f"/{table}?" in each["path"]]
    return 400 in [each["status"] for each in answers]


def label(space: Workspace, table: str) -> str:
    [(text,)] = space.new.rows(f"select label from public.{table} where id = 1")  # noqa: S608
    return str(text)


@pytest.mark.parametrize("table", TABLES)
def test_new_refuses_what_a_run_sent_before_it_lost_its_lease(
    space: Workspace, table: str, tmp_path: Path
) -> None:
    with overtaken(space, table, elsewhere(space, tmp_path)) as asleep:
        space.new.server.behave()
        try:
            until(lambda: refused(space, table))
        finally:
            asleep.send_signal(signal.SIGCONT)
        _, err = asleep.communicate(timeout=60)
    assert (asleep.returncode, "another run has taken over the lease" in err) == (5, True), err
    assert label(space, table) == "v3"
    space.assert_equal(*TABLES)


def test_a_run_begins_once_a_write_of_a_killed_one_that_waits_for_a_row_has_ended(space: Workspace) -> None:
    update(space, "events", "v2")
    with psycopg.connect(space.new.cluster.url(space.new.database)) as app:
        app.execute("select from public.events where id = 1 for update")
        with space.command("sync") as process:
            until(lambda: space.new.rows(LOCKS + " and mode = 'ShareLock'") == [(1,)])
            process.send_signal(signal.SIGKILL)
        update(space, "events", "v3")
        with space.command("sync") as process:
            until(lambda: space.new.rows(LOCKS + " and not granted") == [(1,)])
            app.rollback()
            _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert label(space, "events") == "v3"


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_nobody_but_the_secret_key_meets_the_fence(space: Workspace, role: str) -> None:
    headers = {"x-supasync": "write", "x-supasync-run": "00000000-0000-0000-0000-000000000000"}
    space.new.run("grant select, insert, delete on public.plans to anon, authenticated")
    with psycopg.connect(space.new.cluster.url(space.new.database)) as connection:
        connection.execute("select set_config('request.headers', %s, true)", [json.dumps(headers)])
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        if role == "service_role":
            with pytest.raises(psycopg.errors.Error) as caught:
                connection.execute("delete from public.plans")
            assert caught.value.sqlstate == "SUP01"
            return
        connection.execute("insert into public.plans values (7, 'theirs')")
        assert connection.execute(LOCKS).fetchall() == [(0,)]


def test_the_fence_and_guarded_triggers_leave_each_other_alone(space: Workspace) -> None:
    paste(space, "--triggers", "guard")
    paste(space, "--triggers", "off")
    paste(space, "--triggers", "on")
    paste(space, "--triggers", "guard")
    paste(space, "--fence", "on")
    check = space.supasync("check")
    assert "supasync_fence" not in check.out + check.err
    paste(space, "--triggers", "unguard")
    assert len(space.new.rows(OURS)) == 3
    update(space, "plans", "v2")
    assert space.supasync("sync").code == 0
    paste(space, "--triggers", "guard")
    paste(space, "--fence", "off")
    assert (space.new.rows(OURS), space.new.rows(FUNCTIONS)) == ([], [("supasync_writes",)])
    paste(space, "--triggers", "unguard")
    assert space.new.rows(FUNCTIONS) == []
    paste(space, "--fence")
    paste(space, "--uninstall")
    assert (space.new.rows(OURS), space.new.rows(FUNCTIONS)) == ([], [])
    paste(space)
