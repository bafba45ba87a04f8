"""Whether two JSON texts stand for one value, where what printed one of them has lost details.

A dashboard parses JSON and arrays by JavaScript and prints them anew: spaces, the order and repetition of
names, digits of numbers. Where the sink's exact text would come out of that as the very text of the export,
the export knows nothing better, and the sink's text is kept.
"""
# ruff: noqa: S608 - names are quoted by values.identifier

import json
import math
from decimal import Context, Decimal, Inexact, Overflow
from typing import Any

from duckdb import DuckDBPyConnection

from supasync_core.model import pg_literals
from supasync_core.model.pg_types import type_of
from supasync_core.staging.compare_staged import Comparison
from supasync_core.staging.connection import beside
from supasync_core.staging.values import identifier

_CHUNK = 10_000
_EXACT = Context(prec=1000, Emax=999, Emin=-999, traps=[Inexact, Overflow])


def adopt_equals(connection: DuckDBPyConnection, comparison: Comparison, *, lossy: bool) -> bool:
    """Give staged rows the sink's own text wherever theirs is only another spelling; whether any was."""
    adopted = False
    for name in comparison.soft:
        column, kind = identifier(name), type_of(comparison.shape, name)
        found = beside(connection).execute(
            f"SELECT r.{identifier(comparison.place)}, "
            f"CAST(r.{column} AS VARCHAR), CAST(k.{column} AS VARCHAR) "
            f"FROM {comparison.pairs('JOIN')} "
            f"WHERE CAST(r.{column} AS VARCHAR) <> CAST(k.{column} AS VARCHAR)"
        )
        connection.execute("CREATE OR REPLACE TABLE gap.equals (place BIGINT, text VARCHAR)")
        while rows := found.fetchmany(_CHUNK):
            equal = [
                [place, theirs] for place, mine, theirs in rows if same(mine, theirs, lossy=lossy, kind=kind)
            ]
            if equal:
                adopted = True
                connection.execute(
                    "INSERT INTO gap.equals SELECT unnest(CAST(? AS BIGINT[])), unnest(CAST(? AS VARCHAR[]))",
                    [[row[0] for row in equal], [row[1] for row in equal]],
                )
        connection.execute(comparison.updated(name))
    return adopted


def same(mine: str, theirs: str, *, lossy: bool, kind: str = "") -> bool:
    """Whether both texts stand for one value; ``lossy`` where JavaScript has read and printed the first."""
    left, right = _parsed(mine), _parsed(theirs)
    if isinstance(right, list | dict) and not isinstance(left, list | dict):
        # an array or a row as PostgreSQL prints it stands in the file, or as a string of JSON in a staging
        text = left if isinstance(left, str) else mine
        moments = not kind or "." in kind or kind.startswith("timestamp")
        return any(
            pg_literals.matches(found, theirs, moments=moments) for found in pg_literals.readings(text)
        )
    return lossy and _sorted(left) == _sorted(right)


def alike(mine: str, theirs: str, *, strict: bool, lossy: bool, kind: str = "") -> bool:
    """Whether both texts have one content, to the last digit; JavaScript's digits where it is ``lossy``.

    The order of names and blanks count for nothing, and an array is the same in JSON and in braces.
    ``strict``: numbers are what their digits are.
    """
    left, right = _content(mine, strict=strict), _content(theirs, strict=strict)
    if left is not None and left == right:
        return True
    if pg_literals.one(mine, theirs):
        return True
    return same(mine, theirs, lossy=lossy, kind=kind) or same(theirs, mine, lossy=lossy, kind=kind)


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
        return json.loads(text, parse_int=_float, parse_float=_float)
    except (ValueError, RecursionError):
        return text


def _float(text: str) -> float | dict[str, str]:
    """JavaScript's number; the digits of one that it does not hold."""
    value = float(text)
    lost = math.isinf(value) or (
        value == 0 and any(digit in text.lower().split("e")[0] for digit in "123456789")
    )
    return _digits(text) if lost else value


def _sorted(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Tells true from 1.0, which Python takes for equal."""
    return json.dumps(value, sort_keys=True)
