"""Loads over direct connections, beside COPY of the same rows; then runs with nothing and 1 % changed.

``python -m benchmarks --only direct``; alone, ``python -m benchmarks.direct ROWS``. Where the package
sling-linux-amd64 is installed, or the variable SLING names sling's program, sling does the same runs, into
tables that it makes itself: into these, with an inet and an array, version 1.4.11 cannot write.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil
import psycopg
from psycopg import sql

from benchmarks import data
from benchmarks.data import Case
from benchmarks.ground import COMMAND, seconds_of
from benchmarks.measuring import Taken, run_measured
from benchmarks.results import Result
from supasync_core.schema.scripts import ready
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

COPY: Final = "COPY to COPY, binary"
TWICE: Final = "COPY on two connections, binary"
OWN: Final = "supasync over direct connections"
SLING: Final = "sling"
SETTINGS = """\
version: 1
source: {{backend: postgres, url: "{old}"}}
sink: {{backend: postgres, url: "{new}"}}
tables:
{tables}
"""
REPLICATION = """\
source: OLD
target: NEW
defaults:
  mode: incremental
  object: 'public.{{stream_table}}'
  primary_key: [id]
  update_key: updated_at
streams:
{streams}
"""


@dataclass
class Track:
    """One server with OLD filled, and what was taken there, by case and contender."""

    cluster: Cluster
    case: Case
    folder: Path
    taken: dict[tuple[str, str], list[Taken]] = field(default_factory=dict)

    def empty(self, name: str) -> str:
        """A NEW without rows, by its name."""
        self.cluster.create(name, ROLES + self.case.schema + ready())
        return name

    def project(self, name: str) -> Path:
        """A folder in which supasync copies into that NEW, set up."""
        folder = self.folder / name
        folder.mkdir()
        tables = "\n".join(f"  {table}: {settings}" for table, settings in self.case.tables.items())
        old, new = self.cluster.url("old"), self.cluster.url(name)
        (folder / "tables.yaml").write_text(SETTINGS.format(old=old, new=new, tables=tables))
        run_measured([COMMAND, "setup"], folder)
        return folder

    def replication(self, name: str) -> Path:
        """A folder in which sling copies into that NEW."""
        folder = self.folder / name
        folder.mkdir()
        streams = "\n".join(f"  public.{table}:" for table in self.case.tables)
        (folder / "tables.yaml").write_text(REPLICATION.format(streams=streams))
        return folder

    def take(self, title: str, contender: str, work: Callable[[], Taken]) -> None:
        """Let it work, and keep what it took, with what the server did for it."""
        server = psutil.Process(self.cluster.watchdog.pid)
        before = seconds_of(server)
        found = work()
        found = replace(found, server=seconds_of(server) - before)
        self.taken.setdefault((title, contender), []).append(found)

    def results(self) -> list[Result]:
        """The medians."""
        return [Result.of(title, "none", rival, each) for (title, rival), each in self.taken.items()]


@contextmanager
def track(case: Case) -> Iterator[Track]:
    """A server with the case's rows in OLD."""
    with TemporaryDirectory() as name, Cluster.start(Path(name) / "server") as cluster:
        cluster.create("old", ROLES + case.schema)
        cluster.execute("old", case.rows)
        with psycopg.connect(cluster.url("old"), autocommit=True) as connection:
            connection.execute("vacuum analyze")
        yield Track(cluster, case, Path(name))


def loading(rows: int, rounds: int) -> list[Result]:
    """Five tables, then ten times as many rows in one."""
    return [*five(rows, rounds), *large(10 * rows, rounds)]


def five(rows: int, rounds: int) -> list[Result]:
    """A first load, a run with nothing changed, one with 1 % changed: each contender into its own NEW."""
    title = f"direct: {rows:,} rows"
    program = os.environ.get("SLING") or _packed()
    with track(data.five(rows)) as ground:
        for number in range(rounds):
            copied = ground.empty(f"copied_{number}")
            ground.take(f"{title}, first load", COPY, partial(_copied, ground, copied))
            runs: dict[str, Callable[[], Taken]] = {}
            folder = ground.project(ground.empty(f"synced_{number}"))
            runs[OWN] = partial(run_measured, [COMMAND, "sync"], folder)
            if program:
                new = f"slung_{number}"
                ground.cluster.create(new, ROLES)
                runs[SLING] = _sling(ground, program, new, ground.replication(new))
            for what in ("first load", "nothing changed", "1 % changed"):
                if what == "1 % changed":
                    ground.cluster.execute("old", ground.case.change)
                for contender, run in runs.items():
                    ground.take(f"{title}, {what}", contender, run)
            for database in (f"copied_{number}", f"synced_{number}", *([new] if program else [])):
                ground.cluster.drop(database)
        return ground.results()


def large(rows: int, rounds: int) -> list[Result]:
    """A first load of one table, beside COPY on two connections, each of half of it."""
    title = f"direct: {rows:,} rows in one table, first load"
    with track(data.narrow(rows)) as ground:
        for number in range(rounds):
            copied = ground.empty(f"copied_{number}")
            ground.take(title, TWICE, partial(_copied_by_two, ground, copied, rows))
            folder = ground.project(ground.empty(f"synced_{number}"))
            ground.take(title, OWN, partial(run_measured, [COMMAND, "sync"], folder))
            for database in (f"copied_{number}", f"synced_{number}"):
                ground.cluster.drop(database)
        return ground.results()


def _copied(ground: Track, new: str) -> Taken:
    """Table after table."""
    return _timed(lambda: _copy(ground, new, [(table, sql.SQL("true")) for table in ground.case.tables]))


def _copied_by_two(ground: Track, new: str, rows: int) -> Taken:
    (table,) = ground.case.tables
    half = sql.Literal(rows // 2)
    parts = [(table, sql.SQL("id <= {}").format(half)), (table, sql.SQL("id > {}").format(half))]

    def work() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda part: _copy(ground, new, [part]), parts))

    return _timed(work)


def _copy(ground: Track, new: str, parts: Sequence[tuple[str, sql.Composable]]) -> None:
    urls = [ground.cluster.url(each) for each in ("old", new)]
    with psycopg.connect(urls[0]) as source, psycopg.connect(urls[1]) as sink:
        for table, where in parts:
            name = sql.Identifier(table)
            out = sql.SQL("copy (select * from {} where {}) to stdout (format binary)").format(name, where)
            into = sql.SQL("copy {} from stdin (format binary)").format(name)
            with source.cursor().copy(out) as reading, sink.cursor().copy(into) as writing:
                for part in reading:
                    writing.write(part)


def _timed(work: Callable[[], None]) -> Taken:
    began, used = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - began, time.process_time() - used, 0.0, 0.0, "")


def _packed() -> str | None:
    """The program in the package of sling; None without it."""
    package = find_spec("sling_linux_amd64")
    places = package.submodule_search_locations if package else None
    return next((str(found) for place in places or () for found in Path(place).glob("bin/sling-*")), None)


def _sling(ground: Track, program: str, new: str, folder: Path) -> Callable[[], Taken]:
    ends = [
        f"{name}={ground.cluster.url(each)}?sslmode=disable" for name, each in (("OLD", "old"), ("NEW", new))
    ]
    command = ["env", *ends, program, "run", "-r", "tables.yaml"]
    return lambda: run_measured(command, folder)


def main() -> None:
    """Print what each takes."""
    for each in loading(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, 3):
        spent = f"{each.wall or 0:.2f} s, CPU {each.client or 0:.2f} + {each.service or 0:.2f} s"
        print(f"{each.case}: {each.rival}: {each.failed or spent}, {each.memory or 0:.0f} MB")


if __name__ == "__main__":
    main()
