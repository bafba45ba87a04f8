"""The benchmarks run, and what they name in the code is there: they are run seldom, names change often."""

from importlib import import_module
from operator import attrgetter

import pytest

from benchmarks import diff, local
from benchmarks.profile import PARTS
from benchmarks.results import Result
from benchmarks.targets import targets


@pytest.mark.parametrize("place", [place for places in PARTS.values() for place in places])
def test_what_the_profile_measures_exists(place: str) -> None:
    module, _, name = place.partition(":")
    assert callable(attrgetter(name)(import_module(module)))


@pytest.mark.parametrize("case", local.CASES)
def test_commands_on_local_files_are_measured_beside_duckdb(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "RUNS", 1)
    bare, own = local.measured(case, 201 if case != "folder" else 2)
    assert (own["tool"], own["finished"], bare["finished"]) == ("supasync", True, True)
    found = [
        Result(
            case=each["case"],
            server="none",
            rival=each["tool"],
            wall=each["wall"],
            client=each["cpu"],
            memory=each["peak_mb"],
        )
        for each in (bare, own)
    ]
    assert [target.wanted for target in targets(found)][1:] == ["< 1 GB"]


def test_a_large_diff_is_measured_beside_the_bare_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff, "RUNS", 1)
    bare, own = diff.measured(300, list(diff.TOOLS)[:2], 60)
    assert (bare["tool"], own["tool"], own["finished"]) == ("duckdb full outer join", "supasync", True)
