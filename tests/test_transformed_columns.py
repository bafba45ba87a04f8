"""A transform gives all rows of a table the same columns: NEW would keep what a batch does not name."""

from pathlib import Path

import pytest

from tests.diff.calling import call

PLUGIN = """
from supasync_core import hookimpl

@hookimpl
def supasync_register_transforms(registry):
    def hidden(row):
        if row["v"] == "private":
            {hide}
        return row
    registry.add("hidden", hidden)
"""
CONFIG = """\
version: 1
plugins: [mine.py]
source: {backend: csv, path: old}
sink: {backend: csv, path: new}
tables:
  users: {transform: hidden, page_size: 2, overlap: 1s}
"""
HEAD = "id,v,email,updated_at\n"
REFUSED = "after the transform hidden, the row id=1 and those before it differ in the columns email"
OPEN = "1,open,a@example.test,2024-01-01T00:00:00Z\n2,open,b@example.test,2024-01-01T00:00:00Z\n"
PRIVATE = "1,private,a@example.test,2024-02-01T00:00:00Z\n2,private,b@example.test,2024-02-01T00:00:00Z\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    (tmp_path / "tables.yaml").write_text(CONFIG, "utf-8")
    (tmp_path / "old/users.csv").write_text(HEAD + OPEN, "utf-8")
    return tmp_path


def test_rows_of_a_later_page_that_lack_a_column_stop_the_table(folder: Path) -> None:
    (folder / "mine.py").write_text(PLUGIN.format(hide='del row["email"]'), "utf-8")
    assert call(folder, "setup").code == 0
    assert call(folder, "sync").code == 0
    (folder / "old/users.csv").write_text(HEAD + PRIVATE, "utf-8")
    done = call(folder, "sync")
    assert done.code == 3, done.out + done.err
    assert REFUSED in done.out + done.err
    assert "a@example.test" in (folder / "new/users.csv").read_text("utf-8"), "nothing was sent"


def test_null_is_a_value_that_all_rows_can_have(folder: Path) -> None:
    (folder / "mine.py").write_text(PLUGIN.format(hide='row["email"] = None'), "utf-8")
    assert call(folder, "setup").code == 0
    assert call(folder, "sync").code == 0
    (folder / "old/users.csv").write_text(HEAD + PRIVATE, "utf-8")
    assert call(folder, "sync").code == 0
    assert "@" not in (folder / "new/users.csv").read_text("utf-8")


@pytest.fixture
def copied(folder: Path) -> Path:
    """Two rows were copied with all columns; the transform leaves one out of those that are private."""
    (folder / "mine.py").write_text(PLUGIN.format(hide='del row["email"]'), "utf-8")
    assert call(folder, "setup").code == 0
    assert call(folder, "sync").code == 0
    return folder


def exported(folder: Path, rows: str) -> str:
    """A folder with the rows as a person has saved them."""
    (folder / "export").mkdir()
    (folder / "export/users.csv").write_text(HEAD + rows, "utf-8")
    return "export"


def test_an_import_holds_rows_to_the_columns_of_those_that_were_copied(copied: Path) -> None:
    done = call(copied, "gap", "import", exported(copied, PRIVATE), "--yes")
    assert done.code == 3, done.out + done.err
    assert REFUSED in done.out + done.err
    assert "private" not in (copied / "new/users.csv").read_text("utf-8")


def test_an_import_holds_rows_of_a_later_page_to_those_of_the_first(copied: Path) -> None:
    later = PRIVATE.replace("1,private", "3,private").replace("2,private", "4,private")
    done = call(copied, "gap", "import", exported(copied, OPEN + later), "--dry-run")
    assert done.code == 3, done.out + done.err
    assert "the row id=3 and those before it differ in the columns email" in done.out + done.err


@pytest.mark.parametrize("command", [("diff", "old", "new"), ("reconcile", "old", "new", "--apply")])
def test_a_comparison_of_two_sides_holds_them_to_it(copied: Path, command: tuple[str, ...]) -> None:
    later = PRIVATE.replace("1,private", "3,private").replace("2,private", "4,private")
    (copied / "old/users.csv").write_text(HEAD + OPEN + later, "utf-8")
    done = call(copied, *command)
    assert done.code in (2, 3), done.out + done.err
    assert "differ in the columns email" in done.out + done.err
    assert "private" not in (copied / "new/users.csv").read_text("utf-8")


def test_verify_does_not_call_rows_equal_of_which_new_keeps_a_column(copied: Path) -> None:
    for name in ("old", "new"):
        (copied / name / "users.csv").write_text(HEAD + PRIVATE, "utf-8")
    done = call(copied, "verify")
    assert done.code == 2, done.out + done.err
    assert REFUSED in done.out + done.err


@pytest.mark.slow
def test_rows_that_come_with_other_columns_are_not_held_to_those_that_were_copied(copied: Path) -> None:
    folder = copied / exported(copied, "")
    (folder / "users.csv").write_text("id,v,updated_at\n3,open,2024-03-01T00:00:00Z\n", "utf-8")
    done = call(copied, "gap", "import", "export", "--yes", "--accept", "header")
    assert done.code == 0, done.out + done.err
    assert "3,open" in (copied / "new/users.csv").read_text("utf-8")
