"""Tables in files, whose rows tell no versions: compared row by row, in every comparison."""

import os
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from supasync_core import config
from supasync_core.api.plugin_host import Host
from supasync_core.api.state_store import Claim, Entry
from supasync_core.model.report import Report
from supasync_core.model.state import Deletes, State
from supasync_core.project.migration import Migration, opened
from supasync_core.project.run_options import RunOptions
from supasync_core.sync import runner
from tests.e2e.inside import Unwatched

pytestmark = pytest.mark.slow
NAMES = {"1": "one", "a,b": "two", "Z": "three", "z": "four", "äö": "five"}


def settled(folder: Path, source: str, deletes: str = "ignore") -> None:
    """A folder with both ends and the baseline of a state."""
    (folder / "tables.yaml").write_text(
        f"version: 1\nsource: {source}\nsink: {{backend: duckdb, path: new.duckdb}}\n"
        f"defaults: {{overlap: 0s, page_size: 2, deletes: {deletes}}}\n"
        "tables: {people: {key: code, timestamp: created_at}}\n"
    )
    with duckdb.connect(str(folder / "new.duckdb")) as new:
        new.execute("create table people (code varchar primary key, name varchar, created_at timestamptz)")
    write(folder, NAMES)
    with _opened(folder) as migration:
        ref = migration.source_ref
        run = migration.store.begin(Claim(holder="t", source=ref, command="setup", lease=1, baseline=True))
        assert migration.store.save(run.id, Entry(status="baseline", state=State(ref)))


def _opened(folder: Path) -> AbstractContextManager[Migration]:
    host = Host()
    host.load_installed()
    return opened(config.load(folder / "tables.yaml", {}, host), host)


def write(folder: Path, names: dict[str, str]) -> None:
    """OLD in both forms."""
    (folder / "old").mkdir(exist_ok=True)
    days = {code: f"2024-01-0{n + 1}T00:00:00+00:00" for n, code in enumerate(NAMES)}
    rows = [(code, name, days[code]) for code, name in names.items()]
    lines = "".join(f'"{code}",{name},{at}\n' for code, name, at in rows)
    (folder / "old" / "people.csv").write_text(f"code,name,created_at\n{lines}")
    with duckdb.connect(str(folder / "old.duckdb")) as old:
        old.execute(
            "create or replace table people (code varchar primary key, name varchar, created_at timestamptz)"
        )
        old.executemany("insert into people values (?, ?, ?)", rows)


def sync(folder: Path, *, last: bool = False) -> Report:
    """One run."""
    with _opened(folder) as migration:
        plan = RunOptions(holder="t", tables=migration.settings.tables, last=last)
        report = runner.sync(migration, plan, Unwatched())
    assert report.exit_code == 0, report.error
    return report


def later(folder: Path) -> None:
    """Let a day have passed since the last comparison."""
    with _opened(folder) as migration:
        run = migration.store.begin(Claim(holder="t", source=migration.source_ref, command="t", lease=1))
        state = run.state or State(migration.source_ref)
        known = replace(state.table("people"), deletes=Deletes("2024-01-01T00:00:00Z"))
        assert migration.store.save(run.id, Entry(status="reset", state=state.with_table("people", known)))


def people(folder: Path) -> dict[str, str]:
    """NEW's rows."""
    with duckdb.connect(str(folder / "new.duckdb")) as new:
        return dict(new.execute("select code, name from people").fetchall())


@pytest.mark.parametrize("source", ["{backend: csv, path: old}", "{backend: duckdb, path: old.duckdb}"])
def test_an_update_that_no_timestamp_shows_arrives_with_the_next_comparison(
    tmp_path: Path, source: str
) -> None:
    settled(tmp_path, source)
    sync(tmp_path)
    later(tmp_path)
    changed = NAMES | {"a,b": "changed", "1": "uno"}
    write(tmp_path, changed)
    report = sync(tmp_path)
    assert people(tmp_path) == changed
    assert report.tables[0].brought == 2
    assert sync(tmp_path).tables[0].brought is None, "once a day"


def test_what_is_deleted_in_a_file_is_removed_in_the_same_walk(tmp_path: Path) -> None:
    settled(tmp_path, "{backend: csv, path: old}", "mirror")
    sync(tmp_path)
    later(tmp_path)
    left = {code: name for code, name in NAMES.items() if code != "Z"} | {"z": "changed"}
    write(tmp_path, left)
    report = sync(tmp_path)
    assert people(tmp_path) == left
    assert (report.tables[0].brought, report.tables[0].removed) == (1, 1)


def test_the_last_sync_before_a_switch_compares_whatever_is_not_due(tmp_path: Path) -> None:
    settled(tmp_path, "{backend: csv, path: old}")
    sync(tmp_path)
    changed = NAMES | {"a,b": "changed"}
    write(tmp_path, changed)
    sync(tmp_path)
    assert people(tmp_path) == NAMES
    report = sync(tmp_path, last=True)
    assert report.tables[0].brought == 1
    assert people(tmp_path) == changed
    os.utime(tmp_path / "old/people.csv", (10**9, 10**9))
    assert "dated" not in str(sync(tmp_path).notes), "an older file is no clock that was set back"
