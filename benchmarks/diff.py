"""`supasync diff` of two large CSV files, beside DuckDB's bare join, datacompy (polars), csv-diff, daff.

Run it by ``python benchmarks/diff.py ROWS [--json]``; a million rows unless given. The tools take
turns, five times, each in a process of its own on the same two files, and the median of each counts; one
that takes longer than ``--patience`` is stopped. The tools are the dependency group ``bench``:
``pip install -e '.[bench]'``. With ``--bare`` only DuckDB's join and supasync are measured.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

COLUMNS = ("id", "user_id", "status", "payload", "cost", "updated_at")
MAKE = """
copy (select i as id, md5('u' || i % 5000)::uuid as user_id,
  ['queued', 'running', 'done', 'failed'][1 + i % 4] as status,
  '{{"n":' || i || ',"text":"some words of a job and"}}' as payload, (i * 0.01)::decimal(12,2) as cost,
  strftime(timestamp '2024-01-01' + to_seconds(i * 2), '%Y-%m-%d %H:%M:%S') || '.25+00' as updated_at
  from range(1, {rows} + 1) as r(i)) to '{left}' (header, delimiter ',');
copy (select * replace (case when id::bigint % {changed} = 7 then 'gone' else status end as status)
  from read_csv('{left}', all_varchar = true) where id::bigint % {removed} <> 3
  union all select ({rows} + i)::varchar, uuid()::varchar, 'new', '{{}}', '1.00', '2024-06-01 00:00:00+00'
  from range(1, 101) as r(i)) to '{right}' (header, delimiter ',');
"""
SHUFFLE = """
create table shuffled as from read_csv('{right}', all_varchar = true) order by hash(id);
copy shuffled to '{right}' (header, delimiter ',');
"""
WIDE = """
copy (select i as id, {cells} from range(10) as r(i)) to '{left}' (header);
copy (select * replace (case when id = 3 then 'x' else c7 end as c7) from read_csv('{left}'))
  to '{right}' (header);
"""
RUNS = 5
HERE = Path(__file__).parent
LONG = 30.0
"""Seconds after which a tool runs once only."""


def main() -> None:
    """Print what each tool took, as a table or as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument(
        "--columns", type=int, help="ten rows of so many columns, and DuckDB's bare read alone"
    )
    parser.add_argument("--shuffled", action="store_true", help="the right file in another order")
    parser.add_argument("--bare", action="store_true", help="DuckDB's bare join and supasync alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--patience", type=float, default=600, help="seconds that a tool may take")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--files", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print({**TOOLS, "duckdb read of both": read}[options.part](*options.files))
        return
    if options.columns is not None:
        found = measured_wide(options.columns, options.patience)
    else:
        tools = list(TOOLS)[:2] if options.bare else list(TOOLS)
        found = measured(options.rows, tools, options.patience, shuffled=options.shuffled)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for each in found:
        note = "" if each["finished"] else "  gave up"
        figures = f"{each['wall']:8.2f} s {each['cpu']:8.2f} s cpu {each['peak_mb']:8,.0f} MB"
        print(f"{each['tool']:24} {figures}{note}")


def measured(
    rows: int, tools: Iterable[str], patience: float, *, shuffled: bool = False
) -> list[dict[str, Any]]:
    """Wall and CPU seconds and peak memory of each tool on the same files, in one order of rows or in two."""
    with TemporaryDirectory() as name:
        left, right = Path(name) / "left.csv", Path(name) / "right.csv"
        with duckdb.connect() as connection:
            steps = {"changed": max(10, rows // 200), "removed": max(10, rows // 100)}
            connection.execute(MAKE.format(rows=rows, left=left, right=right, **steps))
            if shuffled:
                connection.execute(SHUFFLE.format(right=right))
        case = "diff of two CSV files in different orders" if shuffled else "diff of two CSV files"
        return in_turns(f"{case}, {rows:,} rows", tools, left, right, patience)


def measured_wide(columns: int, patience: float) -> list[dict[str, Any]]:
    """The same for ten rows of so many columns, beside DuckDB's read of both files."""
    with TemporaryDirectory() as name:
        left, right = Path(name) / "left.csv", Path(name) / "right.csv"
        cells = ", ".join(f"'v' || i || '_{n}' as c{n}" for n in range(1, columns))
        with duckdb.connect() as connection:
            connection.execute(WIDE.format(cells=cells, left=left, right=right))
        tools = ("duckdb read of both", "supasync")
        return in_turns(f"diff of two CSV files, 10 rows x {columns:,} columns", tools, left, right, patience)


def in_turns(
    case: str, tools: Iterable[str], left: Path, right: Path, patience: float
) -> list[dict[str, Any]]:
    """The run of each tool that took the median time."""
    runs: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
    for _ in range(RUNS):
        for tool, taken in runs.items():
            if not any(run["wall"] > LONG for run in taken):
                taken.append(run_once(tool, left, right, patience))
    for taken in runs.values():
        taken.sort(key=lambda run: float(run["wall"]))
    return [{"case": case, "tool": tool, **taken[len(taken) // 2]} for tool, taken in runs.items()]


def run_once(tool: str, left: Path, right: Path, patience: float) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--part", tool, "--files", str(left), str(right)]
    if tool == "supasync":
        command = [str(Path(sys.executable).with_name("supasync")), "diff", str(left), str(right)]
        command += ["--key", "id", "--format", "json"]
    return timed(command, patience, codes=(0, 1) if tool == "supasync" else (0,))


def timed(
    command: Sequence[str], patience: float, *, codes: Sequence[int], folder: Path | None = None
) -> dict[str, Any]:
    """What one process took, which is stopped when it takes too long."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    finished = True
    while True:
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        wall = time.perf_counter() - began
        if done:
            break
        if wall > patience:
            process.kill()
            finished = False
            _, status, usage = os.wait4(process.pid, 0)
            break
        time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(status)
    if finished and process.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} failed: {process.returncode}")
    return {
        "wall": round(wall, 3),
        "cpu": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mb": round(usage.ru_maxrss / 1024, 1),
        "finished": finished,
    }


def bare(left: Path, right: Path) -> object:
    """DuckDB's full outer join of both files, every cell compared as text."""
    return duckdb.connect().execute(joined(left, right)).fetchall()


def joined(left: Path, right: Path) -> str:
    """That join as SQL."""
    names = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
    read = f"header = true, auto_detect = false, columns = {{{names}}}"
    differs = " or ".join(f"l.{name} is distinct from r.{name}" for name in COLUMNS[1:])
    counts = ", ".join(f"count(*) filter ({each})" for each in ("l.id is null", "r.id is null", differs))
    pairs = f"read_csv('{left}', {read}) as l full join read_csv('{right}', {read}) as r on l.id = r.id"
    return f"select {counts} from {pairs}"


def read(left: Path, right: Path) -> object:
    """Both files as tables of texts."""
    with duckdb.connect() as connection:
        for name, path in (("l", left), ("r", right)):
            query = (
                f"create table {name} as select * from read_csv('{path}', header = true, all_varchar = true)"
            )
            connection.execute(query)
        return connection.execute("select (select count(*) from l), (select count(*) from r)").fetchall()


def with_datacompy(left: Path, right: Path) -> object:
    """All columns as text, so that nothing is rounded."""
    import polars as pl
    from datacompy import PolarsCompare

    first, second = (pl.read_csv(path, infer_schema=False) for path in (left, right))
    compared = PolarsCompare(first, second, join_columns="id")
    return [len(compared.df1_unq_rows), len(compared.df2_unq_rows), len(compared.all_mismatch())]


def with_csv_diff(left: Path, right: Path) -> object:
    """As its own command line calls it."""
    from csv_diff import compare, load_csv

    with left.open(newline="") as one, right.open(newline="") as other:
        found = compare(load_csv(one, key="id"), load_csv(other, key="id"))
    return [len(found[name]) for name in ("added", "removed", "changed")]


def with_daff(left: Path, right: Path) -> object:
    """As its own command line calls it, with the key named."""
    import csv

    import daff

    tables = []
    for path in (left, right):
        with path.open(newline="") as file:
            tables.append(daff.PythonTableView(list(csv.reader(file))))
    flags = daff.CompareFlags()
    flags.addPrimaryKey("id")
    flags.ordered = False
    alignment = daff.Coopy.compareTables(*tables, flags).align()
    result = daff.PythonTableView([])
    daff.TableDiff(alignment, flags).hilite(result)
    return result.height


TOOLS: dict[str, Callable[[Path, Path], object]] = {
    "duckdb full outer join": bare,
    "supasync": bare,
    "datacompy (polars)": with_datacompy,
    "csv-diff": with_csv_diff,
    "daff": with_daff,
}
"""What runs in a process of its own; supasync is run by its command."""

if __name__ == "__main__":
    main()
