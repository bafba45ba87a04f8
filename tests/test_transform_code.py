"""Rows of a changed transform are no mixture: the change is seen, and what cannot be seen is said."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from supasync_core.api.plugin_host import Host
from supasync_core.api.table_plugins import transforms_of
from supasync_core.model.table import Table
from supasync_core.sync import transform_code
from tests.diff.calling import call, csv_file

FILE = """
import re
import threading
from functools import partial, lru_cache
from dataclasses import dataclass
from supasync_core import hookimpl
from helper import shout

WORD = "one"

@lru_cache
def plain(row):
    row["name"] = shout(WORD)
    return row

def given(row, word):
    row["name"] = word
    return row

def closed(word):
    def inner(row):
        row["name"] = word
        return row
    return inner

@dataclass
class Masks:
    words: dict
    pattern: re.Pattern = re.compile("a")

    def __call__(self, row):
        self.words["seen"] = row["id"]
        row["name"] = self.words["x"]
        return row

class Locked:
    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, row):
        return row

@hookimpl
def supasync_register_transforms(registry):
    registry.add("plain", lambda row: plain.__wrapped__(row))
    registry.add("partial", partial(given, word=SETTING))
    registry.add("closed", closed(SETTING))
    registry.add("object", Masks({"x": SETTING}))
    registry.add("method", Masks({"x": SETTING}).__call__)
    registry.add("locked", Locked())
"""
HELPER = "def shout(text):\n    return text.upper()\n"
NAMES = ("plain", "partial", "closed", "object", "method")
YAML = """\
version: 1
source: {backend: csv, path: old}
sink: {backend: duckdb, path: new.duckdb}
plugins: [mine.py]
tables: {people: {transform: TRANSFORM}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "helper", raising=False)
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "mine.py").write_text(FILE.replace("SETTING", "'one'"))
    return tmp_path


def digests(folder: Path) -> dict[str, str]:
    host = Host()
    host.load_file(folder / "mine.py")
    found = transforms_of(host, Table(name="t", transform=tuple(NAMES)))
    return {name: transform_code.digest(each) for name, each in found}


@pytest.mark.slow
def test_an_unchanged_file_has_the_same_digests_in_every_process(folder: Path) -> None:
    here = digests(folder)
    code = (
        "import json, pathlib; from tests.test_transform_code import digests;"
        f"print(json.dumps(digests(pathlib.Path({str(folder)!r}))))"
    )
    environment = {"PYTHONPATH": f"{folder}:.", "PYTHONHASHSEED": "7", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert json.loads(done.stdout) == here
    assert len(set(here.values())) == len(NAMES)


def test_a_folder_in_another_place_and_other_line_ends_change_nothing(folder: Path) -> None:
    here = digests(folder)
    other = folder / "elsewhere"
    other.mkdir()
    (other / "helper.py").write_bytes(HELPER.replace("\n", "\r\n").encode())
    (other / "mine.py").write_bytes((folder / "mine.py").read_bytes().replace(b"\n", b"\r\n"))
    assert digests(other) == here


@pytest.mark.parametrize("what", ["a constant", "a helper", "a setting"])
def test_a_change_of_what_a_transform_goes_by_is_seen(folder: Path, what: str) -> None:
    before = digests(folder)
    text = (folder / "mine.py").read_text()
    match what:
        case "a constant":
            (folder / "mine.py").write_text(text.replace('WORD = "one"', 'WORD = "two"'))
        case "a helper":
            (folder / "helper.py").write_text(HELPER.replace("upper", "lower"))
        case "a setting":
            (folder / "mine.py").write_text(text.replace("'one'", "'two'"))
    after = digests(folder)
    assert [name for name in NAMES if after[name] == before[name]] == []


def test_a_setting_that_comes_from_elsewhere_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = FILE.replace("SETTING", "__import__('os').environ['MASK']")
    (folder / "mine.py").write_text(text)
    monkeypatch.setenv("MASK", "one")
    before = digests(folder)
    monkeypatch.setenv("MASK", "two")
    after = digests(folder)
    assert [name for name in NAMES if after[name] != before[name]] == [
        "partial",
        "closed",
        "object",
        "method",
    ]


def test_rows_that_pass_do_not_change_the_digest(folder: Path) -> None:
    host = Host()
    host.load_file(folder / "mine.py")
    [(_, masks)] = transforms_of(host, Table(name="t", transform=("object",)))
    before = transform_code.digest(masks)
    masks({"id": 1, "name": "x"})
    assert transform_code.digest(masks) == before


def project(folder: Path, name: str) -> Path:
    (folder / "old").mkdir()
    rows = [f"{n},person,2024-01-01 00:00:00+00" for n in range(9)]
    csv_file(folder / "old" / "people.csv", ["id,name,updated_at", *rows])
    (folder / "tables.yaml").write_text(YAML.replace("TRANSFORM", name))
    for command in ("setup", "sync"):
        done = call(folder, command)
        assert done.code == 0, done.err
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_changed_helper_stops_the_table(folder: Path, name: str) -> None:
    project(folder, name)
    assert call(folder, "sync").code == 0
    (folder / "helper.py").write_text(HELPER.replace("upper", "lower"))
    done = call(folder, "sync")
    assert done.code == 3
    assert "transform (its file, what that imports or what it holds) changed" in done.err
    assert call(folder, "sync", "--full", "people").code == 0


def test_what_cannot_be_seen_is_said(folder: Path) -> None:
    project(folder, "locked")
    assert "changes of lock in the transform locked cannot be seen" in call(folder, "sync").err


@pytest.mark.slow
def test_a_state_that_knows_less_of_a_transform_goes_on(folder: Path) -> None:
    """As 0.1.0 has stored it: its function's own text alone."""
    project(folder, "plain")
    with duckdb.connect(str(folder / "new.duckdb")) as new:
        stored = new.sql("select number, state from sync_metadata where state is not null").fetchall()
        for number, text in stored:
            state = json.loads(text)
            for table in state["tables"].values():
                del table["settings"]["transform_code"]
            new.execute("update sync_metadata set state = ? where number = ?", [json.dumps(state), number])
    done = call(folder, "sync")
    assert done.code == 0, done.err
    (folder / "helper.py").write_text(HELPER.replace("upper", "lower"))
    assert call(folder, "sync").code == 3
