"""Rows are read in one kind of order: upward by one column, then by the key. Any other one is refused."""

import re
from typing import Final

from supasync_core.model.batch import Keyset

ELSEWHERE: Final = ("order", "order_by", "orderby", "sort", "sort_by")
"""What other tools call an order; no table has such a setting."""
RULE: Final = "rows are read upward by one column, then by the key"
_SEVERAL: Final = re.compile(r"\w+(?:, +\w+)+")
_DIRECTION: Final = re.compile(
    r"(?P<column>\w+)[. ](?:asc|desc)(?:ending)?(?:[. ]nulls[. ]?(?:first|last))?"
    r"|[-+](?P<signed>[a-z_]\w\w+)",
    re.IGNORECASE,
)
"""What nobody calls a column. Any other text may be a name: ``init`` writes each as it is."""


def order_flaw(name: str, *, alone: bool = False) -> str | None:
    """Why a text that should name a column is an order; None for a name.

    Where the text stands ``alone``, not in a list, several columns may be meant.
    """
    if alone and _SEVERAL.fullmatch(name):
        return f'{RULE}: name one column; a name with a comma stands in a list: ["{name}"]'
    found = _DIRECTION.fullmatch(name)
    return f"{RULE}: name the column alone, {found['column'] or found['signed']}" if found else None


def keyset_flaw(keyset: object) -> str | None:
    """Why rows cannot be read in the order that a strategy says; None for one that can be."""
    if not isinstance(keyset, Keyset):
        return f"keysets returned {type(keyset).__name__}, and must return Keyset(column)"
    column: object = keyset.column
    if column is not None and not isinstance(column, str):
        return f"it reads by {column!r}, and {RULE}"
    if column is not None and order_flaw(column):
        return f"it reads by {column!r}, and {RULE}"
    if not isinstance(keyset.nulls, tuple) or not all(isinstance(name, str) for name in keyset.nulls):
        return "the nulls of a Keyset are a tuple of columns"
    return None
