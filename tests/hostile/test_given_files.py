"""Files handed over: what is not a file is refused, and no line of any length takes the machine's memory."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_core.staging.csv import records
from supasync_core.system.links import replace_whole
from supasync_csv.workspace import header
from tests.servers.command import run

TABLE = Table(name="users")
POSIX = pytest.mark.skipif(os.name != "posix", reason="FIFOs and devices are POSIX's")
ODD: dict[str, Callable[[Path], object]] = {
    "a FIFO": os.mkfifo,
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "a device": lambda path: path.symlink_to("/dev/full"),
    "a folder": lambda path: path.mkdir(),
}
CALLS = {
    "diff": ("diff", "users.csv", "good.csv", "--key", "id"),
    "diff of a folder": ("diff", "given", "good.csv", "--key", "id", "--table", "users"),
    "init": ("init", "--from", "given"),
}


@POSIX
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("odd", ODD)
def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path, odd: str, call: str) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "good.csv").write_text("id,name\n1,A\n")
    for folder in (tmp_path, tmp_path / "given"):
        ODD[odd](folder / "users.csv")
    done = run(tmp_path, *CALLS[call])
    assert done.returncode in (2, 3), done.stderr
    assert "defect" not in done.stderr
    assert "users" in done.stderr or odd == "a folder"


@POSIX
@pytest.mark.parametrize("odd", ["a FIFO", "zeros"])
def test_the_last_gap_takes_nothing_that_is_not_a_file(
    tmp_path: Path, demo_in: Callable[[Path], Path], odd: str
) -> None:
    folder = demo_in(tmp_path / "demo")
    (folder / "given").mkdir()
    ODD[odd](folder / "given" / "users.csv")
    done = run(folder, "gap", "import", "given", "--dry-run", "--file", "users=given/users.csv")
    assert done.returncode in (2, 3), done.stderr
    assert "defect" not in done.stderr
    assert "users.csv" in done.stderr + done.stdout


LINES = {
    "a first line without an end": b"a" * 3_000_000,
    "a first line whose quotes do not close": b'id,"' + b"\n" * 3_000_000,
    "quotes alone": b'"' * 3_000_001,
    "more columns than a table can have": b",".join(b"c%d" % n for n in range(2_000)) + b"\n",
    "nothing": b"",
    "zeros": b"\0" * 3_000_000,
}


@pytest.mark.parametrize("name", LINES)
def test_a_first_line_that_is_none_is_refused_after_its_first_megabyte(tmp_path: Path, name: str) -> None:
    (tmp_path / "users.csv").write_bytes(LINES[name])
    with pytest.raises(SchemaError, match=r"first line|columns") as told:
        header(TABLE, tmp_path / "users.csv")
    assert len(str(told.value)) < 500


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_sound_first_line_is_read_whatever_follows(tmp_path: Path, start: str, end: str) -> None:
    text = f'{start}id,"a ""b""{end}c"{end}1,2{end}'
    (tmp_path / "users.csv").write_bytes(text.encode())
    assert header(TABLE, tmp_path / "users.csv") == ["id", f'a "b"{end}c']


CELLS = st.text('ab,"\n', max_size=6).map(lambda text: f'"{text.replace(chr(34), chr(34) * 2)}"') | st.text(
    "ab", max_size=3
)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=5), st.booleans())
def test_long_records_have_the_fields_that_short_ones_have(rows: list[list[str]], mark: bool) -> None:  # noqa: FBT001
    text = "\ufeff" * mark + "".join(",".join(row) + "\n" for row in rows)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "users.csv"
        path.write_bytes(text.encode())
        told = []
        for copied in (1 << 24, -1):
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(records, "_COPIED", copied)
                found = records.look(path, ",", 2, path.with_suffix(".draft"))
            told.append((found.bad, found.more))
    assert told[0] == told[1]


@pytest.mark.slow
@pytest.mark.parametrize("head", [b"id,name\n", b'id,name\n1,"', b"id\n"])
def test_a_line_of_any_length_is_not_held_in_memory(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(head)
    os.truncate(path, 40_000_000)
    tracemalloc.start()
    try:
        records.look(path, ",", head.partition(b"\n")[0].count(b",") + 1, tmp_path / "draft")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@POSIX
def test_a_draft_that_is_swapped_for_a_link_gives_nothing_away(tmp_path: Path) -> None:
    path, mine = tmp_path / "shared" / "users.csv", tmp_path / "mine"
    path.parent.mkdir()
    path.write_text("id\n")
    path.chmod(0o666)
    mine.write_text("mine")
    mine.chmod(0o600)

    def planted(draft: BinaryIO) -> None:
        for new in list(path.parent.iterdir()):
            new.unlink()
            new.symlink_to(mine)
        draft.write(b"id\n1\n")

    replace_whole(path, planted)
    assert mine.read_text() == "mine"
    assert mine.stat().st_mode & 0o777 == 0o600
