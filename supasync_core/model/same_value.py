"""When two texts stand for one value: cells as both sides print them, documents by their content.

Which types are moments, numbers or documents, `pg_types` says. `staging.equality` makes the same rules into
SQL for the millions of texts that are joined; a test holds both to what PostgreSQL says.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from itertools import permutations
from operator import itemgetter
from typing import Any

from supasync_core.model import pg_literals, raw_json, timestamps
from supasync_core.model.json_budget import is_too_much
from supasync_core.model.pg_literals import Rows
from supasync_core.model.pg_types import IGNORED_ZONE, MOMENTS, NUMBERS, UNZONED, ZONED, bare, is_array
from supasync_core.model.timestamps import Instant

Pairs = list[tuple[str, Any]]
_MOMENT = re.compile(
    r"(?<!\d)\d{4,7}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d(?::\d\d){0,2}(?: BC)?", re.ASCII
)
_UTC = re.compile(r"(?<=[.:\d]\d)\+00(:00)?(?=[ \"])", re.ASCII)
"""The zone behind a moment of an array, where it is that of a type without one."""
_RANGES = ("tstzrange", "tstzmultirange")
_FRACTION = re.compile(r'"(?:[^"\\]|\\.)*+"|(?<=\d)\.(\d++)', re.ASCII)
"""A string of JSON, whose digits are a text, or the digits of a number."""
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_FARTHEST = 16_384
"""Digits behind the point that a numeric does not reach."""
_EXACT = Context(prec=1000, Emax=999, Emin=-999, traps=[Inexact, Overflow])


def same_cell(kind: str, mine: str, theirs: str, *, stamp: bool = False, lenient: bool = False) -> bool:
    """Whether two JSON cells of a column are one value; ``stamp``: a moment, whatever the column's type.

    A server may print its own zone, and other escapes in a string. ``lenient``: the sides spell equal values
    differently.
    """
    if mine == theirs or (_holds_moments(kind) and _in_utc(mine) == _in_utc(theirs)):
        return True
    if kind == f"{UNZONED}[]" and _UTC.sub("", mine) == _UTC.sub("", theirs):
        return True
    name = bare(kind)
    if mine[0] == theirs[0] == '"':
        left, right = json.loads(mine), json.loads(theirs)
        if stamp or name in MOMENTS or (lenient and not kind):
            return left == right or _same_moments(name, left, right)
        return left == right or (lenient and _same_plain(name, left, right))
    if not lenient or "null" in (mine, theirs):
        return False
    left, right = _read_as(mine, theirs), _read_as(theirs, mine)
    documents = left[:1] in "[{" and same_json(left, right, kind=kind)
    return left == right or documents or _same_plain(name, left, right) or _same_parts(kind, mine, theirs)


def _same_parts(kind: str, mine: str, theirs: str) -> bool:
    """Whether one cell is a file's literal of the array or row that the other one is in JSON.

    A type of the app's own may be made of either; of JSON, a string is another value than a list.
    """
    if not (is_array(kind) or "." in kind):
        return False
    return any(reprinted(*pair, lossy=False, kind=kind) for pair in permutations((mine, theirs)))


def _same_moments(kind: str, mine: str, theirs: str) -> bool:
    """Whether both texts of a column are one moment; a type without a zone has that of UTC alone."""
    if kind == UNZONED and _is_elsewhere(mine) != _is_elsewhere(theirs):
        return False
    return same_moment(mine, theirs, zoned=kind != UNZONED)


def _same_plain(kind: str, mine: str, theirs: str) -> bool:
    """Whether both texts are one number, of a type of numbers, or one uuid."""
    if kind == "uuid":
        return mine.lower() == theirs.lower()
    if kind not in NUMBERS:
        return False
    try:
        left, right = Decimal(mine), Decimal(theirs)
    except InvalidOperation:
        return False
    return left == right or (left.is_nan() and right.is_nan())


def moment(text: str | None) -> Instant | str | None:
    """The moment that a text is, the text itself where it is none."""
    if text is None:
        return None
    found = timestamps.parse_or_none(text)
    return str(text) if found is None else found


def same_moment(mine: str, theirs: str, *, zoned: bool = True) -> bool:
    """Whether both texts are timestamps, and one moment; a type that is not ``zoned`` ignores the zone."""
    left, right = (moment(each if zoned else without_zone(each)) for each in (mine, theirs))
    return not isinstance(left, str) and left == right


def without_zone(text: str) -> str:
    """The timestamp as a type without time zone reads it."""
    return re.sub(IGNORED_ZONE, r"\1\2", text)


def _is_elsewhere(text: str) -> bool:
    """Whether the timestamp names a zone other than UTC."""
    found = re.search(IGNORED_ZONE, text)
    return found is not None and re.search("[1-9]", text[found.end(1) :]) is not None


def same_as_printed(mine: str, theirs: str) -> bool:
    """Whether both cells are one text, but for what a side decides when it prints the values inside.

    That is the zone of each moment, and zeros at the end of a fraction: a ``numeric(12,3)`` prints 1.500.
    """
    return mine == theirs or _normal(mine) == _normal(theirs)


def same_fractions(mine: str, theirs: str) -> bool:
    """Whether the numbers in both texts have the same digits behind the point, zeros at the end aside."""
    return _fractions(mine) == _fractions(theirs)


def most_digits(text: str) -> int:
    """The most digits behind the point that a number in the text has, zeros at the end aside."""
    return max(map(len, _fractions(text)), default=0)


def _fractions(text: str) -> list[str]:
    found = []
    for each in _NUMBER.findall(text):
        _, digits, exponent = Decimal(each).as_tuple()
        if isinstance(exponent, int) and -_FARTHEST < exponent < 0:
            found.append("".join(map(str, digits)).rjust(-exponent, "0")[exponent:].rstrip("0"))
    return [each for each in found if each]


def _normal(cell: str) -> str:
    return _FRACTION.sub(_shortest, _in_utc(cell))


def _shortest(found: re.Match[str]) -> str:
    return found[0] if found[1] is None else f".{found[1]}".rstrip("0").rstrip(".")


def _holds_moments(kind: str) -> bool:
    """Whether a cell may hold moments beside other things: a range, an array, a type of the app's own."""
    return "." in kind or kind.removesuffix("[]") in _RANGES or (kind.endswith("[]") and kind[:-2] == ZONED)


def _in_utc(cell: str) -> str:
    return _MOMENT.sub(lambda found: str(moment(found[0])), cell)


def same_json(mine: str, theirs: str, *, strict: bool = True, kind: str = "") -> bool:
    """Whether both texts are JSON of one content: the order of names, blanks and escapes count for nothing.

    ``strict``: numbers are what their digits are. Of a name that comes twice, ``jsonb`` has the last value,
    and ``json`` both (PostgreSQL documentation, "JSON Types").
    """
    pairs = dict if kind.startswith("jsonb") else _pairs
    left = _content(mine, strict=strict, pairs=pairs)
    return left is not None and left == _content(theirs, strict=strict, pairs=pairs)


def same_document(mine: str, theirs: str, *, strict: bool, lossy: bool, kind: str = "") -> bool:
    """Whether both texts are one JSON value, array or row; an array is the same in JSON and in braces.

    ``lossy`` where JavaScript has read and printed one of them.
    """
    return (
        same_json(mine, theirs, strict=strict, kind=kind)
        or _same_literal(mine, theirs)
        or reprinted(mine, theirs, lossy=lossy, kind=kind)
        or reprinted(theirs, mine, lossy=lossy, kind=kind)
    )


def reprinted(mine: str, theirs: str, *, lossy: bool, kind: str = "") -> bool:
    """Whether the first text is what a file has of the second: PostgreSQL's literal of an array or row.

    ``lossy``: or what JavaScript prints of it, which rounds numbers and drops repeated names. It never prints
    more digits than a double holds: a number that has them was not rounded.
    """
    left, right = _as_javascript(mine, _printed_double), _as_javascript(theirs, _double)
    if isinstance(right, list | dict) and not isinstance(left, list | dict):
        moments = not kind or "." in kind or kind.startswith("timestamp")
        return same_as_literal(left if isinstance(left, str) else mine, theirs, moments=moments)
    return lossy and json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def same_as_literal(text: str, theirs: str, *, moments: bool) -> bool:
    """Whether PostgreSQL's literal of an array or a row holds the elements of the JSON.

    Each counts by its exact text, ``moments`` by their value.
    """
    return any(_matches(found, theirs, moments=moments) for found in pg_literals.readings(text))


def _same_literal(mine: str, theirs: str) -> bool:
    """Whether both texts are one array, blanks between elements and needless quotes aside, or one row."""
    left, fields = pg_literals.array(mine), pg_literals.row(mine)
    if left is not None and left == pg_literals.array(theirs):
        return True
    return fields is not None and fields == pg_literals.row(theirs)


def _matches(found: Any, theirs: str, *, moments: bool) -> bool:  # noqa: ANN401 - lists in lists, texts, None
    if found is None:
        return theirs == "null"
    if theirs == "null":
        return False  # it stands for NULL, and for the JSON null of a jsonb[] too
    if isinstance(found, str):
        return _matches_scalar(found, theirs, moments=moments)
    texts: Sequence[str] | None
    if isinstance(found, Rows):
        texts = list(raw_json.cells(theirs).values()) if theirs.startswith("{") else None
    else:
        texts = raw_json.split(theirs.encode()) if theirs.startswith("[") else None
    if texts is None or len(found) != len(texts):
        return False
    return all(_matches(mine, text, moments=moments) for mine, text in zip(found, texts, strict=True))


def _matches_scalar(text: str, theirs: str, *, moments: bool) -> bool:
    plain = json.loads(theirs) if theirs.startswith('"') else {"true": "t", "false": "f"}.get(theirs)
    if text in (theirs, plain):
        return True
    if theirs.startswith(("[", "{")):
        return same_json(text, theirs) or same_as_literal(text, theirs, moments=moments)
    return moments and plain is not None and same_moment(text, plain)


def _read_as(cell: str, other: str) -> str:
    """The cell; of a JSON string its content, which the other side knows not to be text."""
    if not cell.startswith('"'):
        return cell
    text = str(json.loads(cell))
    return {"t": "true", "f": "false"}.get(text, text) if other in ("true", "false") else text


def _content(text: str, *, strict: bool, pairs: Callable[[Pairs], Any]) -> str | None:
    """One text for all spellings of a document; None where it is not JSON, or too much of it."""
    number = _digits if strict else _number
    if is_too_much(text.encode()):
        return None
    try:
        read = json.loads(text, parse_int=number, parse_float=number, object_pairs_hook=pairs)
        return json.dumps(read, sort_keys=True)
    except (ValueError, RecursionError):
        return None


def _pairs(pairs: Pairs) -> dict[str, Any]:
    """An object; one with a name that comes twice is told from all others."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else {"\0": sorted(pairs, key=itemgetter(0))}


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


def _as_javascript(text: str, number: Callable[[str], Any]) -> Any:  # noqa: ANN401 - any JSON value
    if is_too_much(text.encode()):
        return text
    try:
        return json.loads(text, parse_int=number, parse_float=number)
    except (ValueError, RecursionError):
        return text


def _double(text: str) -> float | dict[str, str]:
    """JavaScript's number; the digits of one that it does not hold."""
    value = float(text)
    lost = math.isinf(value) or (value == 0 and re.match("[^eE]*[1-9]", text) is not None)
    return _digits(text) if lost else value


def _printed_double(text: str) -> float | dict[str, str]:
    """JavaScript's number where it may have printed these digits; else the digits."""
    value = _double(text)
    printed = isinstance(value, float) and Decimal(text) == Decimal(repr(value))
    return value if printed else _digits(text)
