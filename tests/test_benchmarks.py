"""The benchmarks run, and what they name in the code is there: they are run seldom, names change often."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import duckdb
import pytest

from benchmarks import accounts, diff, direct, local, sinks, storage
from benchmarks.profile import PARTS
from benchmarks.results import Result
from benchmarks.targets import targets
from supasync_core.staging.values import JSON, plain
from tests.servers.postgres import Cluster


@pytest.fixture
def shared(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of all tests stands for those that the benchmarks start for themselves."""

    @contextmanager
    def start(_folder: Path) -> Iterator[Cluster]:
        try:
            yield cluster
        finally:
            cluster.drop("old")

    monkeypatch.setattr(Cluster, "start", start)


@pytest.mark.parametrize("place", [place for places in PARTS.values() for place in places])
def test_what_the_profile_measures_exists(place: str) -> None:
    module, _, name = place.partition(":")
    assert callable(attrgetter(name)(import_module(module)))


@pytest.mark.slow
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


def test_accounts_are_measured_beside_copy(shared: None) -> None:
    del shared
    found = accounts.copying(300, 1)
    assert [target.wanted for target in targets(found)] == ["≤ 2", "≤ 6", "≤ 1", "≤ 1"]


@pytest.mark.slow
def test_files_are_measured_beside_bare_streams(cluster: Cluster, tmp_path: Path) -> None:
    found = list(storage.small((cluster, tmp_path), 20, 1))
    assert [target.wanted for target in targets(found)] == ["≥ 0.8", "≥ 0.8"]
    assert [each.requests for each in found] >= [20, 20, 20]


@pytest.mark.slow
def test_a_large_diff_is_measured_beside_the_bare_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff, "RUNS", 1)
    bare, own = diff.measured(300, list(diff.TOOLS)[:2], 60)
    assert (bare["tool"], own["tool"], own["finished"]) == ("duckdb full outer join", "supasync", True)


@pytest.mark.slow
def test_the_sinks_end_with_the_rows_that_duckdb_reads(tmp_path: Path) -> None:
    sinks.make(2500, tmp_path)
    for part in sinks.PARTS.values():
        part(tmp_path)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{tmp_path / 'sink.duckdb'}' as sink (read_only)")
        names = connection.read_csv(tmp_path / "jobs_rows.csv", all_varchar=True).columns
        texts = ", ".join(f"{plain(name, JSON)} as {name}" for name in names)
        files = [tmp_path / "jobs_rows.csv", tmp_path / "sink" / "jobs.csv"]
        wanted, csv = (connection.read_csv(file, all_varchar=True) for file in files)
        for found in (csv, connection.table("sink.main.jobs").project(texts)):
            assert len(found) == len(wanted) == 2500
            assert len(wanted.except_(found)) == 0


def test_the_sinks_have_targets() -> None:
    """Found by their names, so that no figure goes missing where a part is called otherwise."""
    found = [
        Result(case="sinks: 5 rows", server="none", rival=name, wall=1.0, client=1.0, memory=10.0)
        for name in sinks.PARTS
    ]
    told = [(each.measured, each.reached) for each in targets(found)]
    assert told == [("1.00", True)] * 2 + [("10 MB", True)]


def test_a_load_over_direct_connections_is_measured_beside_copy(shared: None) -> None:
    del shared
    found = [each for each in direct.loading(400, 1) if each.rival != direct.SLING]  # where it is installed
    assert [(each.rival, bool(each.wall)) for each in found] == [
        (direct.COPY, True),
        (direct.OWN, True),
        (direct.OWN, True),
        (direct.OWN, True),
        (direct.TWICE, True),
        (direct.OWN, True),
    ]
    wanted = [target.wanted for target in targets(found)]
    assert wanted == ["≤ 1.25", "< 150 MB", "≤ 1.15", "< 150 MB"]
