"""A sink whose disk is full, or read-only by now: told with what to do, and the next run makes it good."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers.command import run

PATHS = {"csv": "new", "duckdb": "new/new.duckdb"}
ROWS = 20_000


@pytest.fixture(params=PATHS)
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A project whose sink is on a file system of 8 MB, after a first run of two rows."""
    new = tmp_path / "new"
    for each in (new, tmp_path / "old"):
        each.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(new)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system is not permitted here")
    try:
        backend = request.param
        (tmp_path / "tables.yaml").write_text(
            "version: 1\nsource: {backend: csv, path: old}\n"
            f"sink: {{backend: {backend}, path: {PATHS[backend]}}}\ntables: {{jobs: {{}}}}\n"
        )
        fill_old(tmp_path, 2)
        for command in ("setup", "sync"):
            assert run(tmp_path, command).returncode == 0
        fill_old(tmp_path, ROWS)
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", str(new)], check=True)


def fill_old(folder: Path, rows: int) -> None:
    """Give OLD so many rows."""
    lines = (f"{key},a label of the row {key},2026-01-01 00:00:00.{key:06}+00\n" for key in range(rows))
    (folder / "old" / "jobs.csv").write_text("id,label,updated_at\n" + "".join(lines))


def filled(place: Path, left: int) -> Path:
    """Fill the file system up but for so many bytes; the file that does it."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\1" * 65536)
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - left)
    return filler


def fails(folder: Path, *command: str) -> str:
    """What a run says that ends in words, and does not call itself a success."""
    done = run(folder, *(command or ("sync",)))
    told = done.stdout + done.stderr
    assert done.returncode not in (0, 1), told
    assert "Traceback" not in told
    assert "success" not in told
    return told


def makes_good(folder: Path) -> None:
    """A run brings what is missing."""
    done = run(folder, "sync")
    assert done.returncode == 0, done.stdout + done.stderr
    assert run(folder, "diff", "old", "new").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 400_000])
def test_a_full_disk_is_told_and_loses_nothing(folder: Path, left: int) -> None:
    """Full from the beginning, or full in the middle of the rows: the state would have had room."""
    filler = filled(folder / "new", left)
    told = fails(folder)
    assert "No space left on device" in told
    assert "make room on that disk" in told
    if left:
        record = json.loads(run(folder, "status", "--json").stdout)["runs"][0]
        assert record["status"] == "failed"
        assert "No space left on device" in record["error"]
    filler.unlink()
    makes_good(folder)


@pytest.mark.slow
def test_a_read_only_disk_is_told_and_loses_nothing(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder / "new")], check=True)
    assert "Read-only file system" in fails(folder)
    subprocess.run(["mount", "-o", "remount,rw", str(folder / "new")], check=True)
    makes_good(folder)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["csv"], indirect=True)
def test_reconcile_calls_nothing_written_that_is_not_in_the_file(folder: Path) -> None:
    (folder / "tables.yaml").unlink()  # a file alone has no lease
    right = folder / "new" / "right.csv"
    right.write_text("id,label,updated_at\n1,other,2026-01-01 00:00:00.000001+00\n")
    before = right.read_bytes()
    filler = filled(folder / "new", 100_000)
    command = ("reconcile", "old/jobs.csv", "new/right.csv", "--apply")
    assert "No space left on device" in fails(folder, *command)
    assert right.read_bytes() == before
    filler.unlink()
    assert run(folder, *command).returncode == 0
    assert run(folder, "diff", "old/jobs.csv", "new/right.csv").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["csv"], indirect=True)
@pytest.mark.parametrize("left", [0, 8192])
def test_a_staging_that_had_no_room_to_be_created_is_created_later(folder: Path, left: int) -> None:
    """As it was left by DuckDB it could not be opened: every later command ended with that."""
    place = folder / "new"
    (place / "right.csv").write_text("id,label,updated_at\n1,other,2026-01-01 00:00:00.000001+00\n")
    (place / ".supasync").mkdir(mode=0o700)
    filler = filled(place, left)
    command = ("reconcile", "../old/jobs.csv", "right.csv", "--apply")
    assert "No space left on device" in fails(place, *command)
    filler.unlink()
    done = run(place, *command)
    assert done.returncode == 0, done.stderr
