"""Whether two JSON texts stand for one value, where what printed one of them has lost details.

A dashboard parses JSON and arrays by JavaScript and prints them anew: spaces, the order and repetition of
names, digits of numbers. Where the sink's exact text would come out of that as the very text of the export,
the export knows nothing better, and the sink's text is kept.
"""
# ruff: noqa: S608 - names are quoted by values.identifier

import json
from decimal import Context, Decimal, Inexact, Overflow
from typing import Any

from duckdb import DuckDBPyConnection

from supasync_core import rowtext
from supasync_duckdb.staging.comparing import Comparison
from supasync_duckdb.values import identifier

_CHUNK = 10_000
_EXACT = Context(prec=1000, Emax=999, Emin=-999, traps=[Inexact, Overflow])


def adopt_equals(connection: DuckDBPyConnection, comparison: Comparison, *, lossy: bool) -> bool:
    """Give staged rows the sink's own text wherever theirs is only another spelling; whether any was."""
    adopted = False
    for name in comparison.soft:
        column = identifier(name)
        found = connection.cursor().execute(
            f"SELECT r.{identifier(comparison.place)}, "
            f"CAST(r.{column} AS VARCHAR), CAST(k.{column} AS VARCHAR) "
            f"FROM {comparison.pairs('JOIN')} "
            f"WHERE CAST(r.{column} AS VARCHAR) <> CAST(k.{column} AS VARCHAR)"
        )
        connection.execute("CREATE OR REPLACE TABLE gap.equals (place BIGINT, text VARCHAR)")
        while rows := found.fetchmany(_CHUNK):
            equal = [[place, theirs] for place, mine, theirs in rows if same(mine, theirs, lossy=lossy)]
            if equal:
                adopted = True
                connection.execute(
                    "INSERT INTO gap.equals SELECT unnest(CAST(? AS BIGINT[])), unnest(CAST(? AS VARCHAR[]))",
                    [[row[0] for row in equal], [row[1] for row in equal]],
                )
        connection.execute(comparison.updated(name))
    return adopted


def same(mine: str, theirs: str, *, lossy: bool) -> bool:
    """Whether both texts stand for one value; ``lossy`` where JavaScript has read and printed the first."""
    left, right = _parsed(mine), _parsed(theirs)
    if isinstance(left, str) and isinstance(right, list):
        return _matches(_array(left), theirs)
    return lossy and _sorted(left) == _sorted(right)


def alike(mine: str, theirs: str, *, strict: bool, lossy: bool) -> bool:
    """Whether both texts have one content, to the last digit; JavaScript's digits where it is ``lossy``.

    The order of names and blanks count for nothing, and an array is the same in JSON and in braces.
    ``strict``: numbers are what their digits are.
    """
    left, right = _content(mine, strict=strict), _content(theirs, strict=strict)
    if left is not None and left == right:
        return True
    return same(mine, theirs, lossy=lossy) or same(theirs, mine, lossy=lossy)


def _content(text: str, *, strict: bool) -> str | None:
    """One text for all spellings of a document; None where it is no JSON."""
    number = _digits if strict else _number
    try:
        return json.dumps(json.loads(text, parse_int=number, parse_float=number), sort_keys=True)
    except (ValueError, RecursionError):
        return None


def _digits(text: str) -> dict[str, str]:
    """A number told from a string of the same digits."""
    return {"\0": text}


def _number(text: str) -> dict[str, str]:
    """The same for all spellings of a number."""
    try:
        value = Decimal(text)
        return {"\0": f"{value.normalize(_EXACT):f}" if value else "0"}
    except (Inexact, Overflow):
        return {"\0": text}


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text, parse_int=float, parse_float=float)
    except (ValueError, RecursionError):
        return text


def _sorted(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Tells true from 1.0, which Python takes for equal."""
    return json.dumps(value, sort_keys=True)


def _matches(items: Any, theirs: str) -> bool:  # noqa: ANN401 - a list in lists, a text, or None
    """Whether PostgreSQL's array has the elements of the JSON array, each by its exact text."""
    if items is None:
        return theirs == "null"
    if theirs == "null":
        return False  # it stands for NULL, and for the JSON null of a jsonb[] too
    if isinstance(items, str):
        plain = json.loads(theirs) if theirs.startswith('"') else {"true": "t", "false": "f"}.get(theirs)
        return items in (theirs, plain)
    if not theirs.startswith("["):
        return False
    texts = rowtext.split(theirs.encode())
    return len(items) == len(texts) and all(map(_matches, items, texts))


def _array(text: str) -> list[Any] | None:
    """PostgreSQL's ``{a,"b c",NULL}`` as a list of texts; None where it is none."""
    try:
        value, end = _items(text, 1) if text.startswith("{") else (None, -1)
    except IndexError:
        return None
    return value if end == len(text) else None


def _items(text: str, at: int) -> tuple[list[Any], int]:
    """The elements from that place on, and the place behind the closing brace."""
    items: list[Any] = []
    while text[at] != "}":
        if text[at] == "{":
            inner, at = _items(text, at + 1)
            items.append(inner)
        elif text[at] == '"':
            quoted, at = _quoted(text, at + 1)
            items.append(quoted)
        else:
            end = at
            while text[end] not in ",}":
                end += 1
            items.append(None if text[at:end] == "NULL" else text[at:end])
            at = end
        if text[at] == ",":
            at += 1
    return items, at + 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    letters: list[str] = []
    while text[at] != '"':
        at += text[at] == "\\"
        letters.append(text[at])
        at += 1
    return "".join(letters), at + 1
