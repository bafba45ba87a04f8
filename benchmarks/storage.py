"""Files of Supabase Storage, beside bare streaming copies on as many connections; large ones; a long list.

``python -m benchmarks --only storage``; alone, ``python -m benchmarks.storage OBJECTS``.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from benchmarks.ground import COMMAND, NEW_KEY, OLD_KEY
from benchmarks.measuring import Taken, run_measured
from benchmarks.results import Result
from supasync_core.schema.scripts import ready
from tests.postgrest.launch import Server
from tests.servers.hosted import HOSTED, STORAGE
from tests.servers.postgres import Cluster
from tests.storage.files import Files
from tests.storage.launch import serve
from tests.storage.made_objects import Object, patterned, put

OWN = "supasync storage sync"
FUNCTION = "supasync storage sync, with the function in OLD"
BARE = "bare streaming copies"
EMPTY = "supasync storage sync, an empty bucket"
SMALL = 10_000
"""Bytes of an object among many."""
CONNECTIONS = 2
"""The default of ``workers``."""
MOST = 200 << 20


SETTINGS = """\
version: 1
source: {backend: rest, url: "${OLD_SUPABASE_URL}", key: "${OLD_SUPABASE_SERVICE_ROLE_KEY}"}
sink:   {backend: rest, url: "${SUPABASE_URL}", key: "${SUPABASE_SERVICE_ROLE_KEY}"}
budgets: {egress: 100GB}
tables: {notes: {}}
storage: {}
"""
NOTES = """
create table public.notes (id bigint primary key, updated_at timestamptz not null default now());
grant all on public.notes to service_role;
"""
ROWS = """
insert into storage.objects (bucket_id, name, version, metadata)
select 'files', 'photos/' || lpad(i::text, 9, '0'), 'none', jsonb_build_object(
  'eTag', '"' || md5(i::text) || '"', 'size', 10000, 'mimetype', 'image/png', 'cacheControl', 'max-age=3600',
  'contentLength', 10000, 'httpStatusCode', 200, 'lastModified', '2026-01-01T00:00:00.000Z')
from generate_series(1, %s) i
"""
"""A list needs no bytes."""


Place = tuple[Cluster, Path]
"""A server of databases, and a folder for files."""


@dataclass(frozen=True)
class Project:
    """One side."""

    url: str
    files: Files
    server: Server

    @property
    def address(self) -> str:
        """The address of its API."""
        return self.server.url.removesuffix("/rest/v1")


def copying(objects: int, rounds: int) -> list[Result]:
    """So many small objects, 1 GB of large ones, and ten times as many in a list."""
    with TemporaryDirectory() as name, Cluster.start(Path(name) / "server") as cluster:
        place = cluster, Path(name)
        return [*small(place, objects, rounds), *large(place, 20, 50_000_000), *listed(place, objects * 10)]


def small(place: Place, count: int, rounds: int) -> Iterator[Result]:
    """Many objects, beside a script that only copies them."""
    objects = (Object(f"photos/{n:06}.png", n.to_bytes(SMALL, "big"), "image/png") for n in range(count))
    with _project(place, "small", OLD_KEY, objects) as old:
        plays = {BARE: _bare(count), OWN: _own(), FUNCTION: _with_function()}
        yield from _played(place, f"storage: {count:,} objects of {SMALL // 1000} kB", old, plays, rounds)


def large(place: Place, count: int, size: int) -> Iterator[Result]:
    """What large objects take in memory, beside none at all."""
    case = f"storage: {count} objects of {size / 1e6:,.0f} MB"
    objects = (Object(f"{n}.bin", n.to_bytes(8, "big") + patterned(size - 8)) for n in range(count))
    with (
        _project(place, "large", OLD_KEY, objects) as old,
        _project(place, "empty", OLD_KEY, ()) as empty,
    ):
        yield from _played(place, case, empty, {EMPTY: _own()}, 1)
        yield from _played(place, case, old, {OWN: _own()}, 1)


def listed(place: Place, count: int) -> Iterator[Result]:
    """What a list asks of OLD."""
    with _project(place, "listed", OLD_KEY, ()) as old:
        with psycopg.connect(old.url) as connection:
            connection.execute(ROWS, [count])
            connection.execute(b"analyze storage.objects")
        case = f"storage: a list of {count:,} objects"
        yield from _played(place, case, old, {OWN: _own("--dry-run")}, 1)


Play = Callable[[Path, Project, Project], Taken]


def _played(place: Place, case: str, old: Project, plays: dict[str, Play], rounds: int) -> Iterator[Result]:
    """The medians of each, each time into an empty project."""
    taken: dict[str, list[Taken]] = {rival: [] for rival in plays}
    for number in range(rounds):
        for rival, play in plays.items():
            with _project(place, f"new_{number}", NEW_KEY, ()) as new, TemporaryDirectory() as work:
                old.server.reset()
                done = play(Path(work), old, new)
                requests = len(old.server.requests())
                print(f"{case}: {rival}: {done.failed or f'{done.wall:.2f} s'}", file=sys.stderr)
                if done.failed:
                    raise RuntimeError(f"{case}: {rival}: {done.output[-2000:]}")
                taken[rival].append(_with_requests(done, requests))
    for rival, runs in taken.items():
        yield Result.of(case, "none", rival, runs)


def _with_requests(done: Taken, requests: int) -> Taken:
    return Taken(**{**vars(done), "requests": requests})


def _own(*more: str) -> Play:
    """The command."""

    def play(work: Path, old: Project, new: Project) -> Taken:
        _settle(work, old, new)
        setup = run_measured([COMMAND, "setup"], work)
        old.server.reset()
        return setup if setup.failed else run_measured([COMMAND, "storage", "sync", *more], work)

    return play


def _settle(work: Path, old: Project, new: Project) -> None:
    """Write tables.yaml and .env."""
    (work / "tables.yaml").write_text(SETTINGS)
    (work / ".env").write_text(
        f"OLD_SUPABASE_URL={old.address}\nOLD_SUPABASE_SERVICE_ROLE_KEY={OLD_KEY}\n"
        f"SUPABASE_URL={new.address}\nSUPABASE_SERVICE_ROLE_KEY={NEW_KEY}\n"
    )


def _with_function() -> Play:
    """The command, after what `schema sql --storage --old` prints was pasted; it is removed again."""

    def play(work: Path, old: Project, new: Project) -> Taken:
        _settle(work, old, new)
        with psycopg.connect(old.url, autocommit=True) as connection:
            for more in ((), ("--uninstall",)):
                command = [COMMAND, "schema", "sql", "--storage", "--old", *more]
                script = subprocess.run(command, cwd=work, capture_output=True, check=True).stdout
                if more:
                    done = _own()(work, old, new)
                connection.execute(script)
        return done

    return play


def _bare(objects: int) -> Play:
    """A script that knows all names."""

    def play(work: Path, old: Project, new: Project) -> Taken:
        names = [f"photos/{n:06}.png" for n in range(objects)]
        task = {"old": [old.address, OLD_KEY], "new": [new.address, NEW_KEY], "names": names}
        (work / "task.json").write_text(json.dumps(task))
        script = Path(__file__).with_name("stream_objects.py")
        return run_measured([sys.executable, script, str(work / "task.json"), str(CONNECTIONS)], work)

    return play


@contextmanager
def _project(place: Place, name: str, key: str, objects: Iterable[Object]) -> Iterator[Project]:
    """A project with these objects in its bucket."""
    cluster, folder = place
    cluster.create(name, HOSTED + STORAGE + NOTES + ready())
    files, url = Files(folder / name), cluster.url(name)
    put(url, files, "files", objects)
    served = serve(cluster.url(name, "authenticator"), files.folder, keys={key: "service_role"}, most=MOST)
    try:
        with served as server:
            yield Project(url, files, server)
    finally:
        cluster.drop(name)


def main() -> None:
    """Print what each takes."""
    for each in copying(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, 3):
        told = (
            f"{each.wall:.2f} s, {each.client:.2f} s of CPU, {each.memory:.0f} MB, {each.requests} requests"
        )
        print(f"{each.case}: {each.rival}: {told}")


if __name__ == "__main__":
    main()
