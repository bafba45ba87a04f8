"""The exact text of rows and cells in a JSON array of objects: found, never rewritten."""

import re
from collections.abc import Iterable
from json import JSONDecoder

_BLANKS = re.compile(r"[ \t\n\r]*")
_DECODER = JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
"""Only its sense of where a value ends is used: Python's int() refuses more than 4300 digits."""


def split(body: bytes) -> list[str]:
    """The text of each element of a JSON array, without the whitespace around it; ValueError for no array."""
    text = body.decode()
    rows = []
    at = _enter(text, _skip(text, 0), "[", "]")
    while at is not None:
        _, end = _DECODER.raw_decode(text, at)
        rows.append(text[at:end])
        at = _next(text, end, "]")
    return rows


def join(rows: Iterable[str]) -> bytes:
    """A JSON array of these texts."""
    return ("[" + ",\n".join(rows) + "]").encode()


def cells(row_text: str) -> dict[str, str]:
    """The text of each value of a JSON object by its name; of a name that comes twice, the last."""
    found: dict[str, str] = {}
    at = _enter(row_text, _skip(row_text, 0), "{", "}")
    while at is not None:
        if row_text[at : at + 1] != '"':
            raise ValueError(f"a name is expected at character {at}")
        name, end = _DECODER.raw_decode(row_text, at)
        colon = _skip(row_text, end)
        if row_text[colon : colon + 1] != ":":
            raise ValueError(f"a colon is expected at character {colon}")
        start = _skip(row_text, colon + 1)
        _, end = _DECODER.raw_decode(row_text, start)
        found[name] = row_text[start:end]
        at = _next(row_text, end, "}")
    return found


def _enter(text: str, at: int, opening: str, closing: str) -> int | None:
    """The place of the first element, None where there is none."""
    if text[at : at + 1] != opening:
        raise ValueError(f"{opening} is expected at character {at}")
    first = _skip(text, at + 1)
    return None if text[first : first + 1] == closing else first


def _next(text: str, at: int, closing: str) -> int | None:
    """The place of the next element, None at the end."""
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return _skip(text, at + 1)
    if text[at : at + 1] != closing:
        raise ValueError(f", or {closing} is expected at character {at}")
    return None


def _skip(text: str, at: int) -> int:
    """The first place from ``at`` on that is no whitespace."""
    found = _BLANKS.match(text, at)
    return found.end() if found else at
