"""Keys whose text is too long for an address: what is known of the values that begin like them.

Only a type whose shortened text is known to be a smaller value has bounds here. ``-50`` is larger than
``-500``, and half of an array, a range or a document is not a value at all.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from supasync_core.model.table import Shape

_BEGINNING = 100
"""Characters, or digits, that stand for a longer text."""
_TEXTS = ("text", "character varying", "character", "citext", "name")
_BITS = ("bit", "bit varying")
_HEX = "\\x"


def kinds(shape: Shape) -> dict[str, str]:
    """The type of each column that is known, without its schema and length."""
    return {column.name: _bare(column.type) for column in shape.columns if column.type}


def is_text(kind: str | None) -> bool:
    """Whether values of this type have ``like``, and come behind their own beginning."""
    return kind in _TEXTS


def smaller(text: str, kind: str | None) -> str | None:
    """A short text of a value of this type that is not greater; None where none is known."""
    if is_text(kind) or kind in _BITS:
        return text[:_BEGINNING]
    if kind == "bytea" and text.startswith(_HEX):
        return text[:_BEGINNING]  # whole bytes, for it is even
    return _rounded(text, ROUND_FLOOR) if kind == "numeric" else None


def greater(text: str, kind: str | None) -> str | None:
    """A short text of a value that is not smaller; None where none is known."""
    if kind == "numeric":
        return _rounded(text, ROUND_CEILING)
    if kind in _BITS:
        return _next(text[:_BEGINNING], 2)
    if kind == "bytea" and text.startswith(_HEX):
        behind = _next(text[len(_HEX) : _BEGINNING], 16)
        return behind and _HEX + behind
    return None


def _bare(kind: str) -> str:
    return kind.rpartition(".")[2].partition("(")[0].strip('" ')


def _rounded(text: str, rounding: str) -> str:
    return str(Context(_BEGINNING, rounding).plus(Decimal(text)))


def _next(digits: str, base: int) -> str | None:
    """The number behind this one, of as many digits; None behind the last one."""
    found = f"{int(digits, base) + 1:0{len(digits)}{'b' if base == 2 else 'x'}}"  # noqa: PLR2004 - binary
    return found if len(found) == len(digits) else None
