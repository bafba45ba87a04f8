"""Staging and comparing a large jobs.csv, against DuckDB alone on the same file.

Run it by ``python benchmarks/gap.py ROWS``; a million unless given.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from supasync_core.gap.seams import Choices
from supasync_core.tables import Column, Shape, Table
from supasync_csv.gap.export import CsvExport
from supasync_duckdb.files import open_to_write
from supasync_duckdb.staging.backend import DuckdbStaging

JOBS = Table(name="jobs")
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
    """Print the ratios."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_001
    if len(sys.argv) > 2:  # noqa: PLR2004 - one part, in a process of its own
        {"bare": bare, "stage": stage}[sys.argv[2]](Path(sys.argv[3]))
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "jobs_rows.csv"
        duckdb.connect().execute(MAKE.format(rows=rows, path=path))
        size = path.stat().st_size / 1e6
        print(f"{rows:,} rows, {size:,.0f} MB")
        for part in ("bare", "stage"):
            subprocess.run([sys.executable, __file__, str(rows), part, name], check=True)


def bare(folder: Path) -> None:
    """DuckDB's own read of the file into a file, and a bare full outer join of two such tables."""
    connection = open_to_write(folder / "bare.duckdb")
    names = ", ".join(f"'{name}': 'VARCHAR'" for name in TYPES)
    path = folder / "jobs_rows.csv"
    read = f"from read_csv('{path}', header = true, auto_detect = false, columns = {{{names}}})"
    said(
        "duckdb: read all as varchar", lambda: connection.execute(f"create table jobs as {read}; checkpoint")
    )
    connection.execute("create table known as from jobs")
    differs = " or ".join(f"a.{name} is distinct from b.{name}" for name in TYPES if name != "id")
    join = f"select count(*) filter ({differs}) from jobs a full join known b using (id)"
    said("duckdb: full outer join", lambda: connection.execute(f"create table joined as {join}"))
    peak()


def stage(folder: Path) -> None:
    """The same by supasync, with all checks; then compared with a staged NEW."""
    staging = DuckdbStaging(folder / "staging.duckdb")
    export = CsvExport()
    files = [folder / "jobs_rows.csv"]
    found = []

    def load() -> None:
        found.append(export.load(staging, JOBS, files, SHAPE, Choices()))
        staging.connection.execute("checkpoint")

    said("supasync: stage with all checks", load)
    print("  findings:", len(found[0][1]), "rows:", found[0][0][0].rows)
    printed = ", ".join(
        f"replace({name}, ' ', 'T') || ':00' as {name}" for name in ("created_at", "updated_at")
    )
    own = 'exclude ("supasync file", "supasync row")'
    staging.connection.execute(
        f"create or replace table known.jobs as select * {own} replace ({printed}) from ready.jobs"
    )
    said("supasync: compare with a staged NEW", lambda: staging.compare(JOBS, SHAPE, "new", older=False))
    peak()
    staging.close()


def said(what: str, work: Callable[[], object]) -> None:
    """Say how long it took."""
    began = time.perf_counter()
    work()
    print(f"{what}: {time.perf_counter() - began:.2f} s")


def peak() -> None:
    """Say how much memory this process has had."""
    print(f"  peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
