"""Folders of CSV files: whose file is whose, and what a rewritten file keeps."""

import os
import stat
from pathlib import Path

import pytest

from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_core.staging.csv.find_files import find, table_name_of
from supasync_core.staging.csv.folder import Files
from tests.diff.calling import call, csv_file


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("users.csv", "users"),
        ("USERS.CSV", "users"),
        ("users_rows.csv", "users"),
        ("users-2.csv", "users"),
        ("users_rows-12.csv", "users"),
        ("users_2023.csv", None),
        ("users-2023.csv", None),
        ("users_2.csv", None),
        ("users.2.csv", None),
        ("users (1).csv", None),
        ("users(1).csv", None),
        ("users-0.csv", None),
        ("users_old.csv", None),
        ("user.csv", None),
    ],
)
def test_only_what_supasync_proposes_is_a_further_part_of_a_table(
    tmp_path: Path, file: str, table: str | None
) -> None:
    (tmp_path / file).touch()
    found = find(tmp_path, [Table(name="users")])
    assert list(found.files) == ([table] if table else [])
    assert [path.name for path in found.unknown] == ([] if table else [file])


def test_a_table_of_a_part_s_name_has_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "log-2.csv").touch()
    assert list(find(tmp_path, [Table(name="log"), Table(name="log-2")]).files) == ["log-2"]
    assert [table_name_of(Path(name)) for name in ("log_2023.csv", "log_rows.csv", "log-2.csv")] == [
        "log_2023",
        "log",
        "log",
    ]


@pytest.mark.parametrize("names", [("user",), ("User",), ("user", "User"), ("User", "user")])
def test_names_that_differ_in_case_alone_are_two_tables(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in ("user.csv", "User.csv"):
        (tmp_path / name).touch()
    found = find(tmp_path, [Table(name=name) for name in names])
    assert {name: [path.stem for path in paths] for name, paths in found.files.items()} == {
        name: [name] for name in names
    }
    assert [path.stem for path in found.unknown] == [name for name in ("User", "user") if name not in names]
    (tmp_path / "user.csv").unlink()
    (tmp_path / "User.csv").rename(tmp_path / "USER.csv")
    alone = find(tmp_path, [Table(name=name) for name in names])
    assert bool(alone.unknown) == (len(names) == 2)


def test_rows_that_moved_to_a_file_of_another_case_are_differences(tmp_path: Path) -> None:
    for side, files in (("left", {"users": "1,a", "USERS": "2,b"}), ("right", {"users": "1,a\n2,b"})):
        (tmp_path / side).mkdir()
        for name, rows in files.items():
            (tmp_path / side / f"{name}.csv").write_text(f"id,v\n{rows}\n")
    assert call(tmp_path, "diff", "left", "right", "--key", "id").code == 1


def test_rows_that_move_between_two_years_are_differences(tmp_path: Path) -> None:
    for side, rows in (("left", ("1,a", "2,b")), ("right", ("2,b", "1,a"))):
        (tmp_path / side).mkdir()
        for year, row in zip(("2023", "2024"), rows, strict=True):
            (tmp_path / side / f"log_{year}.csv").write_text(f"id,v\n{row}\n")
    assert call(tmp_path, "diff", "left", "right", "--key", "id").code == 1


def test_reconcile_keeps_mode_and_link_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "left.csv").write_text("id,v\n1,a\n2,b\n")
    target = tmp_path / "real" / "right.csv"
    target.write_text("id,v\n1,a\n2,x\n")
    target.chmod(0o664)
    (tmp_path / "right.csv").symlink_to(target)
    assert call(tmp_path, "reconcile", "left.csv", "right.csv", "--apply").code == 0
    assert target.read_text() == "id,v\n1,a\n2,b\n"
    assert (tmp_path / "right.csv").is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o664


@pytest.mark.parametrize("path", ["old/new", "."])
def test_a_folder_within_another_is_another_project(tmp_path: Path, path: str) -> None:
    (tmp_path / "old" / "new").mkdir(parents=True)
    (tmp_path / "old" / "README").touch()
    (tmp_path / path / "NOTES").symlink_to(tmp_path / "old" / "README")
    csv_file(tmp_path / "old" / "users.csv", ["id,updated_at", "1,2024-01-01 00:00:00+00"])
    ends = f"source: {{backend: csv, path: old}}\nsink: {{backend: csv, path: {path}}}\n"
    (tmp_path / "tables.yaml").write_text(f"version: 1\n{ends}tables: {{users: {{}}}}\n")
    assert call(tmp_path, "setup").code == 0
    assert call(tmp_path, "sync").code == 0
    assert (tmp_path / path / "users.csv").read_bytes() == b"id,updated_at\n1,2024-01-01 00:00:00+00\n"


@pytest.mark.parametrize(
    ("old", "new", "link"),
    [
        ("old/users.csv", "old", ""),
        ("old", "old/users.csv", ""),
        ("old", "new", "new/users.csv"),
        ("new", "old", "new/users.csv"),
    ],
)
def test_two_projects_share_no_file_under_any_name(tmp_path: Path, old: str, new: str, link: str) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    csv_file(tmp_path / "old" / "users.csv", ["id,updated_at", "1,2024-01-01 00:00:00+00"])
    if link:
        (tmp_path / link).symlink_to("../old/users.csv")
    ends = f"source: {{backend: csv, path: {old}}}\nsink: {{backend: csv, path: {new}}}\n"
    (tmp_path / "tables.yaml").write_text(f"version: 1\n{ends}tables: {{users: {{}}}}\n")
    done = call(tmp_path, "setup")
    assert (done.code, "sink: shares a file with the source" in done.err) == (2, True)
    if new == "new":
        (tmp_path / "tables.yaml").write_text(
            f"version: 1\n{ends.replace('path: new', 'path: other')}tables: {{users: {{key: id}}}}\n"
        )
        (tmp_path / "left").mkdir()
        csv_file(tmp_path / "left" / "users.csv", ["id,updated_at", "1,2025-01-01 00:00:00+00"])
        done = call(tmp_path, "reconcile", "left", "./new", "--apply")
        assert (done.code, "OLD is never written to" in done.err) == (2, True)


@pytest.mark.skipif(not Path("/proc").exists(), reason="names differ in case on Linux alone")
def test_init_sees_a_suffix_in_capitals_and_the_file_that_sync_reads(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "users.CSV").write_text("id,name\n1,a\n")
    (export / "jobs_rows.csv").write_text("name,uid\na,1\n")
    (export / "jobs.csv").write_text("id,name\n1,a\n2,a\n")
    assert call(tmp_path, "init", "--from", "export").code == 0
    text = (tmp_path / "tables.yaml").read_text()
    assert "  users:" in text
    assert "key: uid" not in text
    assert os.listdir(export)  # noqa: PTH208 - nothing was written there


@pytest.mark.parametrize(
    ("header", "hint"), [("ID,v", "one side calls it ID"), (",id,v", "an index that pandas writes")]
)
def test_a_header_in_other_letters_or_an_index_is_table_name_of(
    tmp_path: Path, header: str, hint: str
) -> None:
    (tmp_path / "left.csv").write_text(f"{header}\n{'0,' * header.startswith(',')}1,a\n")
    (tmp_path / "right.csv").write_text("id,v\n1,a\n")
    done = call(tmp_path, "diff", "left.csv", "right.csv")
    assert done.code == 2
    assert hint in done.err


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("CON", "is the name of a device"),
        ("lpt1.x", "is the name of a device"),
        ("com\u00b9", "is the name of a device"),
        ("a:b", 'has ":" in it'),
        ("what?", 'has "?" in it'),
        ("x.", "ends in a dot"),
    ],
)
def test_what_windows_takes_for_something_else_is_no_file_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    assert Files(tmp_path).of(Table(name=name)).name == f"{name}.csv"
    monkeypatch.setattr("supasync_core.staging.csv.folder._WINDOWS", True)
    with pytest.raises(SchemaError, match="cannot be a file's") as err:
        Files(tmp_path).of(Table(name=name))
    assert why in str(err.value)
    assert Files(tmp_path).of(Table(name="console")).name == "console.csv"


def test_a_file_system_that_does_not_tell_case_mixes_no_two_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv_file(tmp_path / "users.csv", ["id", "1"])
    monkeypatch.setattr(Path, "exists", lambda path: path.name.lower() == "users.csv")
    assert Files(tmp_path).of(Table(name="users")).name == "users.csv"
    with pytest.raises(SchemaError, match="takes it for Users"):
        Files(tmp_path).of(Table(name="Users"))
