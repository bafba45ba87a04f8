r"""The dialects of CSV in which exports come, and how each is recognized.

| | NULL | empty text | booleans | arrays | bytea | line ends |
|---|---|---|---|---|---|---|
| ``table-editor`` | empty | empty | true/false | JSON | ``{"type":"Buffer"}`` | CRLF |
| ``sql-editor`` | ``null`` | empty | true/false | JSON | ``{"type":"Buffer"}`` | CRLF |
| ``sql-editor-old`` | ``null`` | empty | the same, every field quoted, newlines as ``\n`` | | | any |
| ``psql`` | empty | ``""`` | t/f | ``{a,b}`` | ``\xdead`` | LF |
| ``dashboard`` | one of the first two, and the file does not show which | | | | | CRLF |
| ``rfc4180`` | unknown, unless both an empty cell and ``""`` come | ``""`` | any | any | any | any |
| ``exact`` | our own: a row a line, as JSON | | | | | |
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from supasync_core.api.registry import did_you_mean
from supasync_core.model.errors import ConfigError
from supasync_core.model.pg_types import is_array, is_text, may_be_null, type_of
from supasync_core.model.table import Shape
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.file_format import Physical
from supasync_core.staging.csv.find_files import EXACT


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a file's cells mean. ``null``: its word for NULL, '' for an empty cell, None: one without quotes.

    ``javascript``: JSON and arrays were parsed and printed by JavaScript. ``escaped``: newlines stand as a
    backslash and an n. ``limited``: something may have cut the rows at a round number.
    """

    name: str
    null: str | None
    javascript: bool = False
    escaped: bool = False
    limited: bool = True


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("table-editor", "", javascript=True),
        Dialect("sql-editor", "null", javascript=True),
        Dialect("sql-editor-old", "null", javascript=True, escaped=True),
        Dialect("psql", None, limited=False),
        Dialect("dashboard", "", javascript=True),
        Dialect("rfc4180", ""),
        Dialect("exact", None, limited=False),
    )
}


MARKS = (r"\N", "NA", "NaN", "None", "NULL")
"""Words that other programs write for NULL: MySQL and psql's text form, R, pandas, Python, editors."""


@dataclass(frozen=True, slots=True)
class Cells:
    """How often a column's cells are empty without quotes or with them, null, t/f, begin a list, escape.

    ``marks``: a bit for each of ``MARKS`` that stands in a cell.
    """

    bare: int
    quoted: int
    word: int
    letters: int
    words: int
    braces: int
    brackets: int
    escapes: int
    marks: int | None = None


def is_exact(physical: Physical) -> bool:
    """Whether the file is our own exact form."""
    return physical.header == (EXACT,)


def detect(physical: Physical, file: str, cells: Sequence[Cells], shape: Shape) -> Dialect:
    """The dialect that the whole file speaks for."""
    typed = list(zip(physical.header, cells, strict=True))
    untexted = [cell for name, cell in typed if not is_text(shape, name)]
    arrays = [cell for name, cell in typed if is_array(type_of(shape, name))]
    booleans = [cell for name, cell in typed if type_of(shape, name) == "boolean"]
    if any(cell.letters for cell in booleans) or any(cell.braces for cell in arrays):
        return DIALECTS["psql" if _by_psql(physical, typed, shape) else "rfc4180"]
    dashboard = any(cell.words for cell in booleans) or any(cell.brackets for cell in arrays)
    if physical.quoted and not any(cell.bare for cell in cells):
        old = dashboard or any(cell.word or cell.escapes for cell in cells)
        return DIALECTS["sql-editor-old" if old else "rfc4180"]
    if physical.newline == "\r\n" or dashboard:
        return DIALECTS[_dashboard(file, cells, untexted)]
    keeps_null = any(cell.quoted for cell in cells) and (physical.sparing or any(cell.bare for cell in cells))
    return DIALECTS["psql" if keeps_null and _by_psql(physical, typed, shape) else "rfc4180"]


def _by_psql(physical: Physical, typed: Sequence[tuple[str, Cells]], shape: Shape) -> bool:
    """Whether psql may have written it: lines end in LF, no text that is NOT NULL is empty without quotes."""
    blank = any(cell.bare for name, cell in typed if is_text(shape, name) and not may_be_null(shape, name))
    return physical.newline == "\n" and not blank


def _dashboard(file: str, cells: Sequence[Cells], untexted: Sequence[Cells]) -> str:
    """Which of the two editors: by what stands for NULL where no text can, else by the file's name."""
    words, empties = any(cell.word for cell in untexted), any(cell.bare for cell in untexted)
    if words != empties:
        return "sql-editor" if words else "table-editor"
    if words or not re.search(r"_rows\b", file):
        doubtful = words or any(cell.word or cell.bare for cell in cells)
        return "dashboard" if doubtful else "table-editor"
    return "table-editor"


def check_dialects(choices: Choices) -> None:
    """ConfigError for a dialect that does not exist."""
    for file, name in choices.dialects.items():
        if name not in DIALECTS:
            raise ConfigError([f"--dialect {file}={name}: no such dialect{did_you_mean(name, DIALECTS)}"])
