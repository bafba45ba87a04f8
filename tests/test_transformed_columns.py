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
    assert "the transform hidden gives some rows the columns email" in done.out + done.err
    assert "a@example.test" in (folder / "new/users.csv").read_text("utf-8"), "nothing was sent"


def test_null_is_a_value_that_all_rows_can_have(folder: Path) -> None:
    (folder / "mine.py").write_text(PLUGIN.format(hide='row["email"] = None'), "utf-8")
    assert call(folder, "setup").code == 0
    assert call(folder, "sync").code == 0
    (folder / "old/users.csv").write_text(HEAD + PRIVATE, "utf-8")
    assert call(folder, "sync").code == 0
    assert "@" not in (folder / "new/users.csv").read_text("utf-8")
