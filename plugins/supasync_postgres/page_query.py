"""What is selected of a page: each row as JSON, up to so many bytes, and texts of what JSON cannot carry."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from supasync_core.api.sql_window import quoted
from supasync_core.model import raw_json
from supasync_core.model.copy_json import printer
from supasync_core.model.table import Table
from supasync_postgres.catalog import PgColumn
from supasync_postgres.transaction import literal

_BEYOND: Final = {
    "json": "left({0}::text, 1) not in ('{{', '[') or right({0}::text, 1) not in ('}}', ']') "
    r"or strpos({0}::text, E'\\u0000') > 0",
    "jsonb": "jsonb_typeof({0}) = 'null'",
    "array": r"array_dims({0}) !~ E'^(\\[1:[0-9]+\\])+$'",
    "always": "true",
}
"""By the kind of a type, when a value of it has to travel as its text."""
_BOUNDED: Final = "left({0}, 1) = '['"
"""The same of an array whose text is read already."""


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The parts of the statement; ``name`` is that of a row, the others of columns beside the table's own.

    ``selected`` are the table's columns, ``shown`` what of them becomes JSON where that is something else,
    ``told`` is what holds the texts.
    """

    name: str
    line: str
    size: str
    texts: str
    selected: str
    shown: str
    told: str

    @property
    def aggregated(self) -> str:
        """The rows as one JSON array, and where there are any the texts of each row."""
        lines = f"'[' || string_agg({self.name}.{self.line}, E',\\n') || ']'"
        texts = f"{self.name}.{self.texts}"
        return f"{lines}, CASE WHEN bool_or({texts} IS NOT NULL) THEN json_agg({texts}) END"

    def limited(self, place: str, largest: int) -> str:
        """The lines of the rows there, none of them behind one with which the limit is reached."""
        rows = f"(SELECT {self.selected} FROM {place}) {self.name}"  # noqa: S608 - names are quoted
        if self.shown:
            rows = f"(SELECT {self.shown} FROM {rows}) {self.name}"  # noqa: S608 - the same
        line = f"row_to_json({self.name})::text AS {self.line}"
        lines = f"SELECT {line}, {self.told} AS {self.texts} FROM {rows}"  # noqa: S608 - the same
        frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
        before = f"sum(octet_length({self.name}.{self.line})) OVER ({frame})"
        sized = f"SELECT {self.name}.*, {before} AS {self.size} FROM ({lines}) {self.name}"  # noqa: S608 - the same
        most = f"coalesce({self.name}.{self.size}, 0) < {largest}"
        return f"SELECT * FROM ({sized}) {self.name} WHERE {most}"  # noqa: S608 - the same


def page_of(chosen: Sequence[PgColumn]) -> PageQuery:
    """The parts for these columns; their own names are those of no column."""
    names = {column.name for column in chosen}
    number = next(n for n in range(4 * len(names) + 1) if not names & {f"{letter}{n}" for letter in "plst"})
    page, line, size, texts = (f"{letter}{number}" for letter in "plst")
    selected = ", ".join(name_of(column.name) for column in chosen)
    shown = ", ".join(map(_shown, chosen)) if any(column.cast for column in chosen) else ""
    return PageQuery(page, line, size, texts, selected, shown, _told(page, chosen))


def _shown(column: PgColumn) -> str:
    """A column of a page; of a type with a cast to JSON its text alone."""
    name = name_of(column.name)
    return f"{printed(name)} AS {name}" if column.cast else name


def _told(page: str, chosen: Sequence[PgColumn]) -> str:
    """By column the texts of those values of a row that JSON cannot carry; NULL where it carries all."""
    beyond = [(column, f"{page}.{name_of(column.name)}") for column in chosen if column.beyond]
    if not beyond:
        return "null::text"
    conditions = [
        (_BOUNDED if column.cast and column.beyond == "array" else _BEYOND[column.beyond]).format(place)
        for column, place in beyond
    ]
    pairs = (
        f"{text_of(column.name)}, CASE WHEN {condition} THEN {place if column.cast else printed(place)} END"
        for (column, place), condition in zip(beyond, conditions, strict=True)
    )
    built = f"json_strip_nulls(json_build_object({', '.join(pairs)}))::text"
    return f"CASE WHEN {' OR '.join(f'({each})' for each in conditions)} THEN {built} END"


def printed(value: str) -> str:
    """The text that the output function of its type prints of a value; NULL for NULL.

    A cast to text may be a function that somebody wrote.
    """
    return f"CASE WHEN pg_catalog.num_nulls({value}) = 0 THEN pg_catalog.format('%%s', {value}) END"


def in_json(column: PgColumn, value: str) -> str:
    """The text of a value of this column's type, as JSON has it."""
    return printed(value) if column.cast else f"to_json({value}) #>> '{{}}'"


def parsed(body: bytes, chosen: Sequence[PgColumn]) -> bytes:
    """The rows, with JSON arrays in place of the texts that `page_of` selects of arrays."""
    kinds = {each.name: printer(each.told.type or "") for each in chosen if each.cast == "elements"}
    if not kinds:
        return body
    rows = []
    for row in raw_json.split(body):
        cells = raw_json.cells(row)
        for name, show in kinds.items():
            text = json.loads(cells[name])
            cells[name] = "null" if text is None else show(text)
        rows.append("{" + ",".join(f"{json.dumps(name)}:{cell}" for name, cell in cells.items()) + "}")
    return raw_json.join(rows)


def exact_texts(beyond: bytes | None) -> dict[int, dict[str, str]]:
    """By the place of a row, the texts of its values that JSON cannot carry."""
    if beyond is None:
        return {}
    found = {place: json.loads(text) for place, text in enumerate(json.loads(beyond)) if text is not None}
    return {place: texts for place, texts in found.items() if texts}


def relation(table: Table) -> str:
    """The table as SQL, its percent signs doubled."""
    return ".".join(map(name_of, table.address))


def name_of(name: str) -> str:
    """A name as SQL, its percent signs doubled."""
    return quoted(name).replace("%", "%%")


def text_of(text: str) -> str:
    """A text as SQL, its percent signs doubled."""
    return literal(text).replace("%", "%%")
