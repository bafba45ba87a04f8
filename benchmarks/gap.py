"""Staging and comparing a large jobs.csv, against DuckDB alone on the same file.

Run it by ``python benchmarks/gap.py ROWS [--json]``; a million unless given.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from supasync_core.gap.csv import stage_files
from supasync_core.gap.import_plan import TableImport
from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.staging_file import Staging

JOBS = Table(name="jobs")
RUNS = 3
TYPES = {
    "id": "bigint",
    "user_id": "uuid",
    "status": "text",
    "payload": "jsonb",
    "cost": "numeric",
    "created_at": "timestamp with time zone",
    "updated_at": "timestamp with time zone",
}
SHAPE = Shape(tuple(Column(name, kind, nullable=name == "payload") for name, kind in TYPES.items()))
MAKE = """
copy (select i as id, md5('u' || i % 5000)::uuid as user_id,
  ['queued', 'running', 'done', 'failed'][1 + i % 4] as status,
  '{{"n":' || i || ',"text":"some words of a job and"}}' as payload, (i * 0.01)::decimal(12,2) as cost,
  strftime(timestamp '2024-01-01' + to_seconds(i), '%Y-%m-%d %H:%M:%S') || '.1+00' as created_at,
  strftime(timestamp '2024-01-01' + to_seconds(i * 2), '%Y-%m-%d %H:%M:%S') || '.25+00' as updated_at
  from range(1, {rows} + 1) as r(i)) to '{path}' (header, delimiter ',')
"""


def main() -> None:
    """Print what each step took, as lines or as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int, nargs="?", default=1_000_001)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        {"bare": bare, "stage": stage}[options.part](options.folder)
        print(json.dumps([{"what": what, "wall": wall, "peak_mb": peak()} for what, wall in taken.items()]))
        return
    found = measured(options.rows)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for each in found:
        print(f"{each['what']:36} {each['wall']:8.2f} s {each['peak_mb']:8,.0f} MB")


def measured(rows: int) -> list[dict[str, Any]]:
    """Wall seconds of each step at its best, and the peak memory of the process that it ran in."""
    with TemporaryDirectory() as name:
        duckdb.connect().execute(MAKE.format(rows=rows, path=Path(name) / "jobs_rows.csv"))
        taken: dict[str, list[dict[str, Any]]] = {}
        for _ in range(RUNS):
            for part in ("bare", "stage"):
                command = [sys.executable, __file__, "--part", part, "--folder", name]
                told = subprocess.run(command, check=True, capture_output=True).stdout
                for each in json.loads(told):
                    taken.setdefault(each["what"], []).append(each)
                for left in Path(name).glob("*.duckdb*"):
                    left.unlink()
        return [min(runs, key=lambda run: float(run["wall"])) for runs in taken.values()]


def bare(folder: Path) -> None:
    """DuckDB's own read of the file into a file, and a bare full outer join of two such tables."""
    connection = duckdb.connect(folder / "bare.duckdb")
    names = ", ".join(f"'{name}': 'VARCHAR'" for name in TYPES)
    path = folder / "jobs_rows.csv"
    read = f"from read_csv('{path}', header = true, auto_detect = false, columns = {{{names}}})"
    timed(
        "duckdb: read all as varchar", lambda: connection.execute(f"create table jobs as {read}; checkpoint")
    )
    connection.execute("create table known as from jobs")
    differs = " or ".join(f"a.{name} is distinct from b.{name}" for name in TYPES if name != "id")
    join = f"select count(*) filter ({differs}) from jobs a full join known b using (id)"
    timed("duckdb: full outer join", lambda: connection.execute(f"create table joined as {join}"))


def stage(folder: Path) -> None:
    """The same by supasync, with all checks; then compared with a staged NEW."""
    staging = Staging(folder / "staging.duckdb", compressed=False)
    part = TableImport(JOBS, (folder / "jobs_rows.csv",), SHAPE)

    def load() -> None:
        stage_files.stage(staging, part, Choices())
        staging.connection.execute("checkpoint")

    timed("supasync: stage with all checks", load)
    printed = ", ".join(
        f"replace({name}, ' ', 'T') || ':00' as {name}" for name in ("created_at", "updated_at")
    )
    own = 'exclude ("supasync file", "supasync row")'
    staging.connection.execute(
        f"create or replace table known.jobs as select * {own} replace ({printed}) from ready.jobs"
    )
    timed("supasync: compare with a staged NEW", lambda: staging.compare(JOBS, SHAPE, older=False))
    staging.close()


taken: dict[str, float] = {}


def timed(what: str, work: Callable[[], object]) -> None:
    """Keep how long it took."""
    began = time.perf_counter()
    work()
    taken[what] = time.perf_counter() - began


def peak() -> float:
    """The megabytes that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
