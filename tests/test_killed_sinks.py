"""A run into files that is killed at any call, or whose disk fills up: the next run makes it good.

The state that was saved is never ahead of the rows that another process finds.
"""

import csv
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import few
from tests.servers.command import run

pytestmark = pytest.mark.slow
ROWS = 2600
CONFIG = """\
version: 1
source: {{backend: csv, path: old}}
sink: {{backend: {backend}, path: {path}}}
defaults: {{page_size: 400}}
tables:
  users:
  jobs: {{deletes: mirror}}
"""
PATHS = {"csv": "new", "duckdb": "new.duckdb"}
DIES = """
import os, signal, sys, threading
import supasync_core.sync.checkpoint as checkpoint
import supasync_core.project.lease as lease
checkpoint.CHECKPOINT_ROWS = 500
lease.Lease.may_flush = lambda self: True
LAST = {last}
OURS = ("supasync_csv", "supasync_duckdb", "write_rows", "held_rows", "links.py", "lease.py", "connection.py")
calls = 0
def count(frame, event, _argument):
    global calls
    if event in ("c_call", "c_return") and any(name in frame.f_code.co_filename for name in OURS):
        calls += 1
        if calls == LAST:
            os.kill(os.getpid(), signal.SIGKILL)
threading.setprofile(count)
sys.setprofile(count)
"""
"""Kills the process before or after one of the calls into C that its sink and its lease make."""

DIES_BEHIND_A_CHECKPOINT = """
saved = checkpoint.Checkpoint.save
def last(self, *args, **named):
    saved(self, *args, **named)
    if self.records >= 1200:
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.Checkpoint.save = last
"""

DIES_BETWEEN_TWO_WRITES = """
lease.RENEW = 0.0
lease.Lease.may_flush = lambda self: False
taken = lease.Lease.check
batches = 0
def take(self):
    global batches
    taken(self)
    batches += 1
    if batches == 6:
        os.kill(os.getpid(), signal.SIGKILL)
lease.Lease.check = take
"""
"""Each batch renews the lease, none lets the sink write; then the process is killed."""


def write(folder: Path, name: str, rows: dict[int, str], minute: int) -> None:
    """Write one of OLD's files, as psql does."""
    with (folder / "old" / f"{name}.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["id", "label", "updated_at"])
        for key, label in rows.items():
            at = minute if "!" in label else 0
            out.writerow([key, label, f"2026-01-01 00:{at:02}:00.{key:06}+00"])


def stored(folder: Path, backend: str, name: str) -> list[tuple[str, ...]]:
    """The rows that another program finds in NEW, each a tuple of texts."""
    path = folder / PATHS[backend]
    if backend == "csv":
        file = path / f"{name}.csv"
        if not file.exists():
            return []
        with file.open(newline="") as lines:
            return [tuple(row) for row in csv.reader(lines)][1:]
    if not path.exists():
        return []
    with duckdb.connect(str(path)) as connection:
        if not connection.execute("FROM duckdb_tables() WHERE table_name = ?", [name]).fetchall():
            return []
        return connection.table(name).fetchall()


def confirmed(folder: Path, backend: str) -> int:
    """How many rows the newest record says that its run has written."""
    path = folder / PATHS[backend]
    if backend == "csv":
        entries = json.loads((path / ".supasync-state.json").read_text())
        return int(entries[-1]["records_synced"])
    with duckdb.connect(str(path)) as connection:
        query = "SELECT records_synced FROM sync_metadata ORDER BY number DESC LIMIT 1"
        return int(connection.execute(query).fetchall()[0][0])


@contextmanager
def project(backend: str) -> Iterator[Path]:
    """A project between two folders, or a folder and a DuckDB file, before its first run."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "old").mkdir()
        write(folder, "users", {1: "a", 2: "b"}, 0)
        write(folder, "jobs", {key: f"j{key}" for key in range(ROWS)}, 0)
        (folder / "tables.yaml").write_text(CONFIG.format(backend=backend, path=PATHS[backend]))
        assert run(folder, "setup").returncode == 0
        yield folder


def change(folder: Path, minute: int) -> dict[int, str]:
    """OLD after some hours: rows changed and rows added."""
    rows = {key: f"j{key}" + "!" * minute * (key % 3 == 0) for key in range(ROWS + 10 * minute)}
    write(folder, "jobs", rows, minute)
    return rows


@pytest.mark.parametrize("backend", ["csv", "duckdb"])
def test_killed_at_any_call_nothing_is_lost_or_there_twice(backend: str) -> None:
    @few(3)
    @given(st.lists(st.integers(1, 4400), min_size=1, max_size=2))
    def holds(deaths: list[int]) -> None:
        with project(backend) as folder:
            for first, last in enumerate(deaths):
                done = run(folder, "sync", before=DIES.format(last=last))
                assert done.returncode in (0, -signal.SIGKILL), done.stderr
                found = stored(folder, backend, "jobs")
                assert len({row[0] for row in found}) == len(found)
                if first == 0:
                    users = stored(folder, backend, "users")
                    assert len(found) + len(users) >= confirmed(folder, backend)
            rows = change(folder, 1)
            done = run(folder, "sync")
            assert done.returncode == 0, done.stderr
            assert {int(row[0]): row[1] for row in stored(folder, backend, "jobs")} == rows
            assert run(folder, "diff", "old", "new").returncode == 0

    holds()


@pytest.mark.parametrize("backend", ["csv", "duckdb"])
def test_a_lease_that_is_renewed_between_two_writes_saves_no_newer_state(backend: str) -> None:
    with project(backend) as folder:
        done = run(folder, "sync", before=DIES.format(last=0) + DIES_BETWEEN_TWO_WRITES)
        assert done.returncode == -signal.SIGKILL, done.stderr
        rows = sum(len(stored(folder, backend, name)) for name in ("users", "jobs"))
        assert rows >= confirmed(folder, backend)
        assert run(folder, "sync").returncode == 0
        assert run(folder, "diff", "old", "new").returncode == 0


@pytest.mark.parametrize("backend", ["csv", "duckdb"])
def test_a_run_saves_a_state_only_behind_its_rows(backend: str) -> None:
    """Killed right after a checkpoint, in the middle of the first load."""
    with project(backend) as folder:
        done = run(folder, "sync", before=DIES.format(last=0) + DIES_BEHIND_A_CHECKPOINT)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert confirmed(folder, backend) >= 1200
        rows = sum(len(stored(folder, backend, name)) for name in ("users", "jobs"))
        assert rows == confirmed(folder, backend) < ROWS
