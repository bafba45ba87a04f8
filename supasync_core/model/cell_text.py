"""Whether two cells, as JSON texts, hold one value: by what both sides print, moments by the moment."""

import json
from decimal import Decimal
from typing import Any

from supasync_core.model import timestamps
from supasync_core.model.timestamps import Instant


def same(kind: str | None, mine: str, theirs: str, *, stamp: bool = False, lenient: bool = False) -> bool:
    """Whether the cells of a column of this type are equal; ``stamp``: it is a moment, whatever its type.

    A server may print its own zone, and other escapes in a json value that is a single string. ``lenient``:
    the sides spell equal values differently.
    """
    if mine == theirs:
        return True
    if lenient and mine[0] != theirs[0] and _content(mine, theirs) == _content(theirs, mine):
        return True
    if lenient and mine[0] == theirs[0] and mine[0] in "[{":
        return bool(_digits(mine) == _digits(theirs))
    left, right = _plain(mine), _plain(theirs)
    if left is None or right is None:
        return False
    if (kind or "").startswith("timestamp") or stamp or (kind is None and lenient):
        moments = moment(left), moment(right)
        if not isinstance(moments[0], str) and moments[0] == moments[1]:
            return True
    return (lenient or kind == "json") and left == right


def moment(text: Any) -> Instant | str | None:  # noqa: ANN401 - as it was decoded
    """The moment that a text is, the text itself where it is none."""
    if text is None:
        return None
    try:
        return timestamps.parse(text)
    except (ValueError, TypeError):
        return str(text)


def _plain(cell: str) -> str | None:
    """The content of a string, the digits of a number; None for what is neither."""
    if cell.startswith('"'):
        return str(json.loads(cell))
    return None if cell[:1] in "[{n" else cell


def _digits(cell: str) -> Any:  # noqa: ANN401 - JSON
    """What a list or object holds, whatever its blanks and escapes, its numbers digit by digit."""
    return json.loads(cell, parse_float=str, parse_int=str)


def _content(cell: str, other: str) -> object:
    """What a cell holds: a text is read as the document or boolean that the other format knows it to be."""
    found = json.loads(cell, parse_float=Decimal)
    if not isinstance(found, str) or other.startswith('"'):
        return found
    if other in {"true", "false"}:
        return {"t": True, "f": False, "true": True, "false": False}.get(found, found)
    try:
        return json.loads(found, parse_float=Decimal) if other[0] in "[{" else found
    except ValueError:
        return found
