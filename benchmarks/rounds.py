"""Rounds of one case: each contender once in each, on the same ground."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import results
from benchmarks.ground import COMMAND, Ground
from benchmarks.measuring import Taken, measured

HERE = Path(__file__).parent
BY_TIMESTAMP = "supasync by timestamp"
"""A first load in the order of the timestamp, as an earlier version began it."""
CONNECTIONS = 2
"""The default of supasync's ``workers``, for the others too."""


def played(  # noqa: PLR0913 - what a round consists of
    place: Ground,
    server: str,
    name: str,
    rivals: Sequence[str],
    rounds: int,
    *,
    since: str | None = None,
    connections: int = CONNECTIONS,
) -> Iterator[results.Result]:
    """The medians of each contender; RuntimeError where supasync failed or left other rows in NEW."""
    taken: dict[str, list[Taken]] = {rival: [] for rival in rivals}
    place.declare(connections)
    for _ in range(rounds):
        at = place.now() if since else None
        if since == "change":
            place.sql(place.old, place.case.change)
        path = place.folder / "task.json"
        place.task(connections, at).write(path)
        for rival in rivals:
            if since is None and rival != "get":
                place.empty_new()
            if rival == BY_TIMESTAMP:
                place.begun_by_timestamp()
            own = rival in ("supasync", BY_TIMESTAMP)
            command: list[str | Path] = [COMMAND, "sync", "--json"] if own else _rival(rival, path)
            taken[rival].append(told(place, server, name, rival, command))
            done = taken[rival][-1]
            if own and server != "lite" and not (done.failed is None and place.equal()):
                raise RuntimeError(f"{name}: {done.failed or 'the databases differ'}")
    for rival in rivals:
        yield results.Result.of(name, server, rival, taken[rival])


def told(place: Ground, server: str, name: str, rival: str, command: Sequence[str | Path]) -> Taken:
    """One run, of which a line is printed."""
    done = measured(place, command, place.folder if command[0] == COMMAND else HERE.parent)
    print(f"{server}, {name}, {rival}: {done.failed or f'{done.wall:.2f} s'}", file=sys.stderr)
    return done


def _rival(name: str, task: Path) -> list[str | Path]:
    return [sys.executable, "-m", "benchmarks.rivals", name, task]


def million(place: Ground, server: str, rounds: int) -> Iterator[results.Result]:
    """A first load against a script that pages by key; far away, against bare GETs on as many connections."""
    case = place.case.name
    if server != "far":
        yield from played(place, server, f"{case}: large load", ("keyed", "supasync"), rounds)
        return
    for workers in (2, 4):
        name = f"{case}, {workers} workers: large load"
        yield from played(place, server, name, ("get", "supasync"), rounds, connections=workers)


def snapshots(place: Ground, server: str, rounds: int) -> Iterator[results.Result]:
    """What a run costs that reads tables as a whole in which nothing has changed, and one that does not."""
    name = f"{place.case.name}: nothing changed"
    path = place.folder / "task.json"
    place.task(CONNECTIONS).write(path)
    place.empty_new()
    place.supasync("sync")
    every = [each for table in place.case.tables for each in ("--table", table)]
    commands: dict[str, list[str | Path]] = {
        "get": _rival("get", path),
        "supasync": [COMMAND, "sync", "--json", *every],
        "supasync, not due": [COMMAND, "sync", "--json"],
    }
    taken: dict[str, list[Taken]] = {rival: [] for rival in commands}
    for _ in range(rounds):
        for rival, command in commands.items():
            taken[rival].append(told(place, server, name, rival, command))
    for rival, runs in taken.items():
        yield results.Result.of(name, server, rival, runs)
