"""Accounts of Supabase Auth by SQL and by functions, beside a binary COPY to COPY; then with nothing changed.

``python -m benchmarks --only accounts``; alone, ``python -m benchmarks.accounts ACCOUNTS``.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil
import psycopg

from benchmarks.direct import COPY
from benchmarks.ground import COMMAND, seconds_of
from benchmarks.measuring import Taken, run_measured
from benchmarks.results import Result
from supasync_account.auth.account_scripts import script
from supasync_core.schema.scripts import ready
from tests.postgrest.launch import serve
from tests.servers.hosted import HOSTED
from tests.servers.postgres import Cluster

OWN: Final = "supasync auth sync"
CALLED: Final = "supasync auth sync, by functions"
DIRECT = """\
version: 1
source: {{backend: postgres, url: "{old}"}}
sink: {{backend: postgres, url: "{new}"}}
tables: {{notes: {{}}}}
"""
ENV = "OLD_KEY=sb_secret_benchmark_old\nNEW_KEY=sb_secret_benchmark_new\n"
OVER_REST = """\
version: 1
source: {{backend: rest, url: "{old}", key: "${{OLD_KEY}}"}}
sink: {{backend: rest, url: "{new}", key: "${{NEW_KEY}}"}}
tables: {{notes: {{}}}}
"""
NOTES = """
create table public.notes (id bigint primary key, updated_at timestamptz not null default now());
grant select, insert, update, delete on public.notes to service_role;
"""
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
    """All in turns, each round into empty databases; then supasync's once more."""
    taken: dict[tuple[str, str], list[Taken]] = {}
    titles = [f"accounts: {accounts:,}, {each}" for each in ("first copy", "nothing changed")]
    with TemporaryDirectory() as name, Cluster.start(Path(name) / "server") as cluster:
        cluster.create("old", HOSTED + NOTES + ready() + script("OLD", {}))
        for statement in ACCOUNTS.format(accounts).split(";")[:-1]:
            cluster.execute("old", statement)
        server = psutil.Process(cluster.watchdog.pid)
        for number in range(rounds):
            with _empty(cluster, f"copied_{number}") as database:
                bare = _measured(server, partial(_copied, cluster.url("old"), cluster.url(database)))
            for rival, project in ((OWN, _direct), (CALLED, _over_rest)):
                folder = Path(name) / f"{project.__name__}{number}"
                folder.mkdir()
                with _empty(cluster, folder.name) as database, project(cluster, database, folder):
                    _measured(server, partial(run_measured, [COMMAND, "setup"], folder))
                    for title in titles:
                        taken.setdefault((title, COPY), []).append(bare)
                        found = _measured(server, partial(run_measured, [COMMAND, "auth", "sync"], folder))
                        taken.setdefault((title, rival), []).append(found)
    return [Result.of(title, "none", rival, each) for (title, rival), each in taken.items()]


@contextmanager
def _empty(cluster: Cluster, database: str) -> Iterator[str]:
    cluster.create(database, HOSTED + NOTES + ready() + script("NEW", {}))
    try:
        yield database
    finally:
        cluster.drop(database)


@contextmanager
def _direct(cluster: Cluster, database: str, folder: Path) -> Iterator[None]:
    text = DIRECT.format(old=cluster.url("old"), new=cluster.url(database))
    (folder / "tables.yaml").write_text(text)
    yield


@contextmanager
def _over_rest(cluster: Cluster, database: str, folder: Path) -> Iterator[None]:
    """Between two servers, whose processors' time is not counted: they are those of the tests."""
    with (
        serve(cluster.url("old", "authenticator"), keys={"sb_secret_benchmark_old": "service_role"}) as old,
        serve(
            cluster.url(database, "authenticator"), keys={"sb_secret_benchmark_new": "service_role"}
        ) as new,
    ):
        urls = {name: each.url.removesuffix("/rest/v1") for name, each in (("old", old), ("new", new))}
        (folder / "tables.yaml").write_text(OVER_REST.format(**urls))
        (folder / ".env").write_text(ENV)
        yield


def _measured(server: psutil.Process, work: Callable[[], Taken]) -> Taken:
    before = seconds_of(server)
    found = work()
    if found.failed:
        raise RuntimeError(found.output)
    return replace(found, server=seconds_of(server) - before)


def _copied(old: str, new: str) -> Taken:
    wall, client = time.perf_counter(), time.process_time()
    with psycopg.connect(old) as source, psycopg.connect(new) as sink:
        for table in ("auth.users", "auth.identities"):
            [(columns,)] = source.execute(COLUMNS, [table]).fetchall()
            out = f"copy (select {columns} from {table}) to stdout (format binary)".encode()
            into = f"copy {table} ({columns}) from stdin (format binary)".encode()
            with source.cursor().copy(out) as reading, sink.cursor().copy(into) as writing:
                for part in reading:
                    writing.write(part)
    return Taken(time.perf_counter() - wall, time.process_time() - client, 0.0, 0.0, "")


def main() -> None:
    """Print what each takes."""
    for each in copying(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000, 3):
        spent = (each.client or 0) + (each.service or 0)
        print(
            f"{each.case}: {each.rival}: {each.wall:.2f} s, {spent:.2f} s of processors, {each.memory:.0f} MB"
        )


if __name__ == "__main__":
    main()
