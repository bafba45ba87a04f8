"""The state is saved while rows go on, never for rows that NEW has not confirmed, and never far behind."""

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
BESIDE = 5_000
"""Rows of the batches that may be on their way, or wait for an earlier one, with two workers."""


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, SCHEMA, SCHEMA, ENDS + "tables:\n  ticks:\n") as made:
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
