"""Signs of damage in a loaded file: cells, or a whole file, that cannot be what OLD holds."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from supasync_core.model import timestamps
from supasync_core.model.pg_types import (
    FLOATS,
    INTEGERS,
    MOMENTS,
    UNZONED,
    ZONED,
    is_array,
    is_json,
    is_text,
    may_be_null,
    type_of,
)
from supasync_core.model.printed_forms import FORMS, form
from supasync_core.model.table import Shape
from supasync_core.staging.csv.cells import BUFFER, nullable
from supasync_core.staging.csv.dialects import Dialect
from supasync_core.staging.csv.export_finding import ERROR, WARNING, ExportFinding
from supasync_core.staging.csv.raw_table import Raw
from supasync_core.staging.values import VARCHAR, instant, literal

_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(NaN|Infinity)"
_LONG_NUMBER = r"[:\[,]\s*-?(\d{16,}|\d+\.\d*[eE]\+?\d+|\d+[eE]\+?\d+)\s*[,\]}]"
"""A number that JavaScript has rounded, or can have: 2^53 has 16 digits."""
_BYTES = literal(BUFFER + r"|\\x(?:[0-9a-f]{2})*")
_INFINITE = "('infinity', '-infinity')"
_SUSPECT = (100, 500, 1000)
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on rows of the raw table that is a finding where it holds."""

    kind: str
    column: str | None
    condition: str
    text: str
    level: str = ERROR


def checks(raw: Raw, dialect: Dialect, shape: Shape, nulls: dict[str, str | None]) -> Iterator[Check]:
    """All checks that a file of this dialect is put to; ``nulls`` is each column's word for NULL."""
    for name in raw.table.key:
        cell = nullable(raw.cell(name), nulls[name])
        yield Check("key", name, f"({cell}) IS NULL", f"the key column {name} is empty")
    for name in raw.physical.header:
        bare = raw.cell(name)
        value = nullable(bare, nulls[name])
        if dialect.limited:
            yield from _cut(name, bare, shape)
        yield from _types(name, value, dialect, shape)
        if dialect.javascript:
            yield from _javascript(name, bare, value, shape)
        elif is_json(type_of(shape, name)):
            text = f"{name} is the JSON null, which arrives as NULL"
            yield Check("json", name, f"({value}) = 'null'", text, WARNING)
        if dialect.escaped and is_text(shape, name):
            text = (
                f"{name} holds \\n, which this dialect writes for a newline and for a backslash followed by n"
            )
            yield Check("newline", name, f"contains({bare}, '\\n')", text)


def of_the_file(raw: Raw, dialect: Dialect, shape: Shape, rows: int) -> Iterator[ExportFinding]:
    """What a file of so many rows has lost as a whole, and what cannot be seen in its cells."""
    finding = partial(ExportFinding, table=raw.table.name, file=raw.file)
    # where something stops: the editor's own limit, or a failed page of 500
    if dialect.limited and rows and (rows in _SUSPECT or rows % _PAGE == 0):
        text = f"has exactly {rows:,} rows: the editor's limit or a failed page may have cut it off"
        yield finding(kind="rows", text=f"{raw.file} {text}")
    # a dashboard's file ends without a line end: its last cell may be cut unseen
    if dialect.name == "psql" and not raw.physical.closed:
        yield finding(kind="ragged", text=f"{raw.file} ends in the middle of its last line")
    elif dialect.name == "rfc4180" and rows and not (raw.physical.closed or raw.physical.quoted):
        text = f"{raw.file} has no line end at its end: if it was cut off there, so is its last value"
        yield finding(kind="cut", text=text, level=WARNING)
    for name in raw.physical.header if dialect.javascript else ():
        if is_json(type_of(shape, name)) or is_array(type_of(shape, name)):
            text = (
                f"{raw.file}: {name} was reformatted by JavaScript: whitespace, repeated names, trailing "
                "zeros are lost, the JSON null looks like NULL; gap sql --exact keeps them"
            )
            yield finding(kind="json", text=text, level=WARNING, column=name)


def real(check: Check, raw: Raw, shape: Shape) -> bool:
    """Whether a finding stands: timestamps that DuckDB cannot hold may still be PostgreSQL's."""
    kind = type_of(shape, check.column) if check.kind == "type" and check.column else ""
    if not check.column or kind not in (ZONED, UNZONED):
        return True
    return not all(
        timestamps.parse_or_none(text) is not None and re.fullmatch(FORMS[kind], text)
        for text in raw.values(check.condition, check.column)
    )


def _cut(name: str, cell: str, shape: Shape) -> Iterator[Check]:
    yield Check(
        "cut",
        name,
        f"strlen({cell}) >= 10243 AND length({cell}) = 10243 AND ends_with({cell}, '...')",
        f"{name} was cut at 10,240 characters",
    )
    if is_array(type_of(shape, name)):
        length = f"json_array_length(CASE WHEN json_valid({cell}) THEN {cell} END)"
        ends = f"""(ends_with({cell}, '"..."]') AND coalesce({length}, 51) = 51)"""
        yield Check("cut", name, ends, f"{name} was cut at 50 elements")


def _types(name: str, value: str, dialect: Dialect, shape: Shape) -> Iterator[Check]:
    """Values that the sink's type refuses, and NULL where it takes none."""
    kind = type_of(shape, name)
    text = f"{name} has a value that is not of the type {kind}"
    condition = _misfit(name, value, kind, dialect, shape)
    if condition:
        yield Check("type", name, f"({value}) IS NOT NULL AND {condition}", text)
    if kind and not is_text(shape, name) and not may_be_null(shape, name):
        yield Check("type", name, f"({value}) IS NULL", f"{name} is empty, and the column is NOT NULL")


def _misfit(name: str, value: str, kind: str, dialect: Dialect, shape: Shape) -> str | None:  # noqa: PLR0911 - by type
    if kind in INTEGERS:
        return f"(TRY_CAST({value} AS {kind.upper()}) IS NULL OR NOT regexp_full_match({value}, '-?[0-9]+'))"
    if kind in ("numeric", *FLOATS):
        return f"NOT regexp_full_match({value}, {literal(_NUMBER)})"
    if kind == "boolean":
        return f"{value} NOT IN ('t', 'f', 'true', 'false')"
    if kind == "uuid":
        return f"TRY_CAST({value} AS UUID) IS NULL"
    if kind in MOMENTS:
        odd = f"({instant(value, VARCHAR)} IS NULL AND {value} NOT IN {_INFINITE})"
        return f"({odd} OR {_otherwise(value, kind)})"
    if kind == "bytea":
        return f"NOT regexp_full_match({value}, {_BYTES})"
    if is_array(kind):
        lists = f"(starts_with({value}, '[') AND json_valid({value}))"
        if not dialect.javascript:
            lists = rf"({lists} OR regexp_full_match({value}, '(?s)(?:\[[-0-9:\]\[]+\]=)?\{{.*\}}'))"
        return f"NOT ({lists} AND NOT {_otherwise(value, kind)})" if form(kind) else f"NOT {lists}"
    if is_json(type_of(shape, name)):
        begun = f"regexp_matches({value}, '^[\\[{{\"]')" if dialect.javascript else "true"
        return f"({begun} AND NOT json_valid({value}))"
    return _otherwise(value, kind) if form(kind) else None


def _otherwise(value: str, kind: str) -> str:
    """The condition that PostgreSQL would read the text, if at all, as something else than it says."""
    return f"NOT regexp_full_match({value}, {literal(form(kind) or '')})"


def _javascript(name: str, bare: str, value: str, shape: Shape) -> Iterator[Check]:
    """What reading and printing by JavaScript has lost."""
    kind = type_of(shape, name)
    if is_json(type_of(shape, name)):
        yield Check("json", name, f"({value}) = 'null'", f'{name} is the JSON null or the string "null"')
        yield Check(
            "json",
            name,
            f"regexp_matches({bare}, {literal(_LONG_NUMBER)})",
            f"{name} has a number that JavaScript has rounded, or may have",
        )
        yield Check(
            "json",
            name,
            rf"regexp_full_match({value}, '-?\d+(\.\d+)?([eE][-+]?\d+)?|true|false')",
            f"{name} is a bare number or word, and may have been a JSON string: strings lose their quotes",
        )
    elif kind in ("numeric[]", "bigint[]", *(f"{each}[]" for each in FLOATS)):
        yield Check(
            "json",
            name,
            rf"regexp_matches({bare}, '\d{{16,}}|[eE]')",
            f"{name} has a number that JavaScript has rounded, or may have",
        )
    elif kind in FLOATS:
        level = WARNING if may_be_null(shape, name) else ERROR
        text = f"{name} is empty: NULL, or NaN or Infinity, which the dashboard does not print"
        yield Check("nan", name, f"({value}) IS NULL", text, level)
