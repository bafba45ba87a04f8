"""Sheets of .xlsx workbooks as sides: what they hold, and what they hide."""

import json
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.diff.calling import call, csv_file, diff


def book(path: Path, *rows: list[Any], title: str = "Sheet", epoch: datetime | None = None) -> str:
    """A workbook with one sheet of these rows; its name."""
    made = openpyxl.Workbook()
    made.epoch = epoch or made.epoch
    made.active.title = title
    for row in rows:
        made.active.append(row)
    made.save(path)
    return path.name


def edited(path: Path, member: str, before: str, after: str, packing: int = ZIP_DEFLATED) -> None:
    """The workbook with another text in one of its files."""
    with ZipFile(path) as packed:
        files = {each: packed.read(each) for each in packed.namelist()}
    text = files[member].decode()
    assert before in text
    files[member] = text.replace(before, after).encode()
    with ZipFile(path, "w", packing) as packed:
        for name, body in files.items():
            packed.writestr(name, body)


SHEET = "xl/worksheets/sheet1.xml"
CELLS = st.fixed_dictionaries(
    {
        "text": st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs", "P"]), min_size=1),
        "number": st.integers(-(10**15), 10**15) | st.floats(-1e6, 1e6).map(lambda n: float(f"{n:.15g}")),
        "flag": st.booleans(),
        "at": st.datetimes(datetime(1904, 1, 2), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - has no zone
            lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
        ),
    }
)


@pytest.mark.slow
@settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(CELLS, min_size=1, max_size=4), st.sampled_from([1900, 1904]), st.data())
def test_a_sheet_is_the_same_as_a_csv_file_of_its_rows_but_for_the_one_cell_that_differs(
    tmp_path: Path, rows: list[dict[str, Any]], first: int, data: st.DataObject
) -> None:
    names = ["id", *rows[0]]
    epoch = datetime(1904, 1, 1) if first > 1900 else None  # noqa: DTZ001 - a workbook has no zones
    cells = [[number, *row.values()] for number, row in enumerate(rows)]
    for row in cells:
        row[1] = f"x{row[1]}"  # what begins with = would be a formula
    right = book(tmp_path / "r.xlsx", names, *cells, epoch=epoch)
    lines = [[f'"{str(cell).replace(chr(34), 2 * chr(34))}"' for cell in row] for row in cells]
    left = csv_file(tmp_path / "l.csv", [",".join(names), *map(",".join, lines)])
    assert diff(tmp_path, left, right, "--tolerance", "1ms").counts == (0, 0, 0, len(rows))
    number, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(1, 4))
    lines[number][column] = '"another"'
    left = csv_file(tmp_path / "l.csv", [",".join(names), *map(",".join, lines)])
    told = diff(tmp_path, left, right)
    assert names[column] in told.row(str(number))["columns"]


def test_values_have_their_texts_and_what_a_workbook_hides_is_said(tmp_path: Path) -> None:
    name = book(
        tmp_path / "r.xlsx",
        ["id", "n", "day", "clock", "span", "error", "empty", None],
        [1, 0.1, date(2024, 2, 29), time(10, 30), timedelta(hours=30), "#DIV/0!", None],
        [],
        [2, 77, datetime(2024, 1, 1, 12, 0, 0, 500_000), None, None, None, ""],  # noqa: DTZ001
    )
    edited(tmp_path / name, SHEET, "<v>77</v>", "<v>1234567890123456789</v>")
    left = csv_file(
        tmp_path / "l.csv",
        [
            "id,n,day,clock,span,error,empty",
            "1,0.1,2024-02-29,10:30:00,30:00:00,#DIV/0!,",
            '2,1234567890123456789,2024-01-01 12:00:00.5,"","","",""',
        ],
    )
    told = diff(tmp_path, left, name)
    assert told.counts == (0, 0, 0, 2), told.table["rows"]
    notes = " ".join(told.table["notes"])
    assert "r.xlsx: the sheet Sheet is read" in notes
    assert "r.xlsx: 1 cell holds an error such as #DIV/0!" in notes
    assert "r.xlsx: 1 cell holds a number of more than 15 digits" in notes
    assert "an empty cell may be NULL or an empty text: in clock, span, error, empty, both" in notes
    done = call(tmp_path, "reconcile", name, left, "--apply")
    assert (done.code, "r.xlsx is an export of the dashboard or a workbook" in done.err) == (3, True)
    done = call(tmp_path, "reconcile", left, name, "--apply")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: RIGHT r.xlsx cannot be written to")


def test_what_xml_lacks_is_told_from_the_text_that_stands_for_it(tmp_path: Path) -> None:
    texts = {
        "a_x000D_b": "a\rb",
        "a_x005F_x000D_b": "a_x000D_b",
        "ax005F_b": "ax005F_b",
        "_xD800_": "_xD800_",
    }
    part = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    for number, (written, shown) in enumerate(texts.items()):
        path = tmp_path / book(tmp_path / f"{number}.xlsx", ["id", "v"], [1, "word"])
        edited(path, SHEET, 't="inlineStr"><is><t>word</t></is>', 't="s"><v>0</v>')
        shared = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{part}"/></Types>'
        edited(path, "[Content_Types].xml", "</Types>", shared)
        with ZipFile(path, "a", ZIP_DEFLATED) as packed:
            space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
            packed.writestr("xl/sharedStrings.xml", f'<sst xmlns="{space}"><si><t>{written}</t></si></sst>')
        (tmp_path / "l.jsonl").write_text(f"{json.dumps({'id': 1, 'v': shown})}\n")
        assert diff(tmp_path, "l.jsonl", path.name, "--key", "id").counts == (0, 0, 0, 1), written
    assert diff(tmp_path, "0.xlsx", "1.xlsx", "--key", "id").counts == (0, 0, 1, 0)


def test_a_formula_is_its_saved_value_and_refused_without_one(tmp_path: Path) -> None:
    name = book(tmp_path / "r.xlsx", ["id", "n"], [1, "=1+1"])
    left = csv_file(tmp_path / "l.csv", ["id,n", "1,2"])
    done = call(tmp_path, "diff", left, name)
    assert (done.code, "has a formula without a saved value in Sheet!B2" in done.err) == (2, True), done.err
    edited(tmp_path / name, SHEET, "<v />", "<v>2</v>")
    edited(tmp_path / name, SHEET, "<f>", "<f\n>")
    told = diff(tmp_path, left, name)
    assert told.counts == (0, 0, 0, 1)
    assert "right: r.xlsx: 1 cell is a formula, compared by its value" in told.table["notes"]
    edited(tmp_path / name, SHEET, "<v>2</v>", "<v></v>")
    edited(tmp_path / name, SHEET, 'r="B2"', 'r="B2" t="str"')
    left = csv_file(tmp_path / "l.csv", ["id,n", '1,""'])
    assert diff(tmp_path, left, name).counts == (0, 0, 0, 1), "an empty text is a value"


def test_what_nobody_reads_of_a_workbook_may_be_large(tmp_path: Path) -> None:
    """Excel writes a chain of calculation with an element for each formula, and pivot tables' caches."""
    name = book(tmp_path / "r.xlsx", ["id", "v"], [1, "a"])
    with ZipFile(tmp_path / name, "a", ZIP_DEFLATED) as packed:
        packed.writestr("xl/calcChain.xml", f"<calcChain>{'<c/>' * 1_000_001}</calcChain>")
        packed.writestr("xl/pivotCache/pivotCacheRecords1.xml", f"<r>{'<x/>' * 1_000_001}</r>")
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,a"])
    assert diff(tmp_path, left, name).counts == (0, 0, 0, 1)


def test_one_of_several_sheets_is_named(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    made.active.title = "A#1"
    for sheet, value in ((made.active, "a"), (made.create_sheet("users"), "b")):
        sheet.append(["id", "v"])
        sheet.append([1, value])
    made["users"].merge_cells("C3:D4")
    made.save(tmp_path / "r.xlsx")
    left = csv_file(tmp_path / "users.csv", ["id,v", "1,b"])
    done = call(tmp_path, "diff", left, "r.xlsx")
    assert done.code == 2
    assert "r.xlsx has 2 sheets: name one of A#1, users behind a #" in done.err
    told = diff(tmp_path, left, "r.xlsx#users")
    assert told.counts == (0, 0, 0, 1)
    assert any("merged cells" in note for note in told.table["notes"])
    assert diff(tmp_path, "r.xlsx#A#1", left).counts == (0, 0, 1, 0)
    assert "has no sheet B: name one of" in call(tmp_path, "diff", left, "r.xlsx#B").err
    assert "s.xlsx#B: no such file" in call(tmp_path, "diff", left, "s.xlsx#B").err


def _bad(tmp_path: Path) -> dict[str, str]:
    """What is wrong with each workbook."""
    plain = (["id", "v"], [1, "a"])
    (tmp_path / "text.xlsx").write_text("id,v\n")
    book(tmp_path / "names.xlsx", ["id", None, "v"], [1, 2, 3])
    book(tmp_path / "nameless.xlsx", ["id", "v"], [1, 2, 3])
    book(tmp_path / "none.xlsx")
    book(tmp_path / "large.xlsx", *plain)
    with ZipFile(tmp_path / "large.xlsx", "a", ZIP_DEFLATED) as packed:
        packed.writestr("x", b"0")
        packed.getinfo("x").file_size = 1_000_000_001
    book(tmp_path / "entities.xlsx", *plain)
    entities = '<!DOCTYPE a [<!ENTITY b "bbb">]><worksheet '
    edited(tmp_path / "entities.xlsx", SHEET, "<worksheet ", entities)
    book(tmp_path / "far.xlsx", *plain)
    edited(tmp_path / "far.xlsx", SHEET, '<row r="2"', '<row r="99999999999"')
    for name, before, after in (
        ("again.xlsx", "</sheetData>", '<row r="2"><c r="A2"><v>1</v></c></row></sheetData>'),
        ("behind.xlsx", '<row r="1"', '<row r="3"'),
        ("swapped.xlsx", 'r="A2"', 'r="C2"'),
    ):
        edited(tmp_path / book(tmp_path / name, *plain), SHEET, before, after)
    cells, text = '<row r="3">' + "<c/>" * 1_000_001, "<!-- -->" + "x" * 4_000_001
    for name, held in (
        ("wide.xlsx", cells + "</row>"),
        ("long.xlsx", text),
        ("loose.xlsx", "<a/>" * 1_000_001),
    ):
        edited(tmp_path / book(tmp_path / name, *plain), SHEET, "</sheetData>", f"{held}</sheetData>")
    attributes = " ".join(f'a{number}="1"' for number in range(150))
    for name, member, before, held in (
        ("many.xlsx", SHEET, "</sheetData>", f"<z {attributes}/>" * 27_000),
        ("rows.xlsx", "xl/workbook.xml", "</workbook>", f"<row>{'<c/>' * 600_000}</row>" * 2),
    ):
        edited(tmp_path / book(tmp_path / name, *plain), member, before, f"{held}{before}")
    edited(tmp_path / book(tmp_path / "bzip2.xlsx", *plain), SHEET, "<row", "<row", ZIP_BZIP2)
    book(tmp_path / "cut.xlsx", *plain)
    edited(tmp_path / "cut.xlsx", SHEET, "</sheetData>", "")
    return {
        "text.xlsx": "cannot be read as a workbook (BadZipFile)",
        "names.xlsx": "missing or duplicate column names",
        "nameless.xlsx": "has a value in Sheet!C2, a column without a name",
        "none.xlsx": "missing or duplicate column names",
        "large.xlsx": "unpacks to more than 1.0 GB",
        "entities.xlsx": "cannot be read as a workbook (",
        "far.xlsx": "has more than 1,048,576 rows",
        "again.xlsx": "not in order, in row 2 of the sheet Sheet",
        "behind.xlsx": "not in order, in row 2 of the sheet Sheet",
        "swapped.xlsx": "not in order, in row 2 of the sheet Sheet",
        **dict.fromkeys(
            ("wide.xlsx", "long.xlsx", "loose.xlsx", "many.xlsx"),
            "holds more in xl/worksheets/sheet1.xml than Excel writes",
        ),
        "bzip2.xlsx": "packs [Content_Types].xml otherwise than Excel",
        "rows.xlsx": "holds more in xl/workbook.xml than Excel writes",
        "cut.xlsx": "cannot be read as a workbook (ParseError)",
    }


@pytest.mark.slow
def test_a_workbook_that_cannot_be_read_to_its_end_is_trouble_in_one_sentence(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,a"])
    for name, said in _bad(tmp_path).items():
        done = call(tmp_path, "diff", left, name)
        assert (done.code, done.out) == (2, "")
        assert name in done.err
        assert said in done.err


def test_the_extra_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = book(tmp_path / "r.xlsx", ["id"], [1])
    for each in ("openpyxl", "defusedxml"):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, each, None)
            done = call(tmp_path, "diff", name, name)
        assert (done.code, done.err) == (
            2,
            'error: r.xlsx: a workbook needs openpyxl and defusedxml: pip install "supasync[xlsx]"\n',
        )
