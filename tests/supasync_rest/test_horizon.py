"""The optional function in OLD: what it tells, to whom, and when it tells nothing."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from supasync_core.schema import scripts
from tests.servers.hosted import OWNER, Hosted, hosted
from tests.servers.postgres import Cluster

SCHEMA = """
create table users (id uuid primary key default gen_random_uuid(), email text, updated_at timestamptz,
  created_at timestamptz not null default now());
create table "odd ""one"" of ours" (id bigint primary key, "the %I" timestamp);
create view seen as select * from users;
create table secret (id int primary key);
alter table users enable row level security;
grant select on users, "odd ""one"" of ours", seen to service_role;
"""
USERS: tuple[str, str, tuple[str, ...]] = ("public", "users", ("updated_at", "created_at"))


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Hosted]:
    with hosted(cluster, SCHEMA) as made:
        for _ in range(2):
            made.paste(scripts.script("horizon"))
        yield made


def ask(project: Hosted, *tables: tuple[str, str, tuple[str, ...]]) -> dict[str, Any]:
    """As PostgREST asks for a GET: as service_role, in a transaction that only reads."""
    given = json.dumps(tables).replace("'", "''")
    text = f"set role service_role; set transaction read only; select supasync_horizon('{given}')"
    [(told,)] = project.paste(f"begin; {text}", "authenticator")
    found: dict[str, Any] = told
    return found


def test_it_tells_rows_newest_values_and_the_size(project: Hosted) -> None:
    project.paste(
        "truncate users; insert into users (updated_at, created_at) values "
        "('2024-01-01T00:00:00.1Z', '2020-01-01Z'), (null, '2023-01-01Z')"
    )
    told = ask(project, USERS, ("public", 'odd "one" of ours', ("the %I",)))
    users, odd = told["tables"]
    assert users["rows"] == 2
    assert users["newest"] == {
        "updated_at": "2024-01-01T00:00:00.1+00:00",
        "created_at": "2023-01-01T00:00:00+00:00",
    }
    assert (odd["rows"], odd["newest"]) == (0, {"the %I": None})
    assert (users["unindexed"], odd["unindexed"]) == (["updated_at", "created_at"], ["the %I"])
    project.paste("create index made on users (updated_at, id)")
    assert ask(project, USERS)["tables"][0]["unindexed"] == ["created_at"]
    project.paste("drop index made")
    assert told["database_bytes"] == project.one("select pg_database_size(current_database())")


@pytest.mark.parametrize(
    "change",
    [
        "insert into users default values",
        "insert into users (updated_at) values ('1999-01-01Z')",
        "update users set email = email where id = (select id from users limit 1)",
        "delete from users where id = (select id from users limit 1)",
        "alter table users add column more int",
        "alter table users drop column spare",
    ],
)
def test_every_change_gives_another_version_and_nothing_else_does(project: Hosted, change: str) -> None:
    project.paste(
        "insert into users (email) values ('a'), ('b'); alter table users add column if not exists spare int"
    )
    versions = [ask(project, USERS)["tables"][0]["version"]]
    project.paste("vacuum (freeze) users")
    project.paste("begin; insert into users default values; rollback")
    versions.append(ask(project, USERS)["tables"][0]["version"])
    project.paste(change)
    versions.append(ask(project, USERS)["tables"][0]["version"])
    assert versions[0] == versions[1] != versions[2]


def test_what_it_cannot_tell_is_null_and_the_rest_is_told(project: Hosted) -> None:
    asked = (
        ("public", "missing", ()),
        ("public", "seen", ("updated_at",)),
        ("public", "secret", ("id",)),
        ("public", "users", ("no_column",)),
        ("public", "users", ("id",)),
        ("public'; drop table users; --", 'x"; drop table users; --', ("y'); drop table users; --",)),
    )
    *nothing, users = ask(project, *asked, USERS)["tables"]
    assert nothing == [None] * len(asked)
    assert users["rows"] >= 0


def test_an_open_transaction_holds_the_horizon_and_is_named(project: Hosted) -> None:
    with psycopg.connect(project.cluster.url(project.database, OWNER), application_name="slow") as slow:
        row = slow.execute("select now()").fetchone()
        began = row[0] if row else None
        assert isinstance(began, datetime)
        told = ask(project, USERS)
        assert datetime.fromisoformat(told["horizon"]) == began - timedelta(seconds=1)
        assert (told["held"]["pid"], told["held"]["state"]) == (slow.info.backend_pid, "idle in transaction")
        assert told["held"]["application"] == "slow"
    told = ask(project, USERS)
    assert told["held"] is None
    behind = datetime.fromisoformat(told["now"]) - datetime.fromisoformat(told["horizon"])
    assert behind == timedelta(seconds=1)


def test_transactions_of_other_databases_do_not_count(project: Hosted) -> None:
    with psycopg.connect(project.cluster.url("postgres")) as other:
        other.execute("select 1")
        assert ask(project, USERS)["held"] is None


CAST = """
create type public.stage as enum ('a', 'b');
create table public.ran (by text);
grant all on public.ran to public;
create table public.staged (id int primary key, stage public.stage);
create function public.shown(public.stage) returns json language plpgsql as
  $$begin insert into public.ran values (current_user); return '"x"'::json; end$$;
create cast (public.stage as json) with function public.shown(public.stage);
insert into public.staged values (1, 'a');
grant select on public.staged to service_role;
"""


def test_no_cast_of_a_type_of_somebody_runs_with_the_rights_of_its_owner(project: Hosted) -> None:
    """`to_jsonb` calls a cast to json of any type that is not PostgreSQL's own."""
    project.paste(CAST)
    found = 'select supasync_horizon(\'[["public", "staged", ["stage"]]]\') -> \'tables\''
    assert project.one(found) == [None]
    assert project.one("select count(*) from public.ran") == 0


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_nobody_else_may_call_it(project: Hosted, role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        project.paste(f"set role {role}; do 'begin perform public.supasync_horizon(); end'", "authenticator")


def test_it_tells_nothing_where_sessions_are_hidden_from_its_owner(cluster: Cluster) -> None:
    with hosted(cluster, SCHEMA) as blind:
        blind.paste(scripts.script("horizon"))
        blind.paste("grant create on schema public to supabase_auth_admin", "postgres")
        blind.paste("alter function supasync_horizon owner to supabase_auth_admin", "postgres")
        with pytest.raises(psycopg.errors.RaiseException, match="has lost pg_monitor"):
            ask(blind)
        with pytest.raises(psycopg.errors.RaiseException, match="may not see what other sessions do"):
            blind.paste(scripts.script("horizon"), "supabase_auth_admin")


def test_it_goes_without_a_trace(cluster: Cluster) -> None:
    with hosted(cluster, SCHEMA) as project:
        before = project.one("select count(*) from pg_depend")
        project.paste(scripts.script("horizon"))
        for _ in range(2):
            project.paste(scripts.script("uninstall-old"))
        assert project.one("select count(*) from pg_depend") == before
