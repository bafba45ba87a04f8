"""Two projects with accounts, as somebody who is not a superuser and does not own ``auth`` sees them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.workspace import ENDS, Completed, Workspace, between
from tests.servers.hosted import HOSTED, OWNER, Hosted
from tests.servers.postgres import Cluster

TABLES = f"""
grant create on schema public to {OWNER};
set role {OWNER};
create table public.profiles (
  id uuid not null references auth.users on delete cascade primary key,
  name text, updated_at timestamptz not null default now());
create table public.notes (
  id bigint primary key, author uuid references auth.users (id) on delete set null,
  updated_at timestamptz not null default now());
reset role;
"""
PROFILES = """
set role hosted_postgres;
create function public.handle_new_user() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
  insert into public.profiles (id, name) values (new.id, new.raw_user_meta_data ->> 'name');
  return new;
end;
$$;
create trigger on_auth_user_created after insert on auth.users
  for each row execute procedure public.handle_new_user();
reset role;
"""
SCHEMA = HOSTED + TABLES
CONFIG = ENDS + "tables:\n  profiles:\n  notes:\n"
HASH = "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkY8jIucDrjc8deX1s."
"""Cut short by a character: one of 59."""
SOUND = HASH + "K"


def number(user: int) -> str:
    """The id of a test's user; each is in a part of its own."""
    return f"{user:02x}000000-0000-4000-8000-000000000000"


@dataclass
class Projects:
    """Both of them, and the command between."""

    space: Workspace

    @property
    def old(self) -> Hosted:
        """OLD, as its owner."""
        return Hosted(self.space.old.cluster, self.space.old.database)

    @property
    def new(self) -> Hosted:
        """NEW, as its owner."""
        return Hosted(self.space.new.cluster, self.space.new.database)

    def by_functions(self, *options: str) -> None:
        """Paste the functions, and take the connection strings away."""
        self.old.paste(self.space.supasync("schema", "sql", "--auth", "--old", *options).out)
        self.new.paste(self.space.supasync("schema", "sql", "--auth", *options).out)
        for name, end in (("OLD", self.space.old), ("NEW", self.space.new)):
            self.space.environment.pop(f"{name}_DATABASE_URL", None)
            end.server.reload()

    def auth(self, *args: str, code: int = 0) -> Completed:
        """Run `supasync auth`; it must end with that code, and print no hash."""
        done = self.space.supasync("auth", *args)
        assert done.code == code, done.out + done.err
        assert "$2a$" not in done.out + done.err
        return done

    def sign_up(self, *users: int, **columns: str) -> None:
        """Accounts of OLD with a password and an identity, as Auth makes them."""
        for user in users:
            sign_up(self.old, user, columns)

    def named(self, code: int = 3, *args: str) -> dict[str, str]:
        """What `auth sync` says of accounts, by the first two letters of their ids."""
        found = self.auth("sync", "--json", *args, code=code).json["named"]
        return {each["id"][:2]: each["what"] for each in found}

    def rows(self, table: str, columns: str = "t::text") -> tuple[list[Any], list[Any]]:
        """The rows of a table of auth on both sides."""
        query = f"select {columns} from auth.{table} t order by 1"  # noqa: S608 - the test's own
        return self.old.paste(query), self.new.paste(query)

    def assert_equal(self) -> None:
        """Both sides hold the same accounts, every column of them."""
        for table in ("users", "identities"):
            old, new = self.rows(table)
            assert new == old


def sign_up(project: Hosted, user: int, columns: dict[str, str] | None = None) -> None:
    """An account with an e-mail identity; ``columns`` are SQL, and replace its own."""
    values = {
        "instance_id": "'00000000-0000-0000-0000-000000000000'",
        "id": f"'{number(user)}'",
        "aud": "'authenticated'",
        "role": "'authenticated'",
        "email": f"'u{user}@example.test'",
        "encrypted_password": f"'{SOUND}'",
        "email_confirmed_at": "'2026-01-01'",
        "raw_app_meta_data": """'{"provider": "email", "providers": ["email"]}'""",
        "raw_user_meta_data": f"""'{{"name": "User {user}"}}'""",
        "created_at": "'2026-01-01'",
        "updated_at": "now()",
        **dict.fromkeys(
            ("confirmation_token", "recovery_token", "email_change_token_new", "email_change"), "''"
        ),
        **(columns or {}),
    }
    project.paste(
        f"insert into auth.users ({', '.join(values)}) values ({', '.join(values.values())});"  # noqa: S608
        "insert into auth.identities (provider_id, user_id, identity_data, provider, created_at, updated_at) "
        "select id::text, id, jsonb_build_object('sub', id, 'email', email), 'email', created_at, updated_at "
        f"from auth.users where id = '{number(user)}'"
    )


_OPERATORS: Final = """
create function public.seize{n}(a {left}, b {right}) returns {gives} language plpgsql as $$ begin
  if current_user = '{owner}' then execute 'create table if not exists public.pwned ()'; end if;
  return null; end $$;
create operator public.{name} (leftarg = {left}, rightarg = {right}, function = public.seize{n});"""
_PLANTED: Final = (
    ("||", "json[]", "json", "json[]"),
    ("=", "varchar", "varchar", "boolean"),
    ("=", "varchar", "text", "boolean"),
    ("<>", "varchar", "text", "boolean"),
    ("=", "text", "varchar", "boolean"),
    ("=", "bpchar", "varchar", "boolean"),
)
"""What is nearer to columns of accounts than PostgreSQL's own."""


def plant_operators(project: Hosted) -> None:
    """Operators in ``public``, made by a role that may do no more; they leave a table ``pwned``."""
    made = "create role dev login; grant usage, create on schema public to dev"
    project.cluster.execute(project.database, made)
    for n, (name, left, right, gives) in enumerate(_PLANTED):
        values = {"n": n, "name": name, "left": left, "right": right, "gives": gives, "owner": OWNER}
        project.paste(_OPERATORS.format(**values), "dev")


def take_operators_away(project: Hosted) -> None:
    """That role and all that it has made."""
    project.cluster.execute(project.database, "drop owned by dev cascade; drop role dev")


@contextmanager
def projects(cluster: Cluster, folder: Path, more: str = "", config: str = CONFIG) -> Iterator[Projects]:
    """Both projects set up; ``more`` is SQL that both have."""
    with between(cluster, folder, SCHEMA + more, SCHEMA + more, config) as space:
        for name, end in (("OLD", space.old), ("NEW", space.new)):
            space.environment[f"{name}_DATABASE_URL"] = end.cluster.url(end.database, OWNER)
        made = Projects(space)
        made.old.paste(space.supasync("schema", "sql", "--old").out)
        made.new.paste(space.supasync("schema", "sql").out)
        done = space.supasync("setup")
        assert done.code == 0, done.out + done.err
        yield made


def emails(rows: Sequence[Sequence[Any]]) -> list[str]:
    """The first column."""
    return [row[0] for row in rows]
