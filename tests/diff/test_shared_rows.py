"""Rows that two CSV files share are not joined, and what is said is what a join of all rows says."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from supasync_core.diff import reordered_lines, shared_rows
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.staging.csv import shared_lines
from tests.diff.calling import call

RAW = (
    *("", '""', "a", "null", "NA", "1.50", "1.5", "2024-01-01 00:00:00+00", "2024-01-02T00:00:00+00:00"),
    *('"a,b"', '"x\ny"', '"\n"', '"say ""hi"""', '""""', '"1,""2"",\n3"', '",""x"', '" b"', '"{""n"":1}"'),
    *('5"', 'ab"c"d', 'x""', '"a"b', '"open', "a,b", "\x80", "ü"),
)
"""Cells as they stand in a file, sound or not."""
SOUND = RAW[: RAW.index('5"')]
ROWS = st.lists(st.tuples(st.integers(0, 30).map(str), *[st.sampled_from(SOUND)] * 2), max_size=25)
ODD = st.tuples(st.sampled_from((*RAW, "7")), st.sampled_from(RAW), st.sampled_from(RAW))
EDIT = st.tuples(st.sampled_from(["drop", "put", "swap", "cell"]), st.integers(0, 25), ODD)
EDITS = st.lists(EDIT, max_size=4)
Row = tuple[str, str, str]


def edited(rows: Sequence[Row], edits: Sequence[tuple[str, int, Row]]) -> list[Row]:
    """The rows after all edits."""
    found = list(rows)
    for what, place, row in edits:
        at = place % (len(found) + 1)
        if what == "put":
            found.insert(at, row)
        elif what == "drop":
            del found[at : at + 1]
        elif what == "swap":
            found[at : at + 2] = reversed(found[at : at + 2])
        elif found[at : at + 1]:
            found[at] = (found[at][0], row[1], found[at][2])
    return found


def written(path: Path, rows: Sequence[Row], end: str, last: str) -> None:
    """The rows as a file."""
    lines = end.join(["id,name,updated_at", *map(",".join, rows)])
    path.write_bytes((lines + last).encode("latin-1" if "\x80" in lines else "utf-8", errors="replace"))


def told(folder: Path, *options: str) -> tuple[int, str, str]:
    """Exit code and everything that is printed."""
    done = call(folder, "diff", "left.csv", "right.csv", "--key", "id", "--format", "json", *options)
    return done.code, done.out, done.err


def loads(patch: pytest.MonkeyPatch) -> list[Any]:
    """What becomes of each pair of files from now on."""
    found: list[Any] = []
    load_both = shared_rows.load_both

    def spied(*args: Any) -> tuple[LoadedSide, LoadedSide] | None:
        found.append(load_both(*args))
        return found[-1]  # type: ignore[no-any-return]

    patch.setattr(shared_rows, "load_both", spied)
    return found


@pytest.mark.slow
@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=ROWS,
    edits=EDITS,
    others=EDITS,
    ends=st.sampled_from([("\n", "\n"), ("\r\n", "\r\n"), ("\n", "\r\n")]),
    last=st.sampled_from(["", "\n"]),
    piece=st.sampled_from([64, 300, 1 << 20]),
    order=st.sampled_from([1, -1]),
    small=st.sampled_from([0, 1 << 16]),
    options=st.sampled_from(
        [(), ("--strict",), ("--ignore", "name"), ("--key", "name"), ("--dialect", "sql-editor")]
    ),
)
@example([("1", "a", '"x'), ("2", "b", 'y"')], [], [], ("\n", "\n"), "\n", 300, 1, 0, ())
@example([("1", "a", "b")] * 2, [], [("put", 0, ("9", "a", "a"))], ("\n", "\n"), "\n", 1 << 20, 1, 0, ())
@example([("1", "a", '"x'), ("2", "b", 'y"')], [], [], ("\n", "\n"), "\n", 64, -1, 0, ())
@example([("1", "a", "b")], [("put", 1, ("1", "a", "b"))], [], ("\n", "\n"), "", 64, -1, 0, ())
def test_a_comparison_says_the_same_with_and_without_shared_rows(  # noqa: PLR0913, PLR0917
    tmp_path: Path,
    rows: list[Row],
    edits: list[tuple[str, int, Row]],
    others: list[tuple[str, int, Row]],
    ends: tuple[str, str],
    last: str,
    piece: int,
    order: int,
    small: int,
    options: tuple[str, ...],
) -> None:
    base = edited(rows, others)
    written(tmp_path / "left.csv", base, ends[0], last and ends[0])
    written(tmp_path / "right.csv", edited(base, edits)[::order], ends[1], ends[1])
    with pytest.MonkeyPatch.context() as patch:
        if order < 0:
            patch.setattr(shared_rows, "shared", lambda *_: None)
            patch.setattr(reordered_lines, "_LEAST", 0)
            patch.setattr(reordered_lines, "_is_folded", lambda _: False)
            patch.setattr(reordered_lines, "MOST_LEFT", 0)
        patch.setattr(shared_lines, "PIECE", piece)
        patch.setattr(shared_lines, "MOST_LEFT", 0)
        patch.setattr(shared_lines, "_BETWEEN", 0)
        patch.setattr(shared_rows, "_SMALL", small)
        shared = told(tmp_path, *options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_rows, "load_both", lambda *_: None)
        assert shared == told(tmp_path, *options)


@pytest.mark.parametrize("small", [0, 1 << 16])
def test_only_rows_that_are_not_the_same_text_are_loaded(
    tmp_path: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(str(i), f'"some ""words"" of {i},\nand more"', "2024-01-01 00:00:00+00") for i in range(500)]
    other = [(key, "gone" if key == "7" else name, at) for key, name, at in rows if key != "9"]
    written(tmp_path / "left.csv", rows, "\n", "\n")
    written(tmp_path / "right.csv", [*other, ("501", "new", "2024-01-03 00:00:00+00")], "\n", "\n")
    monkeypatch.setattr(shared_rows, "_SMALL", small)
    found = loads(monkeypatch)
    code, out, _ = told(tmp_path)
    (table,) = json.loads(out)["tables"].values()
    left, right = found[0]
    assert (left.rows, right.rows, left.shared) == (2, 2, 498)
    assert (code, table["added"], table["removed"], table["changed"], table["unchanged"]) == (1, 1, 1, 1, 498)


@pytest.mark.parametrize("small", [0, 1 << 16])
@pytest.mark.parametrize("place", ["shared", "left over"])
def test_a_key_that_comes_twice_is_found_among_shared_rows(
    tmp_path: Path, place: str, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(str(i), "a", "") for i in range(50)]
    twice = ("3", "b", "")
    written(tmp_path / "left.csv", [*rows, twice] if place == "shared" else rows, "\n", "\n")
    written(tmp_path / "right.csv", [*rows, twice], "\n", "\n")
    monkeypatch.setattr(shared_rows, "_SMALL", small)
    code, out, _ = told(tmp_path)
    (table,) = json.loads(out)["tables"].values()
    assert (code, table["unchanged"], table["duplicate_keys"]) == (1, 49, 1)


@pytest.mark.parametrize(
    ("odd", "shared"),
    [
        ("", 19_998),
        pytest.param("1,b,\n", None, id="a key that comes twice"),
        pytest.param('-1,"two\nlines",\n', None, id="a row of two lines"),
        pytest.param("-1,\x1f,\n", None, id="a character that no line may have"),
    ],
)
def test_of_files_in_another_order_only_rows_that_are_not_the_same_text_are_loaded(
    tmp_path: Path, odd: str, shared: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{i},{'a' * 60},\n" for i in range(20_000)]
    other = [*rows[5_000:], *rows[1:4_999], "4999,b,\n", "20000,b,\n"]
    (tmp_path / "left.csv").write_text(f"id,name,updated_at\n{odd}{''.join(rows)}")
    (tmp_path / "right.csv").write_text(f"id,name,updated_at\n{''.join(other)}{odd}")
    found = loads(monkeypatch)
    code, out, _ = told(tmp_path)
    (table,) = json.loads(out)["tables"].values()
    assert (found[0] and (found[0][0].shared, found[0][0].rows, found[0][1].rows)) == (
        shared and (shared, 2, 2)
    )
    alike = 19_998 + odd.startswith("-1")
    counts = [table[name] for name in ("added", "removed", "changed", "unchanged", "duplicate_keys")]
    assert (code, counts) == (1, [1, 1, 1, alike - odd.startswith("1,"), odd.startswith("1,")])
