"""The benchmarks run and tell of their targets; what they name in the code is there: names change often."""

from collections.abc import Callable, Iterator
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

from benchmarks import data, results, rounds
from benchmarks.data import Case
from benchmarks.ground import Ground, ground
from benchmarks.measuring import Taken
from benchmarks.profile import PARTS
from benchmarks.targets import targets
from tests.postgrest.launch import PROGRAM
from tests.servers.postgres import Cluster

Play = Callable[[Ground, str, int], Iterator[results.Result]]


def first_load(place: Ground, server: str, times: int) -> Iterator[results.Result]:
    return rounds.played(place, server, "few: first load", ("get", "post", "both", "supasync"), times)


@pytest.mark.parametrize("place", [place for places in PARTS.values() for place in places])
def test_what_the_profile_measures_exists(place: str) -> None:
    module, _, name = place.partition(":")
    assert callable(attrgetter(name)(import_module(module)))


PLAYED: dict[str, tuple[Case, str, Play, list[str]]] = {
    "first load": (data.narrow(3000), "postgrest", first_load, ["GET and POST at once", "slower of GET and"]),
    "million": (data.million(3000), "postgrest", rounds.million, ["a script that pages by key"]),
    "far": (data.million(20_000), "far", rounds.million, ["2 workers", "4 workers", "bare GETs on as many"]),
    "snapshots": (data.snapshots(4000), "postgrest", rounds.snapshots, ["bare GETs of all rows", "a month"]),
}


@pytest.mark.parametrize("name", PLAYED)
def test_a_case_is_played_and_held_to_its_targets(cluster: Cluster, tmp_path: Path, name: str) -> None:
    case, server, play, wanted = PLAYED[name]
    with ground(cluster, case, tmp_path / "case", server) as place:
        found = list(play(place, server, 1))
    assert [each.failed for each in found] == [None] * len(found)
    told = " ".join(each.what for each in targets(found))
    assert [each for each in wanted if each not in told] == []
    assert "| supasync |" in results.findings(found, {})


def test_a_real_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRAM, "/usr/bin/postgrest")
    assert results.Result.of("few", "postgrest", "get", [TAKEN]).where == "few (a real PostgREST)"
    monkeypatch.delenv(PROGRAM)
    assert results.Result.of("few", "postgrest", "get", [TAKEN]).where == "few (postgrest)"


TAKEN = Taken(1.0, 1.0, 1.0, 1.0, "")
