"""Accounts of Supabase Auth by SQL, beside a binary COPY to COPY of both tables; then with nothing changed.

``python -m benchmarks --only accounts``; alone, ``python -m benchmarks.accounts ACCOUNTS``.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psycopg

from benchmarks.direct import COPY
from benchmarks.ground import COMMAND
from benchmarks.results import Result
from supasync_core.schema.scripts import ready
from tests.servers.hosted import HOSTED
from tests.servers.postgres import Cluster

OWN = "supasync auth sync"
SETTINGS = """\
version: 1
source: {{backend: postgres, url: "{old}"}}
sink: {{backend: postgres, url: "{new}"}}
tables: {{notes: {{}}}}
"""
NOTES = "create table public.notes (id bigint primary key, updated_at timestamptz not null default now());"
ACCOUNTS = """
insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, created_at,
  updated_at, confirmation_token, recovery_token, email_change_token_new, email_change, raw_app_meta_data,
  raw_user_meta_data)
select '00000000-0000-0000-0000-000000000000', md5(g::text)::uuid, 'authenticated', 'authenticated',
  'm' || g || '@example.test', '$2a$10$' || left(md5(g::text) || md5('x' || g), 53), now(), now(), now(),
  '', '', '', '', '{{"provider": "email", "providers": ["email"]}}',
  jsonb_build_object('name', 'User ' || g, 'about', repeat('x', 300))
from generate_series(1, {0}) g;
insert into auth.identities (provider_id, user_id, identity_data, provider, created_at, updated_at)
select id, id, jsonb_build_object('sub', id, 'email', email), 'email', created_at, updated_at from auth.users;
vacuum analyze auth.users;
"""
COLUMNS = """
select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
"""


def copying(accounts: int, rounds: int) -> list[Result]:
    """Both in turns, each round into an empty database; then supasync's once more."""
    first, idle = f"accounts: {accounts:,}, first copy", f"accounts: {accounts:,}, nothing changed"
    taken: dict[tuple[str, str], list[float]] = {}
    with TemporaryDirectory() as name, Cluster.start(Path(name) / "server") as cluster:
        cluster.create("old", HOSTED + NOTES)
        for statement in ACCOUNTS.format(accounts).split(";")[:-1]:
            cluster.execute("old", statement)
        for number in range(rounds):
            ends = [f"{each}_{number}" for each in ("copied", "synced")]
            for database in ends:
                cluster.create(database, HOSTED + NOTES + ready())
            folder = Path(name) / f"project_{number}"
            folder.mkdir()
            old, copied, new = (cluster.url(each) for each in ("old", *ends))
            (folder / "tables.yaml").write_text(SETTINGS.format(old=old, new=new))
            _run(folder, "setup")
            copy = _timed(partial(_copied, old, copied))
            for title in (first, idle):
                taken.setdefault((title, COPY), []).append(copy)
                own = _timed(partial(_run, folder, "auth", "sync"))
                taken.setdefault((title, OWN), []).append(own)
            for database in ends:
                cluster.drop(database)
    return [
        Result(case=title, server="none", rival=rival, wall=median(walls))
        for (title, rival), walls in taken.items()
    ]


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _copied(old: str, new: str) -> None:
    with psycopg.connect(old) as source, psycopg.connect(new) as sink:
        for table in ("auth.users", "auth.identities"):
            [(columns,)] = source.execute(COLUMNS, [table]).fetchall()
            out = f"copy (select {columns} from {table}) to stdout (format binary)".encode()
            into = f"copy {table} ({columns}) from stdin (format binary)".encode()
            with source.cursor().copy(out) as reading, sink.cursor().copy(into) as writing:
                for part in reading:
                    writing.write(part)


def _run(folder: Path, *command: str) -> None:
    subprocess.run([COMMAND, *command], cwd=folder, check=True, capture_output=True)


def main() -> None:
    """Print what each takes."""
    for each in copying(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000, 3):
        print(f"{each.case}: {each.rival}: {each.wall:.2f} s")


if __name__ == "__main__":
    main()
