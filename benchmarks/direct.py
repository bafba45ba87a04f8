"""A first load over direct connections, beside a binary COPY to COPY of the same rows; then an idle run.

``python -m benchmarks --only direct``; alone, ``python -m benchmarks.direct ROWS``.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from benchmarks import data
from benchmarks.ground import COMMAND
from benchmarks.results import Result
from supasync_core.schema.scripts import ready
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

COPY = "COPY to COPY, binary"
OWN = "supasync over direct connections"
SETTINGS = """\
version: 1
source: {{backend: postgres, url: "{old}"}}
sink: {{backend: postgres, url: "{new}"}}
tables:
{tables}
"""


def loading(rows: int, rounds: int) -> list[Result]:
    """Both in turns, each round into an empty database; an idle run behind supasync's."""
    case = data.five(rows)
    taken: dict[tuple[str, str], list[float]] = {}
    with TemporaryDirectory() as name, Cluster.start(Path(name) / "server") as cluster:
        cluster.create("old", ROLES + case.schema)
        cluster.execute("old", case.rows)
        for number in range(rounds):
            ends = {each: f"{each}_{number}" for each in ("copied", "synced")}
            for database in ends.values():
                cluster.create(database, ROLES + case.schema + ready())
            urls = [cluster.url(each) for each in ("old", ends["copied"], ends["synced"])]
            folder = Path(name) / f"project_{number}"
            folder.mkdir()
            tables = "\n".join(f"  {table}: {settings}" for table, settings in case.tables.items())
            (folder / "tables.yaml").write_text(SETTINGS.format(old=urls[0], new=urls[2], tables=tables))
            _run(folder, "setup")
            first = f"direct: {rows:,} rows, first load"
            idle = f"direct: {rows:,} rows, nothing changed"
            for key, work in (
                ((first, COPY), lambda urls=urls: _copied(urls[0], urls[1], list(case.tables))),
                ((first, OWN), lambda folder=folder: _run(folder, "sync")),
                ((idle, OWN), lambda folder=folder: _run(folder, "sync")),
            ):
                taken.setdefault(key, []).append(_timed(work))
            for database in ends.values():
                cluster.drop(database)
    return [
        Result(case=title, server="none", rival=rival, wall=median(walls))
        for (title, rival), walls in taken.items()
    ]


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _copied(old: str, new: str, tables: list[str]) -> None:
    with psycopg.connect(old) as source, psycopg.connect(new) as sink:
        for table in tables:
            name = sql.Identifier(table)
            out = sql.SQL("copy {} to stdout (format binary)").format(name)
            into = sql.SQL("copy {} from stdin (format binary)").format(name)
            with source.cursor().copy(out) as reading, sink.cursor().copy(into) as writing:
                for part in reading:
                    writing.write(part)


def _run(folder: Path, command: str) -> None:
    subprocess.run([COMMAND, command], cwd=folder, check=True, capture_output=True)


def main() -> None:
    """Print what each takes."""
    for each in loading(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, 3):
        print(f"{each.case}: {each.rival}: {each.wall:.2f} s")


if __name__ == "__main__":
    main()
