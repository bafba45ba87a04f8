"""A table without rows in a NEW that creates tables with their first batch is compared as an empty one."""

from pathlib import Path

import pytest

from tests.diff.calling import call, csv_file

HEADER = "id,label,updated_at"
ROW = "7,a,2026-01-01T00:00:00Z"


@pytest.fixture
def synced(tmp_path: Path) -> Path:
    """A project that was synced; one of its tables is empty."""
    (tmp_path / "old").mkdir()
    csv_file(tmp_path / "old" / "users.csv", [HEADER, ROW])
    csv_file(tmp_path / "old" / "empty.csv", [HEADER])
    (tmp_path / "tables.yaml").write_text(
        "version: 1\nsource: {backend: csv, path: old}\nsink: {backend: duckdb, path: new.duckdb}\n"
        "tables:\n  users: {}\n  empty: {}\n",
        encoding="utf-8",
    )
    for command in ("setup", "sync"):
        assert call(tmp_path, command).code == 0
    return tmp_path


@pytest.mark.slow
def test_a_table_that_is_empty_on_both_sides_is_equal(synced: Path) -> None:
    done = call(synced, "diff", "old", "new")
    assert (done.code, done.out.splitlines()[-1]) == (0, "equal: 2 tables"), done.out + done.err
    assert "empty: 0 added, 0 removed, 0 changed, 0 unchanged" in done.out


@pytest.mark.slow
def test_rows_that_only_old_has_are_found(synced: Path) -> None:
    csv_file(synced / "old" / "empty.csv", [HEADER, ROW])
    done = call(synced, "diff", "old", "new")
    assert done.code == 1
    assert "empty: 0 added, 1 removed, 0 changed, 0 unchanged" in done.out
    done = call(synced, "diff", "new", "old")
    assert done.code == 1
    assert "empty: 1 added, 0 removed, 0 changed, 0 unchanged" in done.out


@pytest.mark.slow
def test_a_table_that_old_lacks_is_not_called_empty(synced: Path) -> None:
    (synced / "old" / "empty.csv").unlink()
    done = call(synced, "diff", "old", "new")
    assert done.code == 2
    assert "empty: no file empty.csv" in done.err


def test_a_table_that_a_given_file_lacks_is_not_called_empty(synced: Path) -> None:
    done = call(synced, "diff", "old", "new.duckdb", "--table", "empty")
    assert done.code == 2
    assert "empty: no such table" in done.err
