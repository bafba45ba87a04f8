"""What a run has sent last may arrive after it has died, or lost its lease: nothing older stays in NEW."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from supasync_core.model import timestamps
from supasync_core.schema import scripts
from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.fork_server import Forked
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.plans (id bigint primary key, label text);
create table public.events (id bigint primary key, label text unique,
  updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
TABLES = ("plans", "events")
CONFIG = (
    ENDS.replace('ROLE_KEY}"}\nsink', 'ROLE_KEY}", horizon: true}\nsink')
    + """\
staging: {backend: duckdb, path: staging.duckdb}
defaults: {overlap: 0s, page_size: 4}
tables:
  plans: {strategy: snapshot}
  events: {page_size: 100}
"""
)
STRICT = "alter table public.events add check (label <> 'bad');"
ROWS = """
insert into public.plans select g, 'v1' from generate_series(1, 6) g;
insert into public.events select g, 'v1 ' || g, now() - interval '2 days' from generate_series(1, 6) g;
"""


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("late")
    with between(cluster, folder, SCHEMA + ROWS, SCHEMA + STRICT, CONFIG) as made:
        made.old.run(scripts.script("horizon"))
        yield made.ready().keep()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    """Copied and at rest: an idle run takes three requests."""
    made = shared.again()
    for _ in range(2):
        assert made.supasync("sync").code == 0
    made.requests()
    return made


def update(space: Workspace, table: str, label: str) -> None:
    """Row 1 changes."""
    stamp = ", updated_at = now()" if table == "events" else ""
    space.old.run(f"update public.{table} set label = '{label}'{stamp} where id = 1")  # noqa: S608


def killed_while_sending(space: Workspace, table: str, kind: str) -> None:
    """A run is killed when NEW has its batch of the table, before or after it took effect."""
    space.new.server.misbehave({"kind": kind, "method": "POST", "path": f"/{table}"})
    with space.command("sync") as process:
        space.new.server.wait_held(seconds=60)
        process.send_signal(signal.SIGKILL)


def arrived(space: Workspace, table: str, label: str) -> None:
    """What was held back is in NEW now."""
    space.new.server.behave()
    query = f"select label from public.{table} where id = 1"  # noqa: S608
    for _ in range(200):
        if space.new.rows(query) == [(label,)]:
            return
        time.sleep(0.02)
    raise AssertionError(space.new.rows(query))


def in_time(space: Workspace, seconds: int) -> None:
    """So much time has passed for the state: what may arrive has arrived."""

    def earlier(found: re.Match[str]) -> str:
        return f'"{found[1]}": "{timestamps.to_text(timestamps.parse(found[2]) - seconds * 1_000_000)}"'

    [(state,)] = space.new.rows("select state::text from sync_metadata order by seq desc limit 1")
    moved = re.sub('"(until|seen)": "([^"]+)"', earlier, state)
    with psycopg.connect(space.new.cluster.url(space.new.database)) as connection:
        connection.execute("update sync_metadata set state = %s where state is not null", [moved])


@pytest.mark.parametrize("table", TABLES)
def test_a_write_of_a_killed_run_that_arrives_late_is_written_over(space: Workspace, table: str) -> None:
    update(space, table, "v2")
    killed_while_sending(space, table, "hold-before")
    update(space, table, "v3")
    done = space.supasync("sync")
    assert done.code == 0, done.err
    assert "what it may have sent is read again until" in done.err
    space.assert_equal(*TABLES)
    arrived(space, table, "v2")
    assert space.supasync("sync").code == 0
    space.assert_equal(*TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_once_nothing_can_arrive_any_more_an_idle_run_is_idle_again(space: Workspace, table: str) -> None:
    update(space, table, "v2")
    killed_while_sending(space, table, "hold-before")
    update(space, table, "v3")
    assert space.supasync("sync").code == 0
    arrived(space, table, "v2")
    in_time(space, 601)
    done = space.supasync("sync")
    assert (done.code, "may have sent" in done.err) == (0, False)
    space.assert_equal(*TABLES)
    space.supasync("sync")
    space.requests()
    assert space.supasync("sync", "--json").json["records"] == 0
    assert space.requests() == 3


@pytest.mark.parametrize("table", TABLES)
def test_rows_of_a_run_that_died_long_ago_are_read_once_more(space: Workspace, table: str) -> None:
    update(space, table, "v2")
    killed_while_sending(space, table, "hold-before")
    arrived(space, table, "v2")
    in_time(space, 3600)
    done = space.supasync("sync")
    assert (done.code, "may have sent" in done.err) == (0, False)
    space.assert_equal(*TABLES)


def test_a_snapshot_whose_value_goes_back_after_a_killed_run_goes_back_in_new(space: Workspace) -> None:
    update(space, "plans", "v2")
    killed_while_sending(space, "plans", "hold-after")
    space.new.server.behave()
    update(space, "plans", "v1")
    assert space.supasync("sync").code == 0
    space.assert_equal(*TABLES)


def test_a_snapshot_whose_value_goes_back_after_a_save_was_refused_goes_back_in_new(space: Workspace) -> None:
    update(space, "plans", "v2")
    quota = {"kind": "answer", "status": 402, "path": "supasync_save", "nth": 2, "times": None}
    space.new.server.misbehave(quota)
    assert space.supasync("sync").code == 3
    assert ("v2",) in space.new.rows("select label from public.plans")
    space.new.server.behave()
    update(space, "plans", "v1")
    assert space.supasync("sync").code == 0
    space.assert_equal(*TABLES)


def test_a_snapshot_whose_value_goes_back_after_a_lost_answer_goes_back_in_new(space: Workspace) -> None:
    update(space, "plans", "v2")
    space.new.server.misbehave({"kind": "answer-after", "status": 400, "method": "POST", "path": "/plans"})
    assert space.supasync("sync").code == 3
    assert ("v2",) in space.new.rows("select label from public.plans")
    update(space, "plans", "v1")
    assert space.supasync("sync").code == 0
    space.assert_equal(*TABLES)


def test_no_row_is_sent_before_new_knows_that_rows_are_being_sent(space: Workspace) -> None:
    update(space, "plans", "v2")
    space.new.server.misbehave({"kind": "answer", "status": 402, "path": "supasync_save", "times": None})
    assert space.supasync("sync").code == 3
    assert ("v2",) not in space.new.rows("select label from public.plans")


def test_what_reconcile_changed_in_new_is_not_taken_for_unchanged(space: Workspace) -> None:
    space.write("plans.csv", "id,label\n1,mine\n")
    done = space.supasync("reconcile", "plans.csv", "new", "--table", "plans", "--apply")
    assert done.code == 0, done.out + done.err
    assert ("mine",) in space.new.rows("select label from public.plans")
    assert space.supasync("sync").code == 0
    space.assert_equal(*TABLES)


def test_a_row_that_was_removed_and_is_inserted_again_comes_back(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("strategy: snapshot", "strategy: snapshot, deletes: mirror"))
    assert space.supasync("sync").code == 0
    long_ago = "'{tables,plans,verified_at}', '\"2020-01-01T00:00:00Z\"'"
    space.new.run(f"update sync_metadata set state = jsonb_set(state, {long_ago})")  # noqa: S608
    update(space, "plans", "v2")
    space.old.server.misbehave({"kind": "hold-after", "method": "GET", "path": "/plans.*limit=4", "nth": 2})
    with space.command("sync") as process:
        space.old.server.wait_held(seconds=60)
        space.old.run("delete from public.plans where id = 6")
        space.old.server.behave()
        process.communicate(timeout=60)
    assert (6, "v1") not in space.new.rows("select * from public.plans")
    space.old.run("insert into public.plans values (6, 'v1')")
    assert space.supasync("sync").code == 0
    space.assert_equal(*TABLES)


def elsewhere(space: Workspace, folder: Path) -> Workspace:
    """The same settings on another machine."""
    for name in ("tables.yaml", ".env"):
        (folder / name).write_text((space.folder / name).read_text())
    return replace(space, folder=folder)


def watchful(space: Workspace) -> subprocess.Popen[str] | Forked:
    """A run to which half a second is what a minute is to others: it then renews its lease."""
    return replace(space, before="from supasync_core.project import lease; lease.RENEW = 0.5").command("sync")


@pytest.mark.parametrize("table", TABLES)
def test_a_run_that_slept_sends_no_row_under_a_lease_that_another_has(
    space: Workspace, table: str, tmp_path: Path
) -> None:
    update(space, table, "v2")
    space.new.server.misbehave({"kind": "answer", "status": 503, "method": "POST", "path": f"/{table}"})
    with watchful(space) as asleep:
        while not any(request["status"] == 503 for request in space.new.server.requests()):
            time.sleep(0.02)
        asleep.send_signal(signal.SIGSTOP)
        space.new.run("update sync_metadata set lease_until = now() where sync_status = 'running'")
        update(space, table, "v3")
        assert elsewhere(space, tmp_path).supasync("sync").code == 0
        time.sleep(0.6)
        asleep.send_signal(signal.SIGCONT)
        _, err = asleep.communicate(timeout=60)
    assert asleep.returncode == 5, err
    assert "another run has taken over the lease" in err
    space.assert_equal(*TABLES)


@contextmanager
def overtaken(space: Workspace, table: str, here: Workspace) -> Iterator[subprocess.Popen[str] | Forked]:
    """A run that is stopped while it sends v2; its lease has ended, and a run elsewhere has sent v3."""
    update(space, table, "v2")
    space.new.server.misbehave({"kind": "hold-before", "method": "POST", "path": f"/{table}"})
    with space.command("sync") as asleep:
        space.new.server.wait_held(seconds=60)
        asleep.send_signal(signal.SIGSTOP)
        space.new.run("update sync_metadata set lease_until = now() where sync_status = 'running'")
        update(space, table, "v3")
        assert here.supasync("sync").code == 0
        yield asleep


@pytest.mark.parametrize("table", TABLES)
def test_what_a_run_elsewhere_sent_before_it_lost_its_lease_is_written_over_for_a_day(
    space: Workspace, table: str, tmp_path: Path
) -> None:
    here = elsewhere(space, tmp_path)
    with overtaken(space, table, here) as asleep:
        in_time(space, 23 * 3600)
        assert here.supasync("sync").code == 0
        arrived(space, table, "v2")
        asleep.kill()
    assert here.supasync("sync").code == 0
    space.assert_equal(*TABLES)


def test_long_repairs_keep_the_lease(space: Workspace) -> None:
    space.old.run("insert into public.events select g, 'x' || g from generate_series(11, 18) g")
    update(space, "events", "bad")
    slow = {"kind": "delay", "seconds": 0.3, "method": "POST", "path": "/events", "times": None}
    space.new.server.misbehave(slow)
    with watchful(space) as process:
        _, err = process.communicate(timeout=60)
    saves = [request for request in space.new.server.requests() if "supasync_save" in request["path"]]
    assert process.returncode == 3, err
    assert len(saves) > 4
