"""Everything side by side in one run: ``python -m benchmarks``; writes RESULTS.md and results.json here.

A run of some cases alone (``--only``) leaves what both files say of the others.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks import data, files, results
from benchmarks.data import Case
from benchmarks.ground import COMMAND, Ground, ground
from benchmarks.measuring import Taken, measured
from tests.servers.postgres import Cluster

HERE = Path(__file__).parent
CASES: dict[str, Callable[[int], Case]] = {
    "five": data.five,
    "wide": lambda size: data.wide(size // 10),
    "cells": lambda size: data.cells(size // 500),
    "narrow": data.narrow,
    "unindexed": lambda size: data.unindexed(size * 2),
    "flights": data.flights,
}
SERVERS = {"postgrest": tuple(CASES), "far": ("five", "flights"), "lite": ("five",)}
"""The cases that are played on each server."""
BY_TIMESTAMP = "supasync by timestamp"
"""A first load in the order of the timestamp, as an earlier version began it."""
LOADERS = ("get", "post", "both", "naive", "supasync", "copy")
CHANGERS = ("get", "post", "naive", "supasync")
CONNECTIONS = 2
"""The default of supasync's ``workers``, for the others too."""
SETTLING = 12.0
"""Seconds until a run can tell that nothing came late: the overlap of a second, and the clock's margin."""


def main() -> None:
    """Measure, print the tables, write both files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--size", type=int, default=200_000, help="rows of the five tables")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--only", default=",".join((*CASES, "gap", "diff", "start")))
    parser.add_argument("--dry", action="store_true", help="write neither RESULTS.md nor results.json")
    options = parser.parse_args()
    wanted = options.only.split(",")
    found: list[results.Result] = []
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, Cluster.start(Path(name)) as cluster:
        for server in options.servers.split(","):
            for case in (each for each in SERVERS[server] if each in wanted):
                rounds = 1 if server == "far" else options.rounds
                with ground(
                    cluster, CASES[case](options.size), Path(name) / f"{server}-{case}", server
                ) as place:
                    found += _played(place, server, rounds)
                    if (server, case) == ("postgrest", "five"):
                        spent = _profiled(place)
    if "start" in wanted:
        found += files.start(options.rounds)
    if "gap" in wanted:
        found += files.gap(options.size * 5 + 1)
    if "diff" in wanted:
        found += files.diff(options.size * 5)
        found += files.wide_diff(1500)
    kept, profile = results.earlier(HERE / "results.json", found)
    found, spent = kept + found, spent or profile
    text = results.findings(found, spent)
    print(text)
    if not options.dry:
        (HERE / "RESULTS.md").write_text(results.page(text, options.size, options.rounds))
        told = {"results": [asdict(each) for each in found], "profile": spent}
        (HERE / "results.json").write_text(json.dumps(told, indent=1) + "\n")


def _played(place: Ground, server: str, rounds: int) -> Iterator[results.Result]:
    """The first load; for the five tables also what comes after it."""
    case = place.case.name
    loaders = (*LOADERS, BY_TIMESTAMP) if "no index" in case else LOADERS
    yield from _rounds(place, server, f"{case}: first load", loaders, rounds, since=None)
    if not place.case.change:
        return
    place.empty_new()
    place.supasync("sync")
    for _ in range(2):
        time.sleep(SETTLING)
        place.supasync("sync")
    yield from _rounds(place, server, f"{case}: nothing changed", ("naive", "supasync"), rounds, since="now")
    yield from _rounds(place, server, f"{case}: 1 % changed", CHANGERS, rounds, since="change")


def _rounds(  # noqa: PLR0913, PLR0917 - what a round consists of
    place: Ground, server: str, name: str, rivals: tuple[str, ...], rounds: int, since: str | None
) -> Iterator[results.Result]:
    taken: dict[str, list[Taken]] = {rival: [] for rival in rivals}
    for _ in range(rounds):
        at = place.now() if since else None
        if since == "change":
            place.sql(place.old, place.case.change)
        path = place.folder / "task.json"
        place.task(CONNECTIONS, at).write(path)
        for rival in rivals:
            if since is None and rival != "get":
                place.empty_new()
            if rival == BY_TIMESTAMP:
                place.begun_by_timestamp()
            own = rival in ("supasync", BY_TIMESTAMP)
            command = [COMMAND, "sync", "--json"] if own else _rival(rival, path)
            taken[rival].append(measured(place, command, place.folder if own else HERE.parent))
            done = taken[rival][-1]
            print(f"{server}, {name}, {rival}: {done.failed or f'{done.wall:.2f} s'}", file=sys.stderr)
            if own and server != "lite" and not (done.failed is None and place.equal()):
                raise RuntimeError(f"{name}: {done.failed or 'the databases differ'}")
    for rival in rivals:
        yield results.Result.of(name, server, rival, taken[rival])


def _rival(name: str, task: Path) -> list[str | Path]:
    return [sys.executable, "-m", "benchmarks.rivals", name, task]


def _profiled(place: Ground) -> dict[str, float]:
    """The client's seconds of one more first load, by part."""
    place.empty_new()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.profile"],
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    main()
