"""Everything side by side in one run: ``python -m benchmarks``; writes RESULTS.md and results.json here.

Both are written after each case, so that a run that is stopped keeps what it measured. A run of some cases
alone (``--only``) leaves what both files say of the others.
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

from benchmarks import accounts, data, direct, files, results, storage, verify
from benchmarks.data import Case
from benchmarks.ground import Ground, ground
from benchmarks.rounds import BY_TIMESTAMP, HERE, million, played, snapshots
from tests.servers.postgres import Cluster

CASES: dict[str, Callable[[int], Case]] = {
    "five": data.five,
    "wide": lambda size: data.wide(size // 10),
    "cells": lambda size: data.cells(size // 500),
    "narrow": data.narrow,
    "unindexed": lambda size: data.unindexed(size * 2),
    "flights": data.flights,
    "million": lambda size: data.million(size * 5),
    "snapshots": data.snapshots,
}
OF_FILES: dict[str, Callable[[int, int], list[results.Result]]] = {
    "start": lambda _size, rounds: files.start(rounds),
    "gap": lambda size, _rounds: files.gap(size * 5 + 1),
    "rehearsal": lambda size, _rounds: files.local("rehearsal", size * 5 + 1),
    "sinks": lambda size, _rounds: files.sinks(size * 5),
    "diff": lambda size, _rounds: [
        *files.diff(size * 5),
        *files.shuffled_diff(size * 5),
        *files.large_diff(size * 25),
        *files.wide_diff(1500),
        *files.local("folder", 400),
    ],
    "reconcile": lambda size, _rounds: files.local("reconcile", size * 5),
    "verify": lambda size, rounds: verify.verifying(size * 5, rounds),
    "direct": direct.loading,
    "accounts": lambda size, rounds: accounts.copying(size // 4, rounds),
    "storage": lambda size, rounds: storage.copying(size // 20, rounds),
}
"""Cases that need no server of the tables."""
SERVERS = {"postgrest": tuple(CASES), "far": ("five", "flights", "million"), "lite": ("five",)}
"""The cases that are played on each server."""
PLAYS = {"million": million, "snapshots": snapshots}
"""The cases that are played in a way of their own."""
LOADERS = ("get", "post", "both", "naive", "supasync", "copy")
CHANGERS = ("get", "post", "naive", "supasync")
SETTLING = 12.0
"""Seconds until a run can tell that nothing came late: the overlap of a second, and the clock's margin."""


def main() -> None:
    """Measure, print the tables, write both files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--size", type=int, default=200_000, help="rows of the five tables")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--only", default=",".join((*CASES, *OF_FILES)))
    parser.add_argument("--dry", action="store_true", help="write neither RESULTS.md nor results.json")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled once, not at each start
    text, spent = "", dict[str, float]()
    found: list[results.Result] = []
    for of_case, profile in _measured(options):
        found += of_case
        kept, earlier = results.earlier(HERE / "results.json", found)
        spent = profile or spent or earlier
        text = results.findings(kept + found, spent)
        if not options.dry:
            (HERE / "RESULTS.md").write_text(results.page(text, options.size, options.rounds))
            told = {"results": [asdict(each) for each in kept + found], "profile": spent}
            (HERE / "results.json").write_text(json.dumps(told, indent=1) + "\n")
    print(text)


def _measured(options: argparse.Namespace) -> Iterator[tuple[list[results.Result], dict[str, float]]]:
    """What each case shows, one after the other, and where the client's seconds went, if known."""
    wanted = options.only.split(",")
    with tempfile.TemporaryDirectory() as name, Cluster.start(Path(name)) as cluster:
        for server in options.servers.split(","):
            for case in (each for each in SERVERS[server] if each in wanted):
                rounds = 1 if server == "far" else options.rounds
                folder = Path(name) / f"{server}-{case}"
                with ground(cluster, CASES[case](options.size), folder, server) as place:
                    of_case = list(PLAYS.get(case, _played)(place, server, rounds))
                    yield of_case, _profiled(place) if (server, case) == ("postgrest", "five") else {}
    for case, measure in OF_FILES.items():
        if case in wanted:
            yield measure(options.size, options.rounds), {}


def _played(place: Ground, server: str, rounds: int) -> Iterator[results.Result]:
    """The first load; for the five tables also what comes after it."""
    case = place.case.name
    loaders = (*LOADERS, BY_TIMESTAMP) if "no index" in case else LOADERS
    yield from played(place, server, f"{case}: first load", loaders, rounds)
    if not place.case.change:
        return
    place.empty_new()
    place.supasync("sync")
    for _ in range(2):
        time.sleep(SETTLING)
        place.supasync("sync")
    yield from played(place, server, f"{case}: nothing changed", ("naive", "supasync"), rounds, since="now")
    yield from played(place, server, f"{case}: 1 % changed", CHANGERS, rounds, since="change")


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
