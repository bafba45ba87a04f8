"""A workbook as openpyxl reads it: texts with their escapes, rows in order and no wider than they are."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from supasync_core.diff.workbook_bounds import ROWS, BoundedZip
from supasync_core.staging.csv.packed import UnreadableFileError

_TEXT: Final = f"{{{SHEET_MAIN_NS}}}si"
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

    def read_strings(self) -> None:
        """Read the texts that cells share, their escapes included."""
        part = self.package.find(SHARED_STRINGS)
        if part is not None:
            with self.archive.open(part.PartName[1:]) as file:
                self.shared_strings = list(_texts(file))


def _texts(file: Any) -> Iterator[str]:  # noqa: ANN401 - an open member
    for _, node in iterparse(file):
        if node.tag == _TEXT:
            yield Text.from_tree(node).content
            node.clear()


class _Cells(WorkSheetParser):  # type: ignore[misc]
    """Its own reader takes an empty text that a formula made for no value."""

    def parse_cell(self, element: Any) -> dict[str, Any]:  # noqa: ANN401 - of openpyxl, which has no types
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


def rows(sheet: Any) -> Iterator[Sequence[Any]]:  # noqa: ANN401 - as above
    """The rows that there are, whatever size the sheet says that it has; empty cells at an end are left out.

    UnreadableFileError where they are not in order: openpyxl's own iterator leaves those out.
    """
    book, last = sheet.parent, 0
    with sheet._get_source() as source:  # noqa: SLF001 - there is no other way
        parser = _Cells(
            source,
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
