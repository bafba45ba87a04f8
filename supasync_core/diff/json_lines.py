"""JSON lines as a side of a diff: each value by its exact text, as the API's rows are read.

DuckDB's own reader takes the numbers of JSON for doubles: of 1.50 it leaves 1.5, of a numeric 17 digits.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any, cast

from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.parts import Part
from supasync_core.model import raw_json
from supasync_core.model.table import Shape
from supasync_core.model.wording import counted
from supasync_core.staging.csv.packed import Room, UnreadableFileError, is_packed, opened

_ROWS = 10_000
_BYTES = 8_000_000
"""Rows, and bytes of them, that are loaded at a time: with 1,000 it takes half as long again (measured)."""
_LONGEST = 256_000_000
"""Bytes of a line."""
_MOST = 1600
"""Columns of a table (PostgreSQL documentation, "PostgreSQL Limits"); each takes a statement here."""
_MARK = b"\xef\xbb\xbf"


def shape(path: Path) -> Shape:  # noqa: ARG001 - as of each reader
    """Not known before all rows are read: each may have columns of its own."""
    return Shape((), known=False)


def part(engine: DiffEngine, relation: str, path: Path, shape: Shape) -> Part:
    """Load the file's objects; what one of them does not have is NULL in it, and a note counts those."""
    lines = _Lines(path, Room(engine.drafts))
    cells, rows = engine.fill(relation, shape, lines.pages())
    lacking = sum(number for width, number in lines.widths.items() if width < len(cells))
    found = counted(lacking, "row lacks", "rows lack")
    notes = (f"{path.name}: {found} columns that other rows have, and has NULL there",) if lacking else ()
    return Part(relation=relation, cells=cells, rows=rows, notes=notes)


@dataclass
class _Lines:
    """The lines of a file; ``widths`` is how many rows have so many of its ``names``."""

    path: Path
    room: Room
    widths: Counter[int] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)

    def pages(self) -> Iterator[list[dict[str, str]]]:
        """The rows, some thousand at a time: the JSON of each value by its name."""
        page: list[dict[str, str]] = []
        size = 0
        for number, line in self._lines():
            page.append(_checked(_row(line, number), line, number))
            self.widths[len(page[-1])] += 1
            self.names.update(page[-1])
            if len(self.names) > _MOST:
                raise UnreadableFileError(
                    f"has more than {_MOST:,} different names by line {number}: no table has as many columns"
                )
            size += len(line)
            if len(page) == _ROWS or size >= _BYTES:
                yield page
                page, size = [], 0
        if page:
            yield page

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Those that are not blank, with their numbers."""
        with opened(self.path) as file, BufferedReader(cast("Any", file)) as read:
            number = 0
            while line := read.readline(_LONGEST + 1):
                number += 1
                if is_packed(self.path):
                    self.room.take(len(line))
                if len(line) > _LONGEST:
                    raise UnreadableFileError(f"has a line {number} of more than {_LONGEST:,} bytes")
                text = line.removeprefix(_MARK) if number == 1 else line
                try:
                    row = text.decode().strip(" \t\r\n")
                except UnicodeDecodeError as err:
                    raise UnreadableFileError(f"is not UTF-8 in line {number}") from err
                if row:
                    yield number, row


def _row(line: str, number: int) -> dict[str, str]:
    """The JSON of each value by its name; UnreadableFileError where the line is not one object of those."""
    import msgspec  # noqa: PLC0415 - --help reads no rows

    try:
        found = raw_json.decoder_of_objects().decode(line)
        cells = {name: bytes(text).decode() for name, text in found.items()}
        if _compact(line, cells):
            return cells
    except (msgspec.DecodeError, RecursionError):
        pass  # a NaN as Python writes it, or what is not JSON
    names = _names(line, number)
    if len(set(names)) < len(names):
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise UnreadableFileError(f"has the name {twice} twice in line {number}: one of its values is lost")
    return raw_json.cells(line)


def _checked(row: dict[str, str], line: str, number: int) -> dict[str, str]:
    """The row; UnreadableFileError where a text in it has half of a surrogate pair."""
    if "\\ud" in line or "\\uD" in line:
        try:
            "".join(chain(row, map(raw_json.plain, row.values()))).encode()
        except UnicodeEncodeError as err:
            raise UnreadableFileError(
                f"has half of a surrogate pair in line {number}: PostgreSQL has no such character"
            ) from err
    return row


def _compact(line: str, cells: dict[str, str]) -> bool:
    """Whether the line has nothing but these names and values: neither blanks nor a name a second time."""
    size = sum(len(name) + len(text) + 4 for name, text in cells.items())  # "":, or one more for the braces
    return len(line) == size + 1


def _names(line: str, number: int) -> list[str]:
    """All names of the object, in its order."""
    try:
        found: Any = json.loads(
            line, object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str
        )
    except RecursionError as err:
        raise UnreadableFileError(f"has a line {number} that is nested too deep") from err
    except ValueError as err:
        raise UnreadableFileError(f"is not JSON in line {number}: one object a line is expected") from err
    if not isinstance(found, _Pairs):
        raise UnreadableFileError(f"has no object in line {number}: one object a line is expected")
    return [name for name, _ in found]


class _Pairs(list[tuple[str, Any]]):
    """The names and values of an object."""
