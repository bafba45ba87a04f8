"""The state is saved while rows go on, never for rows that NEW has not confirmed, and never far behind."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.ticks (id bigint primary key, updated_at timestamptz not null);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
FILL = """
insert into public.ticks select g, now() - interval '1 day' + g * interval '1 second'
  from generate_series(1, 40000) g
"""
SAVED = 10_000
"""Rows after which a run saves its state, and as many may be confirmed meanwhile."""
BESIDE = 10_000
"""Rows of the batches on their way, or that wait for an earlier one: with two workers, five of four pages."""
CHANGE = "update public.ticks set id = case id when {0} then -id else id end, updated_at = now() where {1}"
CHANGES = {
    2: CHANGE.format(3, "id % 3 = 0"),
    9: CHANGE.format(50, "id % 5 = 0"),
    14: CHANGE.format(8000, "id < 9000"),
}
"""What the app does, by the save at which the run before it is killed: rows change, some their key."""


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, SCHEMA, SCHEMA, ENDS + "tables:\n  ticks: {page_size: 500}\n") as made:
        made.ready()
        made.old.run(FILL)
        yield made


def copied(space: Workspace) -> int:
    """How many rows NEW has."""
    return int(space.new.rows("select count(*) from public.ticks")[0][0])


def test_rows_go_on_while_the_state_is_saved_and_wait_once_as_many_again_are_confirmed(
    space: Workspace,
) -> None:
    space.new.server.misbehave({"kind": "hold-before", "path": "supasync_save", "nth": 2})
    with space.command("sync") as process:
        space.new.server.wait_held(seconds=60)
        before, ends = -1, time.monotonic() + 60
        while (now := copied(space)) != before or now < 2 * SAVED:
            assert time.monotonic() < ends, now
            before = now
            time.sleep(0.3)
        assert 2 * SAVED <= before <= 2 * SAVED + BESIDE
        space.new.server.release()
        assert process.wait(60) == 0
    space.assert_equal("ticks")


def test_a_save_that_fails_ends_the_run_and_the_next_one_sends_again_what_was_not_saved(
    space: Workspace,
) -> None:
    rule = {"kind": "answer", "path": "supasync_save", "nth": 2, "times": None, "status": 503}
    space.new.server.misbehave(rule)
    done = space.supasync("sync")
    assert done.code == 4, done.err
    assert copied(space) <= 2 * SAVED + BESIDE
    space.new.server.behave()
    assert space.supasync("sync").code == 0
    space.assert_equal("ticks")


@pytest.mark.parametrize("kind", ["hold-before", "hold-after"])
def test_a_run_that_is_killed_while_it_saves_and_writes_loses_nothing(space: Workspace, kind: str) -> None:
    """With four workers and a save every 500 rows; rows change between the runs."""
    space.write("tables.yaml", (space.folder / "tables.yaml").read_text() + "workers: 4\n")
    space.before += "\nfrom supasync_core.sync import checkpoint\ncheckpoint.CHECKPOINT_ROWS = 500\n"
    for nth, change in CHANGES.items():
        space.new.server.misbehave({"kind": kind, "path": "supasync_save", "nth": nth})
        with space.command("sync") as process:
            space.new.server.wait_held(seconds=60)
            process.send_signal(signal.SIGKILL)
        space.new.server.behave()
        space.old.run(change)
    assert space.supasync("sync").code == 0
    assert space.supasync("sync").code == 0
    missing = "select id, updated_at from public.ticks order by id"
    there = set(space.new.rows(missing))
    assert set(space.old.rows(missing)) <= there
    assert {key for key, _ in there} - {key for key, _ in space.old.rows(missing)} <= {3, 50, 8000}
