"""A side is read by one path: what a run does to OLD's rows is done to them for every backend and command."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.diff.calling import call, csv_file, diff

pytestmark = pytest.mark.slow
PLUGIN = """
from supasync_core import hookimpl

def mask(row):
    if row["email"] == "hidden":
        return None
    row["email"] = f"{int(row['id']) + 1}@masked.example"
    return row

@hookimpl
def supasync_register_transforms(registry):
    registry.add("mask", mask)
"""
YAML = """\
version: 1
plugins: mine.py
source: {{backend: {old}, path: {old_path}}}
sink: {{backend: {new}, path: {new_path}}}
tables:
  plain: {{}}
  users: {{transform: mask, exclude: [password]{more}}}
"""
PATHS = {"duckdb": "{}.duckdb", "csv": "{}"}
COLUMNS = ("id", "email", "password", "ok", "doc", "updated_at")
TYPES = "id bigint primary key, email varchar, password varchar, ok boolean, doc json, updated_at timestamptz"
ROWS: Sequence[tuple[str | None, ...]] = [
    ("1", "ann@secret.example", "pw1", "t", '{"a": 1.50}', "2024-01-01 00:00:01+00"),
    ("2", "hidden", "pw2", "f", None, "2024-01-01 00:00:02+00"),
    ("3", "bob@secret.example", "", None, "[]", "2024-01-01 00:00:03+00"),
]


def made(folder: Path, backend: str, name: str, rows: Sequence[tuple[str | None, ...]]) -> str:
    """A project of files with these rows in users, and one in plain; its path."""
    path = PATHS[backend].format(name)
    if backend == "csv":
        (folder / path).mkdir()
        csv_file(folder / path / "plain.csv", ["id,updated_at", "7,2024-01-01 00:00:00+00"])
        lines = [",".join("" if cell is None else _quoted(cell) for cell in row) for row in rows]
        csv_file(folder / path / "users.csv", [",".join(COLUMNS), *lines])
        return path
    with duckdb.connect(folder / path) as connection:
        connection.execute(f"create table users ({TYPES})")
        connection.execute("create table plain (id bigint primary key, updated_at timestamptz)")
        if rows:
            connection.execute("insert into plain values (7, '2024-01-01 00:00:00+00')")
            connection.executemany("insert into users values (?, ?, ?, ?, ?, ?)", rows)
    return path


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def emails(folder: Path, backend: str) -> list[tuple[Any, ...]]:
    """What users holds in NEW."""
    if backend == "duckdb":
        with duckdb.connect(folder / "new.duckdb", read_only=True) as connection:
            return connection.execute("select id, email, password from users order by id").fetchall()
    with (folder / "new" / "users.csv").open() as file:
        return sorted((row["id"], row["email"], row.get("password")) for row in csv.DictReader(file))


@pytest.fixture(params=[("duckdb", "duckdb"), ("csv", "duckdb"), ("csv", "csv"), ("duckdb", "csv")])
def backends(request: pytest.FixtureRequest) -> tuple[str, str]:
    old, new = request.param
    return old, new


def synced(folder: Path, backends: tuple[str, str], more: str = "") -> None:
    """OLD copied to NEW through the transform."""
    old, new = backends
    (folder / "mine.py").write_text(PLUGIN)
    old_path = made(folder, old, "old", ROWS)
    new_path = made(folder, new, "new", []) if new == "duckdb" else "new"
    text = YAML.format(old=old, old_path=old_path, new=new, new_path=new_path, more=more)
    (folder / "tables.yaml").write_text(text)
    assert call(folder, "setup").code == 0
    done = call(folder, "sync")
    assert done.code == 0, done.out + done.err


def test_old_is_compared_and_written_as_a_run_would_send_it(
    tmp_path: Path, backends: tuple[str, str]
) -> None:
    synced(tmp_path, backends)
    before = emails(tmp_path, backends[1])
    assert [email for _, email, _ in before] == ["2@masked.example", "4@masked.example"]
    assert call(tmp_path, "verify", "--exact").code == 0
    assert diff(tmp_path, "old", "new", "--table", "users").counts == (0, 0, 0, 2)
    assert call(tmp_path, "diff", "old", "new").code == 0
    done = call(tmp_path, "reconcile", "old", "new", "--apply")
    assert (done.code, done.out.splitlines()[-1]) == (0, "success: 0 rows written or removed"), done.err
    assert emails(tmp_path, backends[1]) == before
    remade = "id = 3" if backends[1] == "duckdb" else None
    if remade:
        with duckdb.connect(tmp_path / "new.duckdb") as connection:
            connection.execute("delete from users where id = 3; update users set email = 'x' where id = 1")
        done = call(tmp_path, "reconcile", "old", "new", "--apply")
        assert done.out.splitlines()[-1] == "success: 2 rows written or removed", done.out + done.err
        assert emails(tmp_path, backends[1]) == before


@pytest.mark.parametrize("export", ["csv", "duckdb"])
def test_an_export_of_old_goes_through_the_transform_too(tmp_path: Path, export: str) -> None:
    synced(tmp_path, ("duckdb", "duckdb"))
    path = made(tmp_path, export, "export", ROWS)
    before = emails(tmp_path, "duckdb")
    assert diff(tmp_path, path, "new", "--table", "users").counts == (0, 0, 0, 2)
    with duckdb.connect(tmp_path / "new.duckdb") as connection:
        connection.execute("delete from users where id = 3; update users set email = 'x' where id = 1")
    done = call(tmp_path, "reconcile", path, "new", "--apply")
    assert done.code == 0, done.out + done.err
    assert emails(tmp_path, "duckdb") == before
    done = call(tmp_path, "reconcile", path, "new", "--apply", "--delete")
    assert done.code == 0, done.out + done.err


def test_several_files_of_one_table_go_through_the_transform(tmp_path: Path) -> None:
    synced(tmp_path, ("duckdb", "duckdb"))
    path = made(tmp_path, "csv", "export", ROWS[:1])
    lines = [",".join("" if cell is None else _quoted(cell) for cell in row) for row in ROWS[1:]]
    csv_file(tmp_path / path / "users-2.csv", [",".join(COLUMNS), *lines])
    assert diff(tmp_path, path, "new", "--table", "users").counts == (0, 0, 0, 2)


def test_rows_that_a_transform_leaves_out_are_no_deletes(tmp_path: Path) -> None:
    synced(tmp_path, ("duckdb", "duckdb"))
    path = made(tmp_path, "csv", "export", ROWS)
    with duckdb.connect(tmp_path / "new.duckdb") as connection:
        connection.execute("insert into users (id, email) values (2, 'hidden')")
    done = call(tmp_path, "reconcile", "old", "new", "--apply", "--delete")
    assert "users: 0 inserted, 0 updated, 0 removed" in done.out, done.err
    done = call(tmp_path, "reconcile", path, "new", "--apply", "--delete", "--complete")
    assert (done.code, "rows excluded by transform:" in done.err) == (3, True)
    assert [key for key, *_ in emails(tmp_path, "duckdb")] == [1, 2, 3]


def test_an_excluded_column_is_not_written_even_when_it_is_asked_for(tmp_path: Path) -> None:
    synced(tmp_path, ("duckdb", "duckdb"))
    done = call(tmp_path, "reconcile", "old", "new", "--apply", "--columns", "password")
    assert (done.code, "--columns password: tables.yaml leaves it out" in done.err) == (2, True)
    assert {password for *_, password in emails(tmp_path, "duckdb")} == {None}


def test_a_file_that_where_cannot_be_applied_to_is_not_written_to_new(tmp_path: Path) -> None:
    synced(tmp_path, ("duckdb", "duckdb"), ", where: id < 3")
    path = made(tmp_path, "csv", "export", ROWS)
    done = call(tmp_path, "reconcile", path, "new", "--apply")
    assert (done.code, "is not filtered by where:" in done.err) == (3, True)
    assert [key for key, *_ in emails(tmp_path, "duckdb")] == [1]
    assert diff(tmp_path, "old", "new", "--table", "users").whole["equal"]
