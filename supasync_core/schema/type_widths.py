"""Whether one side's type takes every value of the other's."""

from supasync_core.model.table import Column

SAME, OTHERWISE, NARROWER = "same", "otherwise", "narrower"
"""It is the same; it takes every value, perhaps in another form; it may refuse or change some."""

_TAKES = {
    "smallint": {"integer", "bigint", "numeric", "real", "double precision"},
    "integer": {"bigint", "numeric", "double precision"},
    "bigint": {"numeric"},
    "real": {"double precision"},
    "date": {"timestamp without time zone", "timestamp with time zone"},
    "timestamp without time zone": {"timestamp with time zone"},
    "timestamp with time zone": {"timestamp without time zone"},
    "time without time zone": {"time with time zone"},
    "json": {"jsonb"},
    "jsonb": {"json"},
    "cidr": {"inet"},
}
"""Which types take the values of another (PostgreSQL documentation, chapter 8).

The zone of a timestamp is UTC as PostgREST prints it, and a type without one keeps the same digits.
"""
_TEXTS = ("text", "character varying", "character", "citext")


def fit(old: Column, new: Column) -> str:
    """How ``new`` takes the values of ``old``; the same where either type is not known."""
    if old.type is None or new.type is None:
        return SAME
    if old.values and new.values:
        return NARROWER if set(old.values) - set(new.values) else _same(old.values == new.values)
    if old.type == new.type:
        return _longer(old, new)
    if new.type in _TEXTS:
        return NARROWER if _longer(old, new) == NARROWER else OTHERWISE
    if old.type.endswith("[]") and new.type.endswith("[]"):
        return fit(_item(old), _item(new))
    return OTHERWISE if new.type in _TAKES.get(old.type, ()) else NARROWER


def shown(column: Column) -> str:
    """The type as one would write it."""
    if column.values:
        return f"{column.type} ({', '.join(column.values)})"
    return f"{column.type}({column.length})" if column.length else str(column.type)


def _longer(old: Column, new: Column) -> str:
    if old.length == new.length:
        return SAME
    if new.length is None or (old.length is not None and old.length < new.length):
        return OTHERWISE
    return NARROWER


def _same(equal: bool) -> str:  # noqa: FBT001 - the one question
    return SAME if equal else OTHERWISE


def _item(column: Column) -> Column:
    return Column(column.name, type=(column.type or "").removesuffix("[]"))
