"""A sheet of an .xlsx workbook as a side of a diff: by openpyxl, a row at a time, and what a workbook hides.

A cell of a workbook holds a double, so that 15 digits of a number are sure and times have milliseconds; an
empty cell may stand for NULL or for an empty text.
"""

import json
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.loaded_side import NOTHING
from supasync_core.diff.parts import Part
from supasync_core.diff.workbook_bounds import BoundedZip
from supasync_core.model.errors import ConfigError
from supasync_core.model.pg_types import is_document, type_of
from supasync_core.model.table import Column, Shape
from supasync_core.model.wording import counted
from supasync_core.staging.csv.packed import UnreadableFileError

ENDING: Final = ".xlsx"
_NAMED: Final = re.compile(r"(.*?\.xlsx)#(.+)", re.DOTALL | re.IGNORECASE)
_PAGE: Final = 1000
_DIGITS: Final = 15
_WHOLE: Final = 1e16
_CHUNK: Final = 1 << 20
_MARK: Final = b"\xef\xbb\xbf"
_BROKEN: Final = (
    *(BadZipFile, zlib.error, EOFError, ParseError, LookupError, ValueError, TypeError),
    *(AttributeError, ArithmeticError, RuntimeError),
)
"""What openpyxl raises at a file that is not as it expects."""
_FORMULA: Final = re.compile(rb"<(?:[^\s<>/:]+:)?f[\s/>]")
_ESCAPE: Final = re.compile("_x([0-9A-Fa-f]{4})_")
"""Of a character that XML does not hold, such as ``_x000D_`` (ECMA-376, "ST_Xstring")."""
_HALVES: Final = range(0xD800, 0xE000)
_MERGED: Final = re.compile(rb"<(?:[^\s<>/:]+:)?mergeCell[\s/>]")


def sheet_of(name: str) -> tuple[Path, str | None]:
    """The file and the sheet of ``book.xlsx#Sheet``; of any other name, the path and no sheet."""
    found = _NAMED.fullmatch(name)
    return (Path(found[1]), found[2]) if found and not Path(name).exists() else (Path(name), None)


@dataclass(frozen=True, slots=True)
class Workbook:
    """Reads the sheet of that name; the only one where none is named."""

    sheet: str | None = None

    def shape(self, path: Path) -> Shape:
        """The columns, named by the first row that is not empty; a workbook's columns have no types."""
        with _opened(path, self.sheet, whole=False) as sheet:
            return Shape(tuple(map(Column, sheet.header)))

    def part(self, engine: DiffEngine, relation: str, path: Path, shape: Shape) -> Part:
        """Load the sheet's rows; rows without any value are none."""
        with _opened(path, self.sheet) as sheet:
            cells, rows = engine.fill(relation, shape, sheet.pages(shape))
            known = {name: cells.get(name, NOTHING) for name in sheet.header}
            return Part(
                relation=relation,
                cells=known,
                rows=rows,
                doubtful=dict.fromkeys(sorted(sheet.empty, key=sheet.header.index), ""),
                rounded=True,
                notes=tuple(f"{path.name}: {note}" for note in sheet.notes()),
            )


@dataclass
class _Sheet:
    """A sheet while it is read; ``formulas`` are its rows once more, with formulas for their values."""

    title: str
    rows: Iterator[Sequence[Any]]
    formulas: Iterator[Sequence[Any]] | None
    merged: bool
    header: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    empty: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        names = [cell.value for cell in next(self._there(), ())]
        while names and names[-1] in {None, ""}:
            names.pop()
        self.header = ["" if name is None else _plain(name) for name in names]
        if not self.header or "" in self.header or len({*self.header}) < len(self.header):
            raise UnreadableFileError(
                f"has missing or duplicate column names in the first row of the sheet {self.title}"
            )

    def pages(self, shape: Shape) -> Iterator[list[dict[str, str]]]:
        """The rows, some at a time: the JSON of each cell by its column."""
        documents = [is_document(type_of(shape, name)) for name in self.header]
        page = []
        for row in self._there():
            page.append(self._row(row, documents))
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page

    def notes(self) -> Iterator[str]:
        """What a person should know of the sheet."""
        yield f"the sheet {self.title} is read"
        said = {
            "formula": ("is a formula, compared by its value", "are formulas, compared by their values"),
            "error": ("holds an error such as #DIV/0!", "hold errors such as #DIV/0!"),
            "long": (
                f"holds a number of more than {_DIGITS} digits, of which a workbook keeps {_DIGITS}",
                f"hold numbers of more than {_DIGITS} digits, of which a workbook keeps {_DIGITS}",
            ),
        }
        for what, (one, more) in said.items():
            if self.counts[what]:
                yield counted(self.counts[what], f"cell {one}", f"cells {more}")
        if dates := self.counts["dates"]:
            one, more = "cell has the format of a date and", "cells have the format of a date and"
            yield f"{counted(dates, one, more)} a number that is none: #VALUE! stands for it"
        if self.merged:
            yield "it has merged cells, of which only the first holds the value: the others are empty"
        if self.empty:
            names = ", ".join(name for name in self.header if name in self.empty)
            yield f"an empty cell may be NULL or an empty text: in {names}, both count as equal to it"

    def _there(self) -> Iterator[Sequence[Any]]:
        """The rows that have a value; UnreadableFileError where a formula has none."""
        while (row := _next(self.rows)) is not None:
            formulas = _next(self.formulas) if self.formulas else None
            for place, formula in enumerate(formulas or ()):
                if formula.data_type == "f":
                    self.counts["formula"] += 1
                    if place >= len(row) or row[place].value is None:
                        raise UnreadableFileError(
                            f"has a formula without a saved value in {self.title}!{formula.coordinate}: open "
                            "it in a spreadsheet program, and save it"
                        )
            if any(cell.value not in {None, ""} for cell in row):
                yield row

    def _row(self, row: Sequence[Any], documents: Sequence[bool]) -> dict[str, str]:
        for cell in row[len(self.header) :]:
            if cell.value not in {None, ""}:
                raise UnreadableFileError(
                    f"has a value in {self.title}!{cell.coordinate}, a column without a name in the first row"
                )
        cells = [*(cell for cell in row[: len(self.header)]), *[None] * (len(self.header) - len(row))]
        return {
            name: self._json(name, cell, document=document)
            for name, cell, document in zip(self.header, cells, documents, strict=True)
        }

    def _json(self, name: str, cell: Any, *, document: bool) -> str:  # noqa: ANN401 - a cell of openpyxl
        """A cell's JSON; the text of a document as it stands."""
        value = None if cell is None else cell.value
        if value is None or value == "":
            self.empty.add(name)
            return "null"
        text = _plain(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            mantissa = text.lower().partition("e")[0].lstrip("-").replace(".", "")
            self.counts["long"] += len(mantissa.strip("0")) > _DIGITS
            return text
        self.counts["error"] += cell.data_type == "e"
        return text if document else json.dumps(text, ensure_ascii=False)


def _plain(value: object) -> str:  # noqa: PLR0911 - one answer for each class
    """A value as PostgreSQL prints it, or the other formats do."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < _WHOLE:
            return str(int(value))
        case float():
            return repr(value)
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            minutes, seconds = divmod(abs(value), timedelta(minutes=1))
            fraction = f".{seconds.microseconds:06}" if seconds.microseconds else ""
            sign = "-" if value < timedelta() else ""
            return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds.seconds:02}{fraction}"
    text = str(value)
    return _ESCAPE.sub(_letter, text) if "_x" in text else text


def _letter(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if code in _HALVES else chr(code)


def _next(rows: Iterator[Sequence[Any]]) -> Sequence[Any] | None:
    """The next row; UnreadableFileError where openpyxl cannot read on."""
    with _readable():
        return next(rows, None)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except UnreadableFileError:
        raise
    except _BROKEN as err:
        raise UnreadableFileError(f"cannot be read as a workbook ({type(err).__name__})") from err


@contextmanager
def _opened(path: Path, name: str | None, *, whole: bool = True) -> Iterator[_Sheet]:
    """The sheet, while the workbook is open; unless ``whole``, for its first row alone."""
    counts = Counter[str]()

    def counted_alone(message: Warning | str, *_: object, **__: object) -> None:
        counts["dates"] += "outside the limits for dates" in str(message)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = counted_alone  # a file may have one in each of its cells
        with _readable():
            archive = BoundedZip(path)
        with closing(archive):
            with _readable():
                values = _book(archive, values=True)
            sheet = _chosen(values, name)
            with _readable():
                formulas, merged = _seen(archive, sheet) if whole else (False, False)
                other = _book(archive, values=False)[sheet.title] if formulas else None
            yield _Sheet(sheet.title, _rows(sheet), other and _rows(other), merged, counts=counts)


def _book(archive: BoundedZip, *, values: bool) -> Any:  # noqa: ANN401 - of openpyxl, which has no types
    """The workbook; a formula is its value, as it was saved, or itself."""
    try:
        import defusedxml  # noqa: F401, PLC0415 - openpyxl reads by it where it is installed
        import openpyxl  # noqa: F401, PLC0415 - an extra

        from supasync_core.diff.workbook_reader import opened  # noqa: PLC0415 - openpyxl is an extra
    except ImportError as err:
        name = Path(str(archive.filename)).name
        raise ConfigError(
            [f'{name}: a workbook needs openpyxl and defusedxml: pip install "supasync[xlsx]"']
        ) from err
    return opened(archive, values=values)


def _chosen(book: Any, name: str | None) -> Any:  # noqa: ANN401 - as above
    titles = [each.title for each in book.worksheets]
    if name is None and len(titles) == 1:
        return book.worksheets[0]
    if name in titles:
        return book[name]
    said = f"has no sheet {name}" if name else f"has {len(titles)} sheets"
    raise UnreadableFileError(f"{said}: name one of {', '.join(titles)} behind a #, as in book.xlsx#Sheet")


def _rows(sheet: Any) -> Iterator[Sequence[Any]]:  # noqa: ANN401 - as above
    from supasync_core.diff.workbook_reader import rows  # noqa: PLC0415 - openpyxl is an extra

    return rows(sheet)


def _seen(archive: BoundedZip, sheet: Any) -> tuple[bool, bool]:  # noqa: ANN401 - as above
    """Whether the sheet has formulas, and merged cells, which openpyxl does not tell while it streams."""
    formulas = merged = False
    from supasync_core.diff.workbook_reader import source  # noqa: PLC0415 - openpyxl is an extra

    with source(archive, sheet) as file:
        rest = file.read(4)
        if not rest.removeprefix(_MARK).startswith(b"<") or b"\0" in rest:
            raise UnreadableFileError(
                "has a sheet that is not UTF-8: open and save it in a spreadsheet program"
            )
        while chunk := file.read(_CHUNK):
            formulas = formulas or _FORMULA.search(rest + chunk) is not None
            merged = merged or _MERGED.search(rest + chunk) is not None
            rest = chunk[-99:]
    return formulas, merged
