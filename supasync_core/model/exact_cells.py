"""Whether a column of PostgreSQL holds a cell of a file as it is: its types read more than they print.

Rows of a PostgreSQL are printed by the types that read them. A file prints by types of its own, or has none:
``2/1/26`` becomes a date by the reader's ``DateStyle``, ``now`` the moment of reading, a number of twenty
digits a float of seventeen. PostgreSQL takes all of these without an error.

What a type modifier rounds, as ``numeric(12,1)`` does, nobody tells before it is written: such rows are read
back (`supasync_core.sync.readback`).
"""

import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.pg_types import FLOATS, UNZONED, ZONED, are_texts, bare, is_array
from supasync_core.model.printed_forms import NUMBER, form
from supasync_core.model.same_value import most_digits
from supasync_core.model.table import Column, Shape

Holds = Callable[[str], bool]

_GEOMETRIC: Final = ("point", "line", "lseg", "box", "path", "polygon", "circle")
_UTC = re.compile(r"(?<=:\d\d)((?:\.\d+)?)(?:Z|[+-]00(?::?00)*)(?= BC$|$)")
"""A zone that nothing is lost with, where a type has none."""
_ZONELESS = re.compile(r"\d{4,7}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?: BC)?", re.ASCII)
"""Read in NEW's time zone, which is UTC: rows are read back."""
_DIGITS: Final = re.compile(r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?", re.ASCII)
_BYTES = re.compile(r"\\x(?:[0-9a-fA-F]{2})*", re.ASCII)
_BYTES_HELD: Final = {"name": 63, '"char"': 1}
"""Bytes that remain of a longer text."""
_SHORT: Final = {"real": 6, "double precision": 15}
"""Digits of which a float keeps all, whatever they are."""


def misfits(
    shape: Shape, batch: Batch, columns: Sequence[str], digits: Mapping[str, int] | None = None
) -> Iterator[tuple[Column, int]]:
    """The columns that do not hold some of the batch's cells as they are, and how many.

    ``digits`` are those behind the point that columns hold at most, where that is known.
    """
    checks = {
        name: found for name in columns if (found := _check(shape.column(name), (digits or {}).get(name)))
    }
    rows = raw_json.raw_columns(batch.body, tuple(checks)) if checks else []
    for at, (name, holds) in enumerate(checks.items()):
        different = {row[at] for row in rows}
        wrong = {cell for cell in different if cell not in (b"", b"null") and not holds(_text(cell))}
        column = shape.column(name)
        if wrong and column:
            yield column, sum(row[at] in wrong for row in rows)


def _text(cell: bytes) -> str:
    """What PostgreSQL reads of a JSON cell."""
    return str(json.loads(cell)) if cell.startswith(b'"') else cell.decode()


def _check(column: Column | None, digits: int | None) -> Holds | None:
    """Whether a column holds a text; None of one that reads nothing but what it prints, or is not known."""
    holds = _holds(column)
    if digits is None:
        return holds
    return lambda text: (holds is None or holds(text)) and most_digits(text) <= digits


def _holds(column: Column | None) -> Holds | None:
    if column is None or not column.type or column.values:
        return None
    if column.length is not None and are_texts(column.type) and not is_array(column.type):
        return lambda text: not len(text.rstrip(" ")) <= (column.length or 0) < len(text)
    return _of_type(bare(column.type))


@lru_cache(maxsize=1000)
def _of_type(kind: str) -> Holds | None:
    """Whether a column of the type holds a text; None of a type that reads what it prints, or is unknown."""
    element = kind.removesuffix("[]")
    if kind in FLOATS:
        return _float(kind)
    if element in FLOATS or element in _GEOMETRIC:
        return _floats(element if element in FLOATS else "double precision")
    if kind in _BYTES_HELD:
        return lambda text: len(text.encode()) <= _BYTES_HELD[kind]
    if kind == "oid":
        return str.isdecimal
    if kind == "bytea":
        return lambda text: _BYTES.fullmatch(text) is not None
    return _printed(kind)


def _printed(kind: str) -> Holds | None:
    """The same of a type that prints its values in one form."""
    pattern = form(kind)
    if pattern is None:
        return None
    whole = re.compile(pattern, re.ASCII)
    if kind == UNZONED:
        return lambda text: whole.fullmatch(_UTC.sub(r"\1", text)) is not None
    if kind == ZONED:
        return lambda text: (whole.fullmatch(text) or _ZONELESS.fullmatch(text)) is not None
    return lambda text: whole.fullmatch(text) is not None


def _float(kind: str) -> Holds:
    """Whether the float next to a number is printed as that number."""
    number = re.compile(NUMBER, re.ASCII | re.IGNORECASE)

    def holds(text: str) -> bool:
        text = text.strip()
        if not number.fullmatch(text):
            return False
        return len(text) <= _SHORT[kind] or not _DIGITS.fullmatch(text) or _is_kept(kind, text)

    return holds


def _floats(kind: str) -> Holds:
    """The same of all numbers in a text."""
    return lambda text: all(
        _is_kept(kind, each) for each in _DIGITS.findall(text) if len(each) > _SHORT[kind]
    )


def _is_kept(kind: str, text: str) -> bool:
    """Whether the float next to the number is that number in as many digits.

    1e23 and 9.999999999999999e22 are the same one, and the shortest text of it to one program or another.
    """
    value, number = float(text), Decimal(text)
    if kind == "real":
        try:
            value = struct.unpack("f", struct.pack("f", value))[0]
        except OverflowError:
            return True  # PostgreSQL refuses it
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    return Decimal(f"{value:.{max(len(digits), 1)}g}") == number
