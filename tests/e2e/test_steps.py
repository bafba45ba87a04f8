"""`setup` prints the commands that a project needs, in order: whoever types them has a whole copy."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLES = """
create schema auth;
create table auth.users (id int primary key);
create table public.people (id int primary key references auth.users, name text,
  updated_at timestamptz not null default now());
create table public.jobs (id bigint generated always as identity primary key, label text,
  updated_at timestamptz not null default now());
create table public.left_side (id int primary key, right_id int not null,
  updated_at timestamptz not null default now());
create table public.right_side (id int primary key, left_id int not null references public.left_side,
  updated_at timestamptz not null default now());
alter table public.left_side add foreign key (right_id) references public.right_side
  deferrable initially deferred;
grant select, insert, update, delete on all tables in schema public to service_role;
"""
TOUCH = """
create function public.touch() returns trigger language plpgsql as
  $$ begin new.updated_at := '2030-01-01'; return new; end $$;
create trigger touch before insert or update on public.jobs for each row execute function public.touch();
"""
NAMES = ("people", "jobs", "left_side", "right_side")
CONFIG = ENDS + ("tables:\n  people:\n  jobs:\n  left_side:\n  right_side: {depends_on: left_side}\n")


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, ROLES + TABLES, ROLES + TABLES, CONFIG) as made:
        made.old.run(
            "insert into auth.users select g from generate_series(1, 9) g;"
            "insert into public.people (id) select g from generate_series(1, 9) g;"
            "insert into public.jobs (label) select 'j' || g from generate_series(1, 9) g;"
            "insert into public.left_side select g, g from generate_series(1, 9) g;"
            "insert into public.right_side select g, g from generate_series(1, 9) g"
        )
        yield made


def commands(told: str) -> list[str]:
    """The commands that were printed, without their comments."""
    lines = told.partition("next, in this order:\n")[2].splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.startswith("  supasync ")]


def typed(space: Workspace, command: str) -> None:
    """Do as the line says: scripts are pasted, what is shown is looked at and then applied."""
    words = shlex.split(command)[1:]
    done = space.supasync(*words)
    assert done.code == 0, (command, done.out, done.err)
    if words[:2] == ["schema", "sql"]:
        side = space.old if "--old" in words else space.new
        side.run(done.out)
    if words[:2] == ["reconcile", "clear"]:
        assert space.supasync(*words, "--apply").code == 0


def test_a_project_that_needs_nothing_is_told_nothing_more(space: Workspace) -> None:
    space.new.run("drop table public.right_side cascade; drop table public.people, public.left_side")
    space.new.run("alter table public.jobs alter id drop identity")
    space.write("tables.yaml", CONFIG.partition("tables:")[0] + "tables:\n  jobs:\n")
    space.ready()
    told = commands(space.supasync("setup").out)
    assert told == [
        "supasync schema sql --old",
        "supasync sync",
        "supasync verify",
        "supasync schedule cron",
    ]


def test_whoever_types_what_setup_prints_has_a_whole_copy(space: Workspace) -> None:
    space.new.run(TOUCH)
    first = space.supasync("setup")
    assert first.code == 3
    told = commands(first.out)
    assert told[0] == "supasync schema sql"
    assert "supasync setup" in told
    assert "functions are" not in first.out, "there are none yet"
    typed(space, told[0])
    done = space.supasync("setup")
    assert done.code == 0
    told = commands(done.out)
    assert told == [
        "supasync schema sql --identity",
        "supasync schema sql --triggers guard",
        "supasync schema sql --foreign-keys off",
        "supasync schema sql --old",
        "supasync sync",
        "supasync verify",
        "supasync schedule cron",
    ]
    assert "NEW numbers id itself" in done.out
    assert "left_side -> right_side -> left_side: their rows refer to each other" in done.out
    for command in told:
        typed(space, command)
    space.assert_equal(*NAMES)
    again = space.supasync("setup").out
    assert commands(again) == told[3:]
    assert ("# the first load" in done.out, "# the first load" in again, "# copy what is new" in again) == (
        True,
        False,
        True,
    )

    space.new.run("insert into auth.users select g from generate_series(1, 9) g")
    for option in (["--foreign-keys", "on"], ["--identity", "always"]):
        space.new.run(space.supasync("schema", "sql", *option).out)
    keys = "select count(*) from pg_constraint where contype = 'f' and convalidated"
    assert space.new.rows(keys) == space.old.rows(keys)


def test_rows_that_new_made_are_looked_at_before_the_sync(space: Workspace) -> None:
    space.ready()
    space.new.run("insert into public.jobs overriding system value values (1001, 'own'), (1002, 'own')")
    told = commands(space.supasync("setup").out)
    assert told.index("supasync reconcile clear") + 1 == told.index("supasync sync")
    assert space.supasync("setup", "--json").json["next"][-3]["command"] == "supasync sync"
    for command in told:
        typed(space, command)
    space.assert_equal(*NAMES)
