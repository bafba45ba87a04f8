"""docs/how-to/copy-users-of-supabase-auth.md, step by step, as somebody who is not a superuser."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.servers.hosted import HOSTED, OWNER, Hosted
from tests.servers.postgres import Cluster, binaries

# Supabase documentation, "User Management": the table and the trigger that it recommends.
TRIGGER = """
create function public.handle_new_user() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
  insert into public.profiles (id, name) values (new.id, new.raw_user_meta_data ->> 'name');
  return new;
end;
$$;
create trigger on_auth_user_created after insert on auth.users
  for each row execute procedure public.handle_new_user();
"""
TABLES = f"""
grant create on schema public to {OWNER};
set role {OWNER};
create table public.profiles (
  id uuid not null references auth.users on delete cascade primary key,
  name text, updated_at timestamptz not null default now());
create table public.posts (
  id bigint generated always as identity primary key,
  author uuid not null references public.profiles (id) on delete cascade,
  editor uuid references auth.users (id) on delete set null,
  updated_at timestamptz not null default now());
alter table public.profiles enable row level security;
alter table public.posts enable row level security;
{TRIGGER}
reset role;
"""
CONFIG = ENDS + "tables:\n  profiles:\n  posts: {depends_on: profiles}\n"
SIGN_UP = """
insert into auth.users (id, email, encrypted_password, raw_user_meta_data, email_confirmed_at) values
  ('00000000-0000-4000-8000-00000000000{0}', 'u{0}@example.test', 'hash{0}',
   '{{"name": "User {0}"}}', now());
insert into auth.identities (provider_id, user_id, identity_data, provider)
select id::text, id, jsonb_build_object('email', email), 'email' from auth.users
where email = 'u{0}@example.test';
"""
POST = "insert into posts (author, editor) select id, id from auth.users"


def editor(space: Workspace, side: str) -> Hosted:
    end = space.old if side == "old" else space.new
    return Hosted(end.cluster, end.database)


def run(program: str, *args: str) -> None:
    done = subprocess.run([binaries() / program, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def copy_auth(space: Workspace, folder: Path) -> None:
    """Step 3: pg_dump and psql as the projects' postgres."""
    old, new = (end.cluster.url(end.database, OWNER) for end in (space.old, space.new))
    file = str(folder / "auth.sql")
    run("pg_dump", old, "--data-only", "--table=auth.users", "--table=auth.identities", f"--file={file}")
    run("psql", new, "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--file={file}")


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, HOSTED + TABLES, HOSTED + TABLES, CONFIG) as made:
        old, new = editor(made, "old"), editor(made, "new")
        for number in (1, 2, 3):
            old.paste(SIGN_UP.format(number))
        old.paste(POST)
        old.paste(made.supasync("schema", "sql", "--old").out)
        new.paste(made.supasync("schema", "sql").out)
        assert made.supasync("setup").code == 0
        yield made


def test_the_whole_way(space: Workspace, tmp_path: Path) -> None:
    old, new = editor(space, "old"), editor(space, "new")
    for option in (["--identity"], ["--foreign-keys", "off"]):
        new.paste(space.supasync("schema", "sql", *option).out)
    new.paste("drop function public.handle_new_user() cascade")
    assert space.supasync("sync").code == 0
    old.paste(SIGN_UP.format(4))
    old.paste(POST)
    assert space.supasync("sync").code == 0
    space.assert_equal("profiles", "posts")

    copy_auth(space, tmp_path)
    new.paste("delete from auth.users")
    copy_auth(space, tmp_path)
    assert new.paste(space.supasync("schema", "sql", "--foreign-keys", "on").out) == []
    new.paste(space.supasync("schema", "sql", "--identity", "always").out)
    new.paste(space.supasync("schema", "sql", "--sequences").out)
    new.paste(TRIGGER)
    space.assert_equal("profiles", "posts")
    for table in ("users", "identities"):
        assert space.new.texts(table, "auth") == space.old.texts(table, "auth")

    new.paste(SIGN_UP.format(5))
    assert new.one("select name from profiles where id::text like '%5'") == "User 5"
    new.paste("insert into posts (author) select id from profiles where id::text like '%5'")
    new.paste("delete from auth.users where email = 'u1@example.test'")
    assert new.paste("select id from profiles where id::text like '%1'") == []
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        new.paste("insert into profiles values ('00000000-0000-4000-8000-000000000009')")


def test_whoever_signed_up_after_the_copy_is_found_when_keys_come_back(
    space: Workspace, tmp_path: Path
) -> None:
    old, new = editor(space, "old"), editor(space, "new")
    for option in (["--identity"], ["--foreign-keys", "off"]):
        new.paste(space.supasync("schema", "sql", *option).out)
    new.paste("drop function public.handle_new_user() cascade")
    copy_auth(space, tmp_path)
    old.paste(SIGN_UP.format(4))
    assert space.supasync("sync").code == 0
    [left] = new.paste(space.supasync("schema", "sql", "--foreign-keys", "on").out)
    assert left[:3] == ("public", "profiles", "profiles_id_fkey")
    missing = "select id from profiles p where not exists (select from auth.users u where u.id = p.id)"
    assert new.paste(missing) == [(UUID("00000000-0000-4000-8000-000000000004"),)]


def test_without_the_way_the_run_says_which_one_it_is(space: Workspace) -> None:
    done = space.supasync("sync")
    assert done.code == 3
    assert "schema sql --foreign-keys off" in done.err
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"):
        editor(space, "new").paste("drop trigger on_auth_user_created on auth.users")
