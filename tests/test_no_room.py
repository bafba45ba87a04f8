"""A folder on a file system that takes no new file: in words, with what to do, and nothing is lost."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers.command import run

CONFIG = """\
version: 1
source: {{backend: csv, path: "{0}/old"}}
sink: {{backend: csv, path: "{0}/new"}}
staging: {{backend: duckdb, path: staging.duckdb}}
tables:
  users: {{deletes: report}}
"""


def supasync(folder: Path, *args: str) -> tuple[int, str]:
    """The exit code and all that was printed."""
    done = run(folder, *args)
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of few inodes, whose folder is ready and copied."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "nr_inodes=40,size=8m,mode=755", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield made(folder, tmp_path)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def made(folder: Path, ends: Path) -> Path:
    (ends / "old").mkdir()
    (ends / "old" / "users.csv").write_text("id,updated_at\n1,2026-01-01T00:00:00Z\n")
    (folder / "tables.yaml").write_text(CONFIG.format(ends))
    for command in ("setup", "sync"):
        code, told = supasync(folder, command)
        assert code == 0, told
    return folder


def filled(folder: Path) -> None:
    """Use every inode up."""
    with suppress(OSError):
        for number in range(100):
            (folder / f"file{number}").touch()
    with pytest.raises(OSError, match="No space left"):
        (folder / "one more").touch()


def test_no_inodes_are_told_with_what_to_do(small: Path) -> None:
    filled(small)
    assert supasync(small, "sync")[0] == 0, "nothing new is to be written"
    code, told = supasync(small, "verify", "--exact")
    assert (code, "No space left on device" in told, "make room on that disk" in told) == (2, True, True), (
        told
    )
    for name in (".supasync/lock", ".supasync/undecided.json"):
        (small / name).unlink(missing_ok=True)
    (small / "last").touch()
    (small / "very last").touch()
    code, told = supasync(small, "sync")
    assert (code, "No space left on device" in told, "make room on that disk" in told) == (3, True, True), (
        told
    )


def test_a_folder_that_is_read_only_by_now_is_told_with_what_to_do(small: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    for command, expected in (("sync", 3), ("verify", 2), ("setup", 3)):
        code, told = supasync(small, command)
        assert (code, "Read-only file system" in told) == (expected, True), told
    for command in ("status", "check"):
        assert supasync(small, command)[0] == 0


def test_a_folder_name_with_a_backslash_is_named_where_duckdb_takes_none(tmp_path: Path) -> None:
    folder = tmp_path / "a\\%b"
    folder.mkdir()
    (folder / "tables.yaml").write_text(CONFIG.format(tmp_path))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "users.csv").write_text("id,updated_at\n1,2026-01-01T00:00:00Z\n")
    assert supasync(folder, "setup")[0] == 0
    code, told = supasync(folder, "verify")
    assert (code, "DuckDB takes a backslash for a path separator" in told) == (2, True), told
