"""A large table into a DuckDB file and into a CSV file, against DuckDB alone on the same rows.

Run it by ``python benchmarks/sinks.py ROWS [--json]``; a million unless given. The sinks get what a run gives
them: pages of a thousand rows as PostgREST prints them.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from benchmarks.gap import JOBS, MAKE, RUNS, SHAPE, TYPES
from supasync_core.api.backend import Sink
from supasync_core.model.batch import Batch
from supasync_csv.sink import CsvSink
from supasync_duckdb.sink import DuckdbSink

PAGE = 1000
BARE = {"id", "payload", "cost"}
"""The columns that PostgREST prints without quotes."""
READ, COPY, TABLE = "duckdb: read all as varchar", "duckdb: copy file to file", "duckdb: copy through a table"
DUCKDB, CSV = "supasync: into DuckDB", "supasync: into CSV"
MADE = "rows"


def main() -> None:
    """Print what each step took, as lines or as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == MADE:
        make(options.rows, options.folder)
        return
    if options.part:
        print(json.dumps(measured(PARTS[options.part], options.folder)))
        return
    found = best(options.rows)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for each in found:
        print(f"{each['what']:30} {each['wall']:8.2f} s {each['cpu']:8.2f} s cpu {each['peak_mb']:8,.0f} MB")


def best(rows: int) -> list[dict[str, Any]]:
    """The run of each part that took the least CPU; each ran in a process and a folder of its own."""
    with TemporaryDirectory() as name:
        command = [sys.executable, "-m", "benchmarks.sinks", str(rows), "--folder", name, "--part"]
        subprocess.run([*command, MADE], check=True, capture_output=True)
        taken: dict[str, list[dict[str, Any]]] = {what: [] for what in PARTS}
        for _ in range(RUNS):
            for what, runs in taken.items():
                told = subprocess.run([*command, what], check=True, capture_output=True).stdout
                runs.append({"what": what, **json.loads(told)})
        return [min(runs, key=lambda run: float(run["cpu"])) for runs in taken.values()]


def make(rows: int, folder: Path) -> None:
    """A file of so many rows, and its rows as PostgREST prints them, one page a line."""
    duckdb.connect().execute(MAKE.format(rows=rows, path=folder / "jobs_rows.csv"))
    cells = [
        f"'\"{name}\":' || {name}" if name in BARE else f"'\"{name}\":' || to_json({name})" for name in TYPES
    ]
    row = "'{' || " + " || ',' || ".join(cells) + " || '}'"
    read = f"read_csv('{folder / 'jobs_rows.csv'}', header = true, all_varchar = true)"
    pages = (
        f"select '[' || string_agg({row}, ',' order by id::bigint) || ']' from {read} "
        f"group by id::bigint // {PAGE} order by id::bigint // {PAGE}"
    )
    options = "format csv, header false, quote '', escape '', delimiter '\x1f'"
    duckdb.connect().execute(f"copy ({pages}) to '{folder / 'pages.json'}' ({options})")


def read(folder: Path) -> None:
    """DuckDB's own read of the file into a file."""
    with duckdb.connect(folder / "bare.duckdb") as connection:
        connection.execute(f"create or replace table jobs as {_rows(folder)}; checkpoint")


def copy(folder: Path) -> None:
    """DuckDB's own copy of the file."""
    duckdb.connect().execute(f"copy ({_rows(folder)}) to '{folder / 'copy.csv'}' (header, delimiter ',')")


def copy_table(folder: Path) -> None:
    """The same through a table, as whoever merges rows needs it."""
    with duckdb.connect(folder / "bare.duckdb") as connection:
        connection.execute(f"create or replace table jobs as {_rows(folder)}")
        connection.execute(f"copy jobs to '{folder / 'copy.csv'}' (header, delimiter ',')")


def _rows(folder: Path) -> str:
    names = ", ".join(f"'{name}': 'VARCHAR'" for name in TYPES)
    path = folder / "jobs_rows.csv"
    return f"from read_csv('{path}', header = true, auto_detect = false, columns = {{{names}}})"


def into_duckdb(folder: Path) -> None:
    """The pages into a file that does not exist."""
    path = folder / "sink.duckdb"
    path.unlink(missing_ok=True)
    sink = DuckdbSink(path)
    sink.informed(JOBS, SHAPE)
    fill(sink, folder)


def into_csv(folder: Path) -> None:
    """The pages into a folder without the file."""
    path = folder / "sink"
    (path / "jobs.csv").unlink(missing_ok=True)
    sink = CsvSink(path)
    sink.typed(JOBS, SHAPE)
    fill(sink, folder)


def fill(sink: Sink, folder: Path) -> None:
    """Give the sink all pages, as a run does."""
    with closing(sink):
        for batch in pages(folder):
            sink.upsert(JOBS, batch)


def pages(folder: Path) -> Iterator[Batch]:
    """The pages, one after the other."""
    with (folder / "pages.json").open("rb") as file:
        for line in file:
            yield Batch(line)


PARTS: dict[str, Callable[[Path], None]] = {
    READ: read,
    DUCKDB: into_duckdb,
    COPY: copy,
    TABLE: copy_table,
    CSV: into_csv,
}


def measured(work: Callable[[Path], None], folder: Path) -> dict[str, float]:
    """Seconds of wall clock and of all processors, and the most megabytes that this process had."""
    wall, cpu = time.perf_counter(), time.process_time()
    work(folder)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    main()
