"""`diff --format html` shows what differs, side by side, on a page of the same kind."""

from pathlib import Path

import pytest

from tests.diff.calling import call
from tests.report.browser import PROGRAM, browsing
from tests.report.conftest import Reader
from tests.report.test_browser import AXE, FINDINGS

HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    for side, rows in {
        "left": f"1,a,free\n2,b,pro\n3,{HOSTILE},\n5,e,free\n6,f,free\n6,g,free\n",
        "right": f"1,a,free\n2,bb,pro\n3,{HOSTILE},team\n4,d,free\n6,f,free\n",
    }.items():
        (tmp_path / side).mkdir()
        (tmp_path / side / "users.csv").write_text(f"id,email,plan\n{rows}")
        (tmp_path / side / "same.csv").write_text("id,v\n1,a\n")
    (tmp_path / "left" / "only.csv").write_text("id,v\n1,a\n")
    return tmp_path


def shown(folder: Path, *options: str) -> tuple[int, Reader]:
    done = call(folder, "diff", "left", "right", "--key", "id", "--format", "html", *options)
    reader = Reader()
    reader.feed(done.out)
    return done.code, reader


def test_counts_columns_rows_duplicates_and_causes_are_on_the_page(sides: Path) -> None:
    code, reader = shown(sides)
    said = " ".join(" ".join(reader.texts).split())
    assert code == 1
    assert "2 tables differ." in said
    assert "only: only in left" in said
    assert "users different 1 1 2 1 email 1, plan 1" in said
    assert "same equal 0 0 0 1" in said
    assert "key 6: 2 rows in left, 1 in right" in said
    assert "changed 2 email b bb unknown" in said
    assert "changed 3 plan NULL team" in said
    assert "added 4 email d unknown plan free" in said
    assert "what was compared does not show the cause" in said


def test_values_are_text_whatever_they_hold(sides: Path) -> None:
    (sides / "right" / "users.csv").write_text(f"id,email,plan\n3,{HOSTILE}x,\n")
    _, reader = shown(sides)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert any("<script>alert(1)</script>" in text for text in reader.texts)
    assert "\u202e" not in "".join(reader.texts)


def test_long_cells_are_cut_to_where_they_differ(sides: Path) -> None:
    long = "x" * 200_000
    for side, end in (("left", "a"), ("right", "b")):
        (sides / side / "same.csv").write_text(f"id,v\n1,{long}{end}{long}\n{long},{end}\n")
    code, reader = shown(sides, "--table", "same")
    said = "".join(reader.texts)
    assert (code, len(said) < 10_000) == (1, True)
    assert "...xx" in said
    assert "xxaxx" in said
    assert "xxbxx" in said


def test_more_rows_than_are_shown_are_counted(sides: Path) -> None:
    _, reader = shown(sides, "--limit", "1")
    assert "And 3 more" in " ".join(" ".join(reader.texts).split())


def test_two_equal_sides_are_said_to_be_equal(sides: Path) -> None:
    for name in ("users", "only"):
        for side in ("left", "right"):
            (sides / side / f"{name}.csv").unlink(missing_ok=True)
    code, reader = shown(sides)
    assert (code, "left and right are equal: 1 table." in " ".join(reader.texts)) == (0, True)


def test_a_table_that_cannot_be_compared_is_on_the_page_with_the_reason(sides: Path) -> None:
    (sides / "right" / "same.csv").write_text("other,v\n1,a\n")
    code, reader = shown(sides)
    assert (code, "not compared" in " ".join(reader.texts)) == (2, True)


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium: apt-get install chromium")
def test_it_reads_well_in_a_browser(sides: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(call(sides, "diff", "left", "right", "--key", "id", "--format", "html").out, "utf-8")
    with browsing(tmp_path / "browser") as browser:
        for dark in (False, True):
            browser.show(page, 360, dark=dark)
            assert browser.evaluate("document.documentElement.scrollWidth") <= 360
            browser.evaluate(AXE.read_text("utf-8"))
            assert browser.evaluate(FINDINGS) == []
