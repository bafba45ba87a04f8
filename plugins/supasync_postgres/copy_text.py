"""A batch as the text that PostgreSQL's COPY reads: each cell by the input function of its column's type.

PostgreSQL's JSON functions take three times as long for the same rows (measured). What is not a plain value
for its column, such as a number for a text or an object for an array, is left to them: they know what it
means.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from supasync_core.model.batch import Batch
from supasync_core.model.copy_batch import CopyBatch
from supasync_core.model.pg_types import FLOATS, WHOLE, is_json
from supasync_core.model.table import Column
from supasync_postgres.catalog import PgColumn

NULL: Final = "\\N"
_BARE: Final = (*WHOLE, *FLOATS, "numeric", "boolean")
"""Types whose JSON is not a string, but for NaN and infinity."""
_SPECIAL: Final = re.compile(r"[\\\t\n\r]")
_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_FLAT: Final = re.compile(r"\[[^\[\]{}\"\\\t\n\r]*\]")
_ROW: Final = re.compile(r"[\"\\]")

Cell = Callable[[Any], str]


class _UnlikeError(Exception):
    """A value that only PostgreSQL's JSON functions can read for its column."""


def copy_text(columns: Sequence[PgColumn], rows: Batch) -> bytes | None:
    """The rows as COPY reads them; None where they have to go as JSON.

    What OLD's COPY printed goes on as it is, where NEW's columns have the same types.
    """
    if isinstance(rows, CopyBatch) and _alike(columns, rows.cells):
        return rows.text([column.name for column in columns])
    if rows.exact or any(column.beyond == "always" or column.declared == "box[]" for column in columns):
        return None
    kinds = tuple((column.name, _kind(column)) for column in columns)
    try:
        decoder, cells_of = _reader(kinds)
        found = decoder.decode(rows.body)
        escaped = b"\\" in rows.body
        cells = [_cell(kind, escaped=escaped) for _, kind in kinds]
        lines = [
            "\t".join([cell(value) for cell, value in zip(cells, cells_of(row), strict=True)])
            for row in found
        ]
    except (ValueError, RecursionError, _UnlikeError):  # of msgspec too, which takes not every name
        return None
    return "".join(f"{line}\n" for line in lines).encode()


def _alike(columns: Sequence[PgColumn], cells: Sequence[Column]) -> bool:
    """Whether all have the type that the rows were printed from: another one may read the same text."""
    types = {cell.name: cell.type for cell in cells}
    return all(column.told.type == types.get(column.name) for column in columns)


def _kind(column: PgColumn) -> str:
    if is_json(column.told.type or ""):
        return "json"
    if column.beyond == "array":
        return "array"
    return "bare" if column.told.type in _BARE else "text"


@lru_cache(maxsize=64)
def _reader(kinds: tuple[tuple[str, str], ...]) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """A decoder that looks at these columns, and what takes their values out of a row of it."""
    fields = [
        (f"c{i}", str | None, msgspec.field(name=name, default=None))
        if kind == "text"
        else (f"c{i}", msgspec.Raw, msgspec.field(name=name, default=msgspec.Raw(b"null")))
        for i, (name, kind) in enumerate(kinds)
    ]
    decoder = msgspec.json.Decoder(list[msgspec.defstruct("Row", fields, gc=False)])  # type: ignore[misc]
    read: Any = attrgetter(*(f"c{i}" for i in range(len(kinds))))
    return decoder, read if len(kinds) > 1 else (lambda row: (read(row),))


def _cell(kind: str, *, escaped: bool) -> Cell:
    """What prints a value of a column; without a backslash in the rows no string needs any."""
    if kind == "text":
        return _text if escaped else _plain
    return {"bare": _bare, "json": _json, "array": _array}[kind]


def _plain(value: str | None) -> str:
    return NULL if value is None else value


def _text(value: str | None) -> str:
    if value is None:
        return NULL
    return value.translate(_ESCAPED) if _SPECIAL.search(value) else value


def _bare(value: Any) -> str:  # noqa: ANN401 - of msgspec
    text = str(value, "utf8")
    if text == "null":
        return NULL
    if text[0] in '"[{':
        found = json.loads(text)
        if not isinstance(found, str):
            raise _UnlikeError
        return _text(found)
    return text


def _json(value: Any) -> str:  # noqa: ANN401 - of msgspec
    text = str(value, "utf8")
    return NULL if text == "null" else _text(text)


def _array(value: Any) -> str:  # noqa: ANN401 - of msgspec
    text = str(value, "utf8")
    if text == "null":
        return NULL
    if _FLAT.fullmatch(text):
        return "{" + text[1:-1] + "}"
    if not text.startswith("["):
        raise _UnlikeError
    return _text(_literal(json.loads(text, parse_int=_Number, parse_float=_Number)))


class _Number(str):
    """A number's own text."""

    __slots__ = ()


def _literal(value: Any) -> str:  # noqa: ANN401 - JSON
    """A list as PostgreSQL's literal of an array."""
    if isinstance(value, list):
        return "{" + ",".join(map(_literal, value)) + "}"
    if value is None:
        return "NULL"
    if isinstance(value, bool | _Number):
        return str(value).lower() if isinstance(value, bool) else value
    if isinstance(value, str):
        return '"' + _ROW.sub(r"\\\g<0>", value) + '"'
    raise _UnlikeError
