"""Rows that NEW's own app makes under keys that OLD once had are NEW's: nothing removes them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = """
create table public.members (id text primary key, v text, updated_at timestamptz not null default now());
create table public.marked (id text primary key, v text, updated_at timestamptz not null default now(),
  deleted_at timestamptz);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
CONFIG = ENDS + "tables:\n  members: {deletes: mirror}\n  marked: {soft_delete: deleted_at}\n"
ROWS = """
insert into public.members select 'user' || g, 'OLD', now() - interval '1 hour' from generate_series(1, 60) g;
insert into public.marked select 'user' || g, 'OLD', now() - interval '1 hour' from generate_series(1, 60) g;
"""
OWN = "insert into public.{} (id, v) values ('user7', 'NEW')"
LAST = "select v from public.{} where id = 'user7'"


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, ROLES + SCHEMA, ROLES + SCHEMA, CONFIG) as made:
        made.old.run(ROWS)
        yield made.ready()


def a_day_later(space: Workspace) -> None:
    """The next run looks for deleted rows."""
    then, long_ago = '"verified_at": "2[^"]*"', '"verified_at": "2020-01-01T00:00:00Z"'
    day = f"regexp_replace(state::text, '{then}', '{long_ago}', 'g')"
    space.new.run(f"update sync_metadata set state = {day}::jsonb where state is not null")  # noqa: S608
    done = space.supasync("sync")
    assert done.code in {0, 3}, done.err


def test_the_removal_of_a_row_uses_up_the_proof_that_it_was_olds(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    space.old.run("delete from public.members where id = 'user7'")
    space.old.run("update public.marked set deleted_at = now() where id = 'user7'")
    a_day_later(space)
    for table in ("members", "marked"):
        assert space.new.rows(LAST.format(table)) == []
        space.new.run(OWN.format(table))
    for _ in range(2):
        a_day_later(space)
        for table in ("members", "marked"):
            assert space.new.rows(LAST.format(table)) == [("NEW",)]


def test_a_row_that_is_marked_again_after_it_was_restored_is_removed_again(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    for moment in ("now()", "now() + interval '20 seconds'"):  # later than the removal, for certain
        space.old.run(f"update public.marked set deleted_at = {moment} where id = 'user7'")  # noqa: S608
        assert space.supasync("sync").code == 0
        assert space.new.rows(LAST.format("marked")) == []
        space.old.run("update public.marked set deleted_at = null, updated_at = now() where id = 'user7'")
        assert space.supasync("sync").code == 0
        assert space.new.rows(LAST.format("marked")) == [("OLD",)]


def test_a_row_that_new_refused_proves_nothing(space: Workspace) -> None:
    space.new.run("alter table public.members add constraint short check (v <> 'BAD')")
    assert space.supasync("sync").code == 0
    a_day_later(space)
    space.old.run("insert into public.members values ('late', 'BAD')")
    assert space.supasync("sync").code == 3
    assert space.supasync("verify").code == 1
    space.new.run("insert into public.members (id, v) values ('late', 'NEW')")
    space.old.run("delete from public.members where id = 'late'")
    a_day_later(space)
    assert space.new.rows("select v from public.members where id = 'late'") == [("NEW",)]
