"""How much JSON becomes Python objects: three bytes may become a hundred of memory.

What is too much is found in the bytes, before anything is decoded.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

LARGE = 1_000_000
"""Bytes of a row from which on no cell of it is copied that is not looked at."""
MOST_COLUMNS = 1_664
"""Of a row of PostgreSQL (MaxTupleAttributeNumber)."""
MOST_VALUES = 2_000_000
"""Of one document that is decoded: some 400 MB of objects at most. A larger one stays its text."""

_STRING = r'"(?:[^"\\]++|\\.)*+"'
_FLAT = rf'(?:[^"\[\]{{}}]++|{_STRING})*+'
_CELL = rf'(?:{_STRING}|[^"\[\]{{}}]++|\[{_FLAT}\]|\{{{_FLAT}\}})*+([\[\]{{}}])'
_STRINGS = re.compile(_STRING.encode(), re.DOTALL)
_NAME = re.compile(rb'"\s*:')
_ROW = re.compile(rf'(?:{_STRING}|[^"\[\]{{}},]++)*+([\[\]{{}},])'.encode(), re.DOTALL)
_BRACKET = re.compile(_CELL, re.DOTALL)
_BRACKET_BYTES = re.compile(_CELL.encode(), re.DOTALL)
"""To the next bracket that opens or closes more than flat values, which are passed over."""
_FLAT_ROWS = re.compile(rf"(?:[\s,]*+\{{{_FLAT}\}})*+".encode(), re.DOTALL)


def end_of(text: str, at: int) -> int:
    """The place behind the array or object that begins there, however deep; ValueError without an end."""
    depth, behind = 1, at + 1
    while found := _BRACKET.match(text, behind):
        depth += 1 if found[1] in "[{" else -1
        behind = found.end()
        if not depth:
            return behind
    raise ValueError(f"the value at character {at} has no end")


def whole_rows(body: bytes) -> bytes:
    """The array of those objects that are whole in one that may break off; ValueError for no array."""
    if not body.lstrip().startswith(b"["):
        raise ValueError("[ is expected")
    at = end = body.index(b"[") + 1
    depth = 1
    while depth and (found := _BRACKET_BYTES.match(body, at)):
        at = found.end()
        if depth == 1:
            end = found.start(1)
        depth += 1 if found[1] in b"[{" else -1
        if depth == 1:
            end = at
    if depth == 1 and (rows := _FLAT_ROWS.match(body, at)):
        end = rows.end()
    return body[:end].rstrip(b", \t\r\n") + b"]"


def refuse_many(body: bytes, most: int) -> None:
    """ValueError for a JSON array of more elements than these, which are counted no further."""
    import msgspec  # noqa: PLC0415 - --help reads no rows

    try:
        _at_most(most).decode(body)
    except msgspec.ValidationError as err:
        raise ValueError(f"not an array of {most} elements at most") from err
    except (msgspec.DecodeError, RecursionError):
        if sum(1 for _ in islice(_commas(body), most)) == most:
            raise ValueError(f"more than {most} elements") from None


def refuse_columns(row: bytes | memoryview) -> None:
    """ValueError for the text of a large JSON object of more names than a row has columns."""
    if len(row) <= LARGE or sum(1 for _ in islice(_NAME.finditer(row), MOST_COLUMNS + 1)) <= MOST_COLUMNS:
        return
    if sum(1 for _ in islice(_commas(row), MOST_COLUMNS)) == MOST_COLUMNS:
        raise ValueError(f"a row of more than {MOST_COLUMNS:,} columns")


def is_too_much(text: bytes) -> bool:
    """Whether a JSON text holds more values than are decoded."""
    if len(text) <= LARGE or not text.startswith((b"[", b"{")) or _values(text) <= MOST_VALUES:
        return False
    return _values(_STRINGS.sub(b"", text)) > MOST_VALUES


def _values(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _commas(text: bytes | memoryview) -> Iterator[int]:
    """Where the commas between the elements of one array or object are, up to its end."""
    depth, at = 1, next(i for i, byte in enumerate(text) if byte in b"[{") + 1
    while depth and (found := _ROW.match(text, at) if depth == 1 else _BRACKET_BYTES.match(text, at)):
        at = found.end()
        if found[1] == b",":
            yield at
        else:
            depth += 1 if found[1] in b"[{" else -1


@cache
def _at_most(most: int) -> Any:  # noqa: ANN401 - of msgspec
    """A decoder that stops behind so many elements, which it cuts out."""
    import msgspec  # noqa: PLC0415 - --help reads no rows

    raw = [(f"e{i}", msgspec.Raw, msgspec.Raw(b"")) for i in range(most)]
    return msgspec.json.Decoder(msgspec.defstruct("AtMost", raw, array_like=True, forbid_unknown_fields=True))
