"""Rows that are read again are held to the columns that a transform gave all others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.users (id bigint primary key, v text, email text,
  updated_at timestamptz not null default now());
create table public.jobs (id bigint primary key, user_id bigint references public.users (id),
  updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + ("plugins: mine.py\ntables:\n  users: {transform: hidden}\n  jobs: {depends_on: [users]}\n")
PLUGIN = """
from supasync_core import hookimpl

@hookimpl
def supasync_register_transforms(registry):
    def hidden(row):
        if row["v"] == "private":
            del row["email"]
        return row
    registry.add("hidden", hidden)
"""
REFUSED = "after the transform hidden, the row id=3 and those before it differ in the columns email"


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    """Two rows were copied; a third one is about to."""
    with between(cluster, tmp_path, SCHEMA, SCHEMA, CONFIG) as made:
        made.write("mine.py", PLUGIN)
        made.ready()
        made.old.run(
            "insert into public.users select g, 'open', 'a@example.test' from generate_series(1, 2) g"
        )
        assert made.supasync("sync").code == 0
        yield made


def test_a_parent_that_is_fetched_with_its_child(space: Workspace) -> None:
    space.old.run("insert into public.users values (3, 'private', 'c@example.test')")
    space.old.run("insert into public.jobs values (1, 3)")
    done = space.supasync("sync", "--table", "jobs")
    assert done.code == 3, done.err
    assert REFUSED in done.err
    assert space.new.rows("select count(*) from public.users") == [(2,)]


def test_a_quarantined_row_that_is_tried_again(space: Workspace) -> None:
    space.new.run("alter table public.users add constraint few check (id < 3)")
    space.old.run("insert into public.users values (3, 'open', 'c@example.test')")
    assert space.supasync("sync").code == 3
    space.new.run("alter table public.users drop constraint few")
    space.old.run("update public.users set v = 'private' where id = 3")
    done = space.supasync("quarantine", "retry")
    assert done.code == 3, done.err
    assert REFUSED in done.err
    assert space.new.rows("select count(*) from public.users") == [(2,)]
    space.old.run("update public.users set v = 'open' where id = 3")
    assert space.supasync("quarantine", "retry").code == 0
    assert space.new.rows("select email from public.users where id = 3") == [("c@example.test",)]
