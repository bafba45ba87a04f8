"""The benchmarks that need no server: start-up, and those of other files here, in processes of their own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.ground import COMMAND
from benchmarks.results import Result

HERE = Path(__file__).parent
_TIMED = """
import os, subprocess, sys, time
began = time.perf_counter()
done = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, _, usage = os.wait4(done.pid, 0)
print(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


def start(rounds: int) -> list[Result]:
    """The help of supasync against a bare import of click."""
    rivals = {"import click": [sys.executable, "-c", "import click"], "supasync --help": [COMMAND, "--help"]}
    taken: dict[str, list[list[float]]] = {name: [] for name in rivals}
    for _ in range(max(rounds, 5) * 4):
        for name, command in rivals.items():
            taken[name].append(
                [float(text) for text in _output([sys.executable, "-c", _TIMED, *command]).split()]
            )
    return [
        Result(
            case="start",
            server="none",
            rival=name,
            wall=median(row[0] for row in rows),
            client=median(row[1] for row in rows),
            memory=max(row[2] for row in rows),
        )
        for name, rows in taken.items()
    ]


def gap(rows: int) -> list[Result]:
    """An export of so many rows, staged and compared, against DuckDB alone."""
    told = json.loads(_output([sys.executable, HERE / "gap.py", str(rows), "--json"]))
    case = f"gap by CSV: {rows:,} rows"
    return [
        Result(case=case, server="none", rival=each["what"], wall=each["wall"], memory=each["peak_mb"])
        for each in told
    ]


def sinks(rows: int) -> list[Result]:
    """A table of so many rows into a DuckDB file and a CSV file, against DuckDB alone."""
    told = json.loads(_output([sys.executable, "-m", "benchmarks.sinks", str(rows), "--json"]))
    return [
        Result(
            case=f"sinks: {rows:,} rows",
            server="none",
            rival=each["what"],
            wall=each["wall"],
            client=each["cpu"],
            memory=each["peak_mb"],
        )
        for each in told
    ]


def diff(rows: int) -> list[Result]:
    """Two files of so many rows, compared by each tool."""
    return _diff(str(rows))


def large_diff(rows: int) -> list[Result]:
    """Two files of so many rows, compared by supasync and by DuckDB's bare join."""
    return _diff(str(rows), "--bare")


def shuffled_diff(rows: int) -> list[Result]:
    """The same of files whose rows stand in different orders."""
    return _diff(str(rows), "--bare", "--shuffled")


def local(case: str, rows: int) -> list[Result]:
    """A command that only local files take part in, beside DuckDB alone."""
    return _results(_output([sys.executable, "-m", "benchmarks.local", case, str(rows), "--json"]))


def wide_diff(columns: int) -> list[Result]:
    """Two files of ten rows and so many columns, beside DuckDB's own read of them."""
    return _diff("--columns", str(columns))


def _diff(*asked: str) -> list[Result]:
    return _results(_output([sys.executable, HERE / "diff.py", *asked, "--json"]))


def _results(told: str) -> list[Result]:
    return [
        Result(
            case=each["case"],
            server="none",
            rival=each["tool"],
            wall=each["wall"],
            client=each["cpu"],
            memory=each["peak_mb"],
            failed=None if each["finished"] else f"not done after {each['wall']:.0f} s",
        )
        for each in json.loads(told)
    ]


def _output(command: Sequence[str | Path]) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE.parent)
    return done.stdout
