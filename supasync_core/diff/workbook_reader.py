"""A workbook as openpyxl reads it: texts with their escapes, rows in order and no wider than they are."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from sys import getsizeof
from typing import Any, Final

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import FORMULA_TAG, ROW_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from supasync_core.diff.workbook_bounds import BYTES, ROWS, BoundedZip, too_much
from supasync_core.staging.csv.packed import UnreadableFileError

_TEXT: Final = f"{{{SHEET_MAIN_NS}}}si"
_LET_GO: Final = {"rows": ROW_TAG[1:], "texts": _TEXT[1:]}
"""The elements that are let go, as expat names them."""
_MOST_TEXTS: Final = 5_000_000
_MADE: Final = "str"
"""The type of an empty text that a formula made; any other text's is ``s``."""


class _Unread(ReadOnlyWorksheet):  # type: ignore[misc]
    """A sheet that is not opened before its rows are asked for."""

    def _get_size(self) -> None:
        """Nobody asks for it."""


class _Reader(ExcelReader):  # type: ignore[misc]
    """Its own reader of texts drops ``x005F_``: two different ones would be equal."""

    def read_worksheets(self) -> None:
        """Name the sheets that have rows."""
        for sheet, rel in self.parser.find_sheets():
            if rel.target in self.valid_files and "chartsheet" not in rel.Type:
                found = _Unread(self.wb, sheet.name, rel.target, self.shared_strings)
                self.wb._sheets.append(found)  # noqa: SLF001 - as its own reader does

    def read_theme(self) -> None:
        """Nobody asks for it."""

    def read_strings(self) -> None:
        """Read the texts that cells share, their escapes included."""
        part = self.package.find(SHARED_STRINGS)
        if part is not None:
            name = part.PartName[1:]
            with self.archive.open(name, lets_go=_LET_GO["texts"]) as file:
                self.shared_strings = list(_texts(file, name))


def _texts(file: Any, name: str) -> Iterator[str]:  # noqa: ANN401 - an open member
    size = number = 0
    for _, node in iterparse(file):
        if node.tag == _TEXT:
            text = Text.from_tree(node).content
            size, number = size + getsizeof(text), number + 1
            if size > BYTES or number > _MOST_TEXTS:
                raise too_much(name)
            yield text
            node.clear()


class _Cells(WorkSheetParser):  # type: ignore[misc]
    """Its own reader takes an empty text that a formula made for no value, and keeps all beside the rows."""

    def parse(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """The rows alone."""
        for _, element in iterparse(self.source):
            if element.tag == ROW_TAG:
                yield self.parse_row(element)
                self.row_dimensions.clear()
                element.clear()

    def parse_formula(self, _element: Any) -> str:  # noqa: ANN401 - of openpyxl, which has no types
        """That there is one: nobody asks which."""
        return "="

    def parse_cell(self, element: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """The cell; programs give a formula's cell the type of a text as they save its value."""
        cell: dict[str, Any] = super().parse_cell(element)
        made = cell["data_type"] == _MADE and element.find(FORMULA_TAG) is not None
        if made and element.find(VALUE_TAG) is not None:
            cell["value"] = ""
        return cell


def opened(archive: BoundedZip, *, values: bool) -> Any:  # noqa: ANN401 - as above
    """The workbook; a formula is its value, as it was saved, or itself."""
    reader = _Reader(archive.filename, read_only=True, data_only=values, keep_links=False)
    reader.archive.close()
    reader.archive = archive
    reader.read()
    return reader.wb


def source(archive: BoundedZip, sheet: Any) -> Any:  # noqa: ANN401 - as above
    """The sheet's part, opened."""
    return archive.open(sheet._worksheet_path, lets_go=_LET_GO["rows"])  # noqa: SLF001 - there is no other way


def rows(sheet: Any) -> Iterator[Sequence[Any]]:  # noqa: ANN401 - as above
    """The rows that there are, whatever size the sheet says that it has; empty cells at an end are left out.

    UnreadableFileError where they are not in order: openpyxl's own iterator leaves those out.
    """
    book, last = sheet.parent, 0
    with source(book._archive, sheet) as part:  # noqa: SLF001 - as above
        parser = _Cells(
            part,
            sheet._shared_strings,  # noqa: SLF001 - as above
            data_only=book.data_only,
            epoch=book.epoch,
            date_formats=book._date_formats,  # noqa: SLF001 - as above
            timedelta_formats=book._timedelta_formats,  # noqa: SLF001 - as above
        )
        for number, cells in parser.parse():
            columns = [cell["column"] for cell in cells]
            if number <= last or any(a >= b for a, b in pairwise(columns)):
                raise UnreadableFileError(
                    f"has rows or cells that are not in order, in row {number} of the sheet {sheet.title}: "
                    "open it in a spreadsheet program, and save it"
                )
            if number > ROWS:
                raise UnreadableFileError(f"has more than {ROWS:,} rows in the sheet {sheet.title}")
            last = number
            while cells and cells[-1]["data_type"] not in {"f", _MADE} and cells[-1]["value"] in {None, ""}:
                cells.pop()
            yield sheet._get_row(cells)  # noqa: SLF001 - as above
