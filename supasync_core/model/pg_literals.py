"""Arrays and rows as PostgreSQL prints them, ``{a,"b c",NULL}`` and ``(a,"b c",)``, beside their JSON.

PostgreSQL documentation, 8.15.6 "Array Input and Output Syntax", 8.16.6 "Composite Type Input and Output
Syntax". An element is quoted where it is empty, looks like NULL, or holds a delimiter, a brace, a quote, a
backslash or white space. ``box`` alone has another delimiter between elements, a semicolon.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from supasync_core.model import raw_json
from supasync_core.model.pg_types import is_json

_BARE = re.compile(r'[^\s{}",;\\]+')
_BOUNDS = re.compile(r"^(?:\[-?\d+:-?\d+\])+=")

_BLANKS = " \t\n\r\v\f"
"""What PostgreSQL takes for a blank (``array_isspace``); any other, as a no-break space, is of the value."""
_DIMENSIONS = 6
"""That an array of PostgreSQL can have (MAXDIM)."""


class Rows(list[Any]):
    """The fields of a row, told from the elements of an array."""


def readings(text: str) -> Iterator[list[Any]]:
    """What the text may be: an array, one of boxes, a row; its elements as texts, in lists, None for NULL."""
    for delimiter in (",", ";"):
        found = array(text, delimiter)
        if found is not None:
            yield found
    fields = row(text)
    if fields is not None:
        yield fields


def without_bounds(text: str) -> str:
    """The array without the bounds before it, which JSON does not tell."""
    return _BOUNDS.sub("", text.strip())


def array(text: str, delimiter: str = ",") -> list[Any] | None:
    """PostgreSQL's array as a list; None where it is none."""
    text = text.strip()
    try:
        value, end = _items(text, 1, delimiter, 1) if text.startswith("{") else (None, -1)
    except IndexError:
        return None
    return value if end == len(text) else None


def row(text: str) -> Rows | None:
    """PostgreSQL's row as its fields; None where it is none."""
    if not (text.startswith("(") and text.endswith(")")):
        return None
    fields, letters, quoted, at = Rows(), [], False, 1
    was_quoted = False
    while at < len(text):
        letter = text[at]
        if quoted and letter == '"' and text[at + 1 : at + 2] == '"':
            letters.append(letter)
            at += 1
        elif letter == '"':
            quoted, was_quoted = not quoted, True
        elif letter == "\\" and at + 1 < len(text):
            at += 1
            letters.append(text[at])
        elif not quoted and letter in ",)":
            fields.append("".join(letters) if letters or was_quoted else None)
            letters, was_quoted = [], False
            if letter == ")":
                return fields if at == len(text) - 1 else None
        else:
            letters.append(letter)
        at += 1
    return None


def printed(text: str, kind: str, depth: int = 1) -> str | None:
    """The array as PostgreSQL writes it, of the JSON array that PostgreSQL has made of it.

    None of an array of composites, and of an array of JSON that holds lists: these may be dimensions.
    """
    if depth > _DIMENSIONS:
        return None
    elements = [_element(each, kind, depth) for each in raw_json.split(text.encode())]
    if None in elements:
        return None
    return "{" + (";" if kind == "box" else ",").join(filter(None, elements)) + "}"


def _items(text: str, at: int, delimiter: str, depth: int) -> tuple[list[Any], int]:
    """The elements from that place on, and the place behind the closing brace; IndexError for no array."""
    if depth > _DIMENSIONS:
        raise IndexError
    items: list[Any] = []
    at = _past_blanks(text, at)
    while text[at] != "}":
        if text[at] == "{":
            inner, at = _items(text, at + 1, delimiter, depth + 1)
            items.append(inner)
        elif text[at] == '"':
            quoted, at = _quoted(text, at + 1)
            items.append(quoted)
        else:
            end = at
            while text[end] not in delimiter + "}":
                end += 1
            word = text[at:end].rstrip(_BLANKS)
            items.append(None if word == "NULL" else word)
            at = end
        at = _past_blanks(text, at)
        if text[at] == delimiter:
            at = _past_blanks(text, at + 1)
        elif text[at] != "}":
            raise IndexError
    return items, at + 1


def _past_blanks(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at


def _quoted(text: str, at: int) -> tuple[str, int]:
    letters: list[str] = []
    while text[at] != '"':
        at += text[at] == "\\"
        letters.append(text[at])
        at += 1
    return "".join(letters), at + 1


def _element(text: str, kind: str, depth: int) -> str | None:
    if text == "null":
        return "NULL"
    if is_json(kind):
        return None if text.startswith("[") else _quote(text)
    if text.startswith("["):
        return printed(text, kind, depth + 1)
    if text.startswith("{"):
        return None
    if text in ("true", "false"):
        return text[0]
    return _quote(str(json.loads(text))) if text.startswith('"') else text


def _quote(text: str) -> str:
    if _BARE.fullmatch(text) and text.upper() != "NULL":
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
