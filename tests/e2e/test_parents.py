"""Rows that refer to what is not copied, as accounts of Supabase Auth: they wait, and nothing else does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

ACCOUNTS = "insert into auth.users select lpad(to_hex(g), 32, '0')::uuid from generate_series({}, {}) g"
PEOPLE = """
insert into public.users (id, name)
  select lpad(to_hex(g), 32, '0')::uuid, 'u' || g from generate_series({0}, {1}) g;
insert into public.posts (id, author)
  select g, lpad(to_hex(g), 32, '0')::uuid from generate_series({0}, {1}) g
"""
MOVED = """
update public.posts set author = lpad(to_hex({}), 32, '0')::uuid, updated_at = now() where id = {}
"""
TABLES = (
    ROLES
    + """
create schema auth;
create table auth.users (id uuid primary key);
create table public.users (id uuid primary key references auth.users, name text,
  updated_at timestamptz not null default now());
create table public.teams (id int primary key, name text, updated_at timestamptz not null default now());
create table public.posts (id int primary key, author uuid references public.users, team int
  references public.teams, updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + (
    "defaults: {page_size: 200}\ntables:\n  users:\n  teams:\n  posts: {depends_on: [users, teams]}\n"
)
NAMES = ("users", "teams", "posts")
OLDER = "drop function supasync_ready_structure(jsonb); drop function supasync_ready_orphans(jsonb, jsonb)"


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, TABLES, TABLES, CONFIG) as made:
        yield made.ready()


def accounts(space: Workspace, side: str, first: int, last: int) -> None:
    end = space.old if side == "old" else space.new
    end.run(ACCOUNTS.format(first, last))


def people(space: Workspace, first: int, last: int) -> None:
    """Somebody signs up in OLD, and writes."""
    accounts(space, "old", first, last)
    space.old.run(PEOPLE.format(first, last))


@pytest.mark.parametrize("functions", ["today", "older"])
def test_only_the_rows_without_an_account_wait_and_arrive_with_it(space: Workspace, functions: str) -> None:
    if functions == "older":
        space.new.run(OLDER)
    people(space, 1, 150)
    space.old.run("insert into public.teams values (1, 'a'); insert into public.posts values (999, null, 1)")
    accounts(space, "new", 1, 147)
    space.requests()
    done = space.supasync("sync")
    assert done.code == 3, done.err
    assert "users: 3 rows wait for a parent that is not in NEW" in done.err
    assert space.requests() < 60
    assert [len(space.new.texts(name)) for name in NAMES] == [147, 1, 148]
    told = space.supasync("quarantine", "list", "--json").json
    assert {row["table"] for row in told} == {"users", "posts"}
    reason = next(row["reason"] for row in told if row["table"] == "users")
    where = "auth.users" if functions == "today" else "users"
    assert f"waits for its parent in {where}, which is not in NEW: id refers to it" in reason
    assert "supasync auth sync" in reason

    told = space.supasync("verify")
    assert told.code == 1
    assert "quarantined, see supasync quarantine list: 3" in told.out
    assert "in flight" not in told.out

    people(space, 151, 151)
    assert space.supasync("sync").code == 0, "an alert comes once"
    accounts(space, "new", 148, 151)
    done = space.supasync("sync")
    assert done.code == 0, done.err
    assert space.supasync("quarantine", "list").out.strip() == "no row is quarantined"
    space.assert_equal(*NAMES)


def test_rows_with_an_account_wait_for_no_others_where_new_names_one_at_a_time(space: Workspace) -> None:
    space.new.run(OLDER)
    people(space, 1, 150)
    accounts(space, "new", 31, 150)
    space.requests()
    for _ in range(3):
        space.supasync("sync")
    assert space.requests() < 600
    assert [len(space.new.texts(name)) for name in NAMES] == [120, 0, 120]
    accounts(space, "new", 30, 30)
    space.old.run("update public.users set name = 'b', updated_at = now() where id::text like '%096'")
    space.supasync("sync")
    assert [len(space.new.texts(name)) for name in NAMES] == [121, 0, 121]
    assert set(space.old.texts("users")) > set(space.new.texts("users"))


@pytest.mark.parametrize("functions", ["today", "older"])
def test_no_account_at_all_stops_no_other_table_and_asks_little(space: Workspace, functions: str) -> None:
    if functions == "older":
        space.new.run(OLDER)
    people(space, 1, 300)
    space.old.run("insert into public.teams values (1, 'a'); insert into public.posts values (999, null, 1)")
    space.requests()
    done = space.supasync("sync")
    assert done.code == 3, done.err
    assert "users: 300 rows wait for a parent that is not in NEW" in done.err
    assert "internal error" not in done.err
    assert space.requests() < (120 if functions == "today" else 200)
    assert [len(space.new.texts(name)) for name in NAMES] == [0, 1, 1]
    space.requests()
    assert space.supasync("sync").code == 0
    assert space.requests() < (120 if functions == "today" else 400)
    accounts(space, "new", 1, 300)
    assert space.supasync("sync").code == 0
    space.assert_equal(*NAMES)


def test_thousands_of_waiting_rows_are_no_list_and_still_arrive_all(space: Workspace) -> None:
    people(space, 1, 2600)
    assert space.supasync("sync").code == 3
    told = space.supasync("quarantine", "list", "--json").json
    assert {(row["table"], tuple(row["key"])) for row in told} == {("users", ()), ("posts", ())}
    assert {row["rows"] for row in told} == {2600}
    assert "5,200 rows are quarantined" in space.supasync("status").out
    assert len(str(space.new.rows("select state from sync_metadata where state is not null"))) < 20_000
    space.requests()
    assert space.supasync("sync").code == 0
    assert space.requests() < 250
    accounts(space, "new", 1, 2600)
    space.old.run("update public.users set name = 'late' where name = 'u7'")
    for _ in range(6):
        done = space.supasync("sync")
        assert done.code == 0, done.err
    assert space.supasync("quarantine", "list").out.strip() == "no row is quarantined"
    space.assert_equal(*NAMES)


def test_a_row_whose_reference_changed_to_no_account_is_not_stale_for_ever(space: Workspace) -> None:
    people(space, 1, 1100)
    accounts(space, "new", 1, 5)
    assert space.supasync("sync").code == 3
    assert len(space.new.texts("users")) == 5
    space.old.run(MOVED.format(900, 3))
    assert space.supasync("sync").code == 0
    accounts(space, "new", 6, 1100)
    assert space.supasync("quarantine", "retry").code == 0
    space.assert_equal(*NAMES)


def test_what_an_account_waits_for_is_gone_from_old(space: Workspace) -> None:
    people(space, 1, 3)
    assert space.supasync("sync").code == 3
    space.old.run("delete from public.posts; delete from public.users")
    assert space.supasync("sync").code == 0
    assert space.supasync("quarantine", "list").out.strip() == "no row is quarantined"


def test_keys_to_what_is_not_copied_are_named_before_the_first_sync(space: Workspace) -> None:
    space.new.run(
        "create table public.plans (id int primary key);"
        "alter table public.teams add foreign key (id) references public.plans"
    )
    told = space.supasync("check")
    assert told.code == 0
    assert "users: id refers to auth.users, which is not copied" in told.out
    assert "copy the accounts first" in told.out
    assert "teams: id refers to plans, which is not copied" in told.out
    assert "add plans to tables.yaml" in told.out
    assert "author refers" not in told.out
    space.new.run(OLDER)
    told = space.supasync("check")
    assert "NEW's functions are those of an older supasync" in told.out
    assert told.code == 0


@pytest.fixture
def several(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    made = """
    create table public.categories (team_id int, slug text, name text, updated_at timestamptz not null
      default now(), primary key (team_id, slug));
    create table public.articles (id int primary key, category_slug text, team_id int,
      updated_at timestamptz not null default now(),
      foreign key (category_slug, team_id) references public.categories (slug, team_id));
    grant select, insert, update, delete on all tables in schema public to service_role;
    """
    keys = "alter table categories add unique (slug, team_id);"
    made = made.replace("create table public.articles", keys + "create table public.articles")
    tables = "  articles:\n  categories: {key: [team_id, slug]}\n"
    config = CONFIG.split("tables:\n")[0] + "tables:\n" + tables
    with between(cluster, tmp_path, ROLES + made, ROLES + made, config) as space:
        yield space.ready()


def test_a_key_of_several_columns_is_matched_by_its_own_pairs(several: Workspace) -> None:
    several.old.run(
        "insert into categories select g % 3, 's' || g from generate_series(1, 30) g;"
        "insert into articles select g, 's' || g, g % 3 from generate_series(1, 30) g"
    )
    done = several.supasync("sync", "--table", "articles")
    assert done.code == 0, done.err
    several.assert_equal("categories", "articles")


def test_where_nothing_tells_the_pairs_the_row_is_set_aside_with_that_reason(several: Workspace) -> None:
    several.new.run(OLDER)
    several.old.run(
        "insert into categories values (1, 's'); insert into articles values (1, 's', 1), (2, null, 1)"
    )
    done = several.supasync("sync", "--table", "articles")
    assert done.code == 3, done.err
    (told,) = several.supasync("quarantine", "list", "--json").json
    assert (told["table"], told["key"], told["sqlstate"]) == ("articles", ["1"], "23503")
    assert "which columns of categories the foreign key (category_slug, team_id) refers to" in told["reason"]
    assert several.supasync("sync").code == 0
    assert several.supasync("quarantine", "retry").code == 0
    several.assert_equal("categories", "articles")
