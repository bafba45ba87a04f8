"""Commands that only local files take part in, each beside the DuckDB statements that do the bare work.

Run one by ``python -m benchmarks.local CASE ROWS [--json]``:

- ``folder``: `diff` of two folders of ROWS tables of 100 rows, beside a join of each pair of files;
- ``rehearsal``: `gap import --sink duckdb:` of an export, beside DuckDB's read of it into a file;
- ``reconcile``: `reconcile --apply` of changes in a tenth of the rows, beside one ``merge into``.

The two take turns, five times, each in a process of its own; the median of each counts.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from benchmarks import diff, gap

COMMAND = Path(sys.executable).with_name("supasync")
RUNS = 5
OF_A_TABLE = 100
"""Rows of each table of a folder."""
SETTINGS = """\
version: 1
source: {backend: csv, path: old}
sink: {backend: duckdb, path: new.duckdb}
tables: {jobs: {}}
"""
JOBS = """
create table jobs as select i::bigint as id, md5('u' || i % 5000) as user_id,
  ['queued', 'running', 'done', 'failed'][1 + i % 4] as status,
  '{{"n":' || i || ',"text":"some words of a job"}}' as payload,
  (i * 0.01)::decimal(12,2) as cost, timestamp '2024-01-01' + to_seconds(i * 2) as updated_at
  from range(1, {rows} + 1) as r(i)
"""
CELLS = ("user_id", "status", "payload", "cost", "updated_at")


@dataclass(frozen=True)
class Case:
    """What is made once, what is put back before each run, the command, and the bare statements."""

    title: str
    make: Callable[[Path, int], None]
    restore: Callable[[Path], None]
    command: tuple[str, ...]
    bare: Callable[[Path], None]
    rival: str
    codes: tuple[int, ...] = (0,)


def main() -> None:
    """Print what both took, as lines or as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=CASES)
    parser.add_argument("rows", type=int)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    case = CASES[options.case]
    if options.bare:
        case.bare(options.bare)
        return
    found = measured(options.case, options.rows)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for each in found:
        print(f"{each['tool']:36} {each['wall']:8.2f} s {each['cpu']:8.2f} s cpu {each['peak_mb']:8,.0f} MB")


def measured(name: str, rows: int) -> list[dict[str, Any]]:
    """The medians of both."""
    case = CASES[name]
    with TemporaryDirectory() as folder:
        case.make(Path(folder), rows)
        bare = [sys.executable, "-m", "benchmarks.local", name, str(rows), "--bare", folder]
        taken: dict[str, list[dict[str, Any]]] = {case.rival: [], "supasync": []}
        for _ in range(RUNS):
            case.restore(Path(folder))
            taken[case.rival].append(diff.timed(bare, 600, codes=(0,), folder=diff.HERE.parent))
            case.restore(Path(folder))
            own = [str(COMMAND), *case.command]
            taken["supasync"].append(diff.timed(own, 600, codes=case.codes, folder=Path(folder)))
    return [
        {
            "case": case.title.format(rows=rows),
            "tool": tool,
            "wall": median(run["wall"] for run in runs),
            "cpu": median(run["cpu"] for run in runs),
            "peak_mb": max(run["peak_mb"] for run in runs),
            "finished": all(run["finished"] for run in runs),
        }
        for tool, runs in taken.items()
    ]


def make_folders(folder: Path, tables: int) -> None:
    """Two folders of so many tables; a row of each tenth table differs."""
    header = ",".join(diff.COLUMNS)
    for side in ("left", "right"):
        (folder / side).mkdir()
        for table in range(tables):
            lines = [header]
            for i in range(1, OF_A_TABLE + 1):
                status = "gone" if side == "right" and i == 7 and table % 10 == 0 else f"s{i % 4}"
                payload = f'"{{""n"":{i},""text"":""some words""}}"'
                lines.append(f"{i},u{i % 7},{status},{payload},{i / 100},2024-01-01 00:00:{i % 60:02}+00")
            (folder / side / f"t{table:03}.csv").write_text("\n".join([*lines, ""]))


def join_folders(folder: Path) -> None:
    """A full join of each pair of files, in one process."""
    with duckdb.connect() as connection:
        for left in sorted((folder / "left").iterdir()):
            connection.execute(diff.joined(left, folder / "right" / left.name)).fetchall()


def make_export(folder: Path, rows: int) -> None:
    """An export of so many rows, and a project without servers."""
    (folder / "export").mkdir()
    (folder / "old").mkdir()
    (folder / "old/jobs.csv").write_text(",".join(gap.TYPES) + "\n")
    (folder / "tables.yaml").write_text(SETTINGS)
    duckdb.connect().execute(gap.MAKE.format(rows=rows, path=folder / "export/jobs_rows.csv"))


def forget_rehearsal(folder: Path) -> None:
    """Remove what a run has made."""
    for each in folder.iterdir():
        if each.name.startswith(".supasync"):
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        elif ".duckdb" in each.name:
            each.unlink()


def read_export(folder: Path) -> None:
    """The export as texts, in a file."""
    with duckdb.connect(folder / "bare.duckdb") as connection:
        path = folder / "export/jobs_rows.csv"
        connection.execute(f"create table jobs as from read_csv('{path}', header = true, all_varchar = true)")


def make_sides(folder: Path, rows: int) -> None:
    """Two DuckDB files of so many rows; in one of them a tenth is changed."""
    for side in ("left", "kept"):
        with duckdb.connect(folder / f"{side}.duckdb") as connection:
            connection.execute(JOBS.format(rows=rows))
            if side == "kept":
                connection.execute("update jobs set status = 'gone' where id % 10 = 3")


def restore_sides(folder: Path) -> None:
    """The side to be written as it was."""
    forget = (each for each in folder.iterdir() if each.name.startswith((".supasync", "right.duckdb")))
    for each in forget:
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    shutil.copy(folder / "kept.duckdb", folder / "right.duckdb")


def merge_sides(folder: Path) -> None:
    """The rows that differ, merged by DuckDB."""
    differs = " or ".join(f"s.{name} is distinct from t.{name}" for name in CELLS)
    cells = ", ".join(f"{name} = s.{name}" for name in CELLS)
    changed = f"select s.* from l.jobs as s left join jobs as t using (id) where t.id is null or {differs}"
    with duckdb.connect(folder / "right.duckdb") as connection:
        connection.execute(f"attach '{folder / 'left.duckdb'}' as l (read_only)")
        connection.execute(
            f"merge into jobs as t using ({changed}) as s on s.id = t.id "
            f"when matched then update set {cells} when not matched then insert by name"
        )


CASES = {
    "folder": Case(
        "diff of two folders of {rows:,} tables",
        make_folders,
        lambda _folder: None,
        ("diff", "left", "right", "--key", "id", "--format", "json"),
        join_folders,
        "duckdb full outer joins",
        codes=(0, 1),
    ),
    "rehearsal": Case(
        "rehearsal of a gap of {rows:,} rows",
        make_export,
        forget_rehearsal,
        ("gap", "import", "export", "--sink", "duckdb:rehearsal.duckdb", "--dialect", "psql", "--yes"),
        read_export,
        "duckdb read into a file",
    ),
    "reconcile": Case(
        "reconcile --apply of changes in a tenth of {rows:,} rows",
        make_sides,
        restore_sides,
        ("reconcile", "left.duckdb", "right.duckdb", "--key", "id", "--apply"),
        merge_sides,
        "duckdb merge into",
    ),
}

if __name__ == "__main__":
    main()
