"""`soft_delete` between files: no backend knows of it, and every command goes by it."""

import csv
from pathlib import Path

import duckdb
import pytest

from tests.diff.calling import call, csv_file

pytestmark = pytest.mark.slow
YAML = """\
version: 1
source: {{backend: {old}, path: {path}}}
sink: {{backend: duckdb, path: new.duckdb}}
tables:
  notes: {{soft_delete: deleted_at{more}}}
"""
LATE = "2024-02-01 00:00:00+00"
ROWS = {1: None, 2: None, 3: "2024-01-01 00:00:00+00", 4: None}


def written(folder: Path, old: str, rows: dict[int, str | None]) -> None:
    """OLD's table: each row by its key, with its mark."""
    found = [(key, f"n{key}", "2024-01-01 00:00:01+00", mark) for key, mark in rows.items()]
    if old == "csv":
        (folder / "old").mkdir(exist_ok=True)
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in found]
        csv_file(folder / "old" / "notes.csv", ["id,body,updated_at,deleted_at", *lines])
        return
    with duckdb.connect(folder / "old.duckdb") as connection:
        columns = "id bigint primary key, body varchar, updated_at timestamptz, deleted_at timestamptz"
        connection.execute(f"create or replace table notes ({columns})")
        connection.executemany("insert into notes values (?, ?, ?, ?)", found)


def keys(folder: Path) -> list[int]:
    with duckdb.connect(folder / "new.duckdb", read_only=True) as connection:
        return [int(key) for (key,) in connection.execute("select id from notes order by id").fetchall()]


@pytest.fixture(params=["duckdb", "csv"])
def old(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """OLD's backend; its live rows have been copied."""
    backend = str(request.param)
    written(tmp_path, backend, ROWS)
    path = "old.duckdb" if backend == "duckdb" else "old"
    (tmp_path / "tables.yaml").write_text(YAML.format(old=backend, path=path, more=""))
    for command in ("setup", "sync"):
        done = call(tmp_path, command)
        assert done.code == 0, done.out + done.err
    assert keys(tmp_path) == [1, 2, 4]
    return backend


def test_a_row_that_is_marked_later_leaves_new_and_can_be_put_back(tmp_path: Path, old: str) -> None:
    assert call(tmp_path, "verify", "--exact").code == 0
    assert call(tmp_path, "diff", "old", "new").code == 0
    written(tmp_path, old, ROWS | {2: LATE})
    assert call(tmp_path, "verify").code == 1
    found = call(tmp_path, "diff", "old", "new", "--format", "json").json["tables"]["notes"]
    assert [(row["key"]["id"], row["cause"]) for row in found["rows"]] == [("2", "marked as deleted in OLD")]
    done = call(tmp_path, "sync")
    assert done.code == 0, done.out + done.err
    assert keys(tmp_path) == [1, 4]
    assert call(tmp_path, "reconcile", "undo").code == 0
    assert keys(tmp_path) == [1, 2, 4]


def test_reconcile_removes_it_too(tmp_path: Path, old: str) -> None:
    assert call(tmp_path, "verify").code == 0, "which learns that the row was OLD's own"
    written(tmp_path, old, ROWS | {2: LATE})
    assert call(tmp_path, "reconcile", "old", "new", "--delete", "--apply").code == 0
    assert keys(tmp_path) == [1, 4]
    assert call(tmp_path, "sync").code == 0


@pytest.mark.parametrize("kept", ["columns: [id, body, updated_at]", "exclude: deleted_at"])
def test_the_column_itself_need_not_be_copied(tmp_path: Path, old: str, kept: str) -> None:
    yaml = (tmp_path / "tables.yaml").read_text().replace("deleted_at}", f"deleted_at, {kept}}}")
    (tmp_path / "tables.yaml").write_text(yaml)
    assert call(tmp_path, "sync", "--full", "notes").code == 0
    written(tmp_path, old, ROWS | {2: LATE})
    done = call(tmp_path, "sync")
    assert done.code == 0, done.out + done.err
    assert keys(tmp_path) == [1, 4]
    assert call(tmp_path, "verify", "--exact").code == 0


def test_an_export_stands_for_old_with_its_marks(tmp_path: Path, old: str) -> None:
    del old
    rows = [["id", "body", "updated_at", "deleted_at"]]
    rows += [[str(key), f"n{key}", "2024-01-01 00:00:01+00", mark or ""] for key, mark in ROWS.items()]
    with (tmp_path / "notes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    done = call(tmp_path, "diff", "notes.csv", "new", "--dialect", "psql", "--complete")
    assert done.code == 0, done.out + done.err
