"""PostgreSQL's types, by the names that its catalog gives them: what a column of each can hold.

A type that is not listed, such as one that a user has made, is treated like text.
"""

import re
from functools import lru_cache
from typing import Final

from supasync_core.model.table import Column, Shape

INTEGERS: Final = ("smallint", "integer", "bigint")
WHOLE: Final = (*INTEGERS, "oid")
FLOATS: Final = ("real", "double precision")
NUMBERS: Final = (*WHOLE, *FLOATS, "numeric")
ZONED: Final = "timestamp with time zone"
UNZONED: Final = "timestamp without time zone"
MOMENTS: Final = (ZONED, UNZONED, "date")
IGNORED_ZONE: Final = r"(:\d\d(?:\.\d+)?)\s*(?:[+-]\d\d(?::?\d\d)*|Z)( BC)?$"
"""What PostgreSQL ignores in a timestamp without time zone, between the two groups that it reads."""
PLAIN: Final = (
    *(*NUMBERS, "money", "boolean", "uuid", "date", "interval", "bytea"),
    *("inet", "cidr", "macaddr", "macaddr8"),
)
"""Types by which alone values are told apart: no collation and no setting counts."""
_TIMES = (ZONED, UNZONED, "time without time zone", "time with time zone")
_TEXTS = ("text", "character varying", "character", "citext")
_ALIASES = {
    "tinyint": "smallint",
    "utinyint": "smallint",
    "usmallint": "integer",
    "uinteger": "bigint",
    "ubigint": "numeric",
    "hugeint": "numeric",
    "uhugeint": "numeric",
    "decimal": "numeric",
    "float": "real",
    "double": "double precision",
    "timestamp": UNZONED,
    "timestamptz": ZONED,
    "time": "time without time zone",
    "timetz": "time with time zone",
    "blob": "bytea",
    "bpchar": "character",
    "bool": "boolean",
}
"""Names of DuckDB, and short ones, for types of PostgreSQL."""

SAME, OTHERWISE, NARROWER = "same", "otherwise", "narrower"
"""It is the same; it takes every value, perhaps in another form; it may refuse or change some."""
_TAKES = {
    "smallint": {"integer", "bigint", "numeric", *FLOATS},
    "integer": {"bigint", "numeric", "double precision"},
    "bigint": {"numeric"},
    "real": {"double precision"},
    "date": {UNZONED, ZONED},
    UNZONED: {ZONED},
    ZONED: {UNZONED},
    "time without time zone": {"time with time zone"},
    "json": {"jsonb"},
    "jsonb": {"json"},
    "cidr": {"inet"},
}
"""Which types take the values of another (PostgreSQL documentation, chapter 8).

A type without a zone keeps the digits of a timestamp, so it takes those that are printed in UTC: rows that
are sent are held to that by `supasync_core.sync.readback`.
"""


def type_of(shape: Shape, name: str) -> str:
    """The column's type; empty where it is not known."""
    column = shape.column(name)
    return (column.type or "") if column else ""


@lru_cache(maxsize=1000)
def bare(kind: str) -> str:
    """PostgreSQL's name of a type, without its length; DuckDB's names are other names of the same."""
    name = re.sub(r"\(\d+(,\d+)?\)$", "", kind.lower())
    return _ALIASES.get(name, name)


def is_json(kind: str) -> bool:
    """Whether values of the type are JSON."""
    return kind.lower() in ("json", "jsonb")


def is_array(kind: str) -> bool:
    """Whether values of the type are arrays."""
    return kind.endswith("[]")


def is_document(kind: str) -> bool:
    """Whether equal values of the type may have different texts, and their content counts."""
    return is_json(kind) or is_array(kind)


def is_text(shape: Shape, name: str) -> bool:
    """Whether an empty text may be a value of the column; True of a type that is not known, as of citext."""
    column, kind = shape.column(name), type_of(shape, name)
    if column is not None and column.values:
        return "" in column.values
    if "." in kind and not is_array(kind):
        return True
    textless = kind in {*PLAIN, "json", "jsonb", "point", "bit"}
    return not (textless or kind.startswith("time") or kind.endswith("range") or is_array(kind))


def holds_any_text(kind: str) -> bool:
    """Whether any text may be part of a value of the type; True of one that is not known."""
    return bare(kind.lower().removesuffix("[]")) not in (*PLAIN, *_TIMES)


def may_be_null(shape: Shape, name: str) -> bool:
    """Whether the column takes NULL; True where that is not known."""
    column = shape.column(name)
    return column is None or column.nullable is not False


def fit(old: Column, new: Column) -> str:
    """How ``new`` takes the values of ``old``; the same where either type is not known."""
    if old.type is None or new.type is None:
        return SAME
    if old.values and new.values:
        wider = SAME if old.values == new.values else OTHERWISE
        return wider if set(old.values) <= set(new.values) else NARROWER
    if old.type == new.type:
        return _longer(old, new)
    if new.type in _TEXTS:
        return NARROWER if _longer(old, new) == NARROWER else OTHERWISE
    if is_array(old.type) and is_array(new.type):
        return fit(*(Column(each.name, type=(each.type or "").removesuffix("[]")) for each in (old, new)))
    return OTHERWISE if new.type in _TAKES.get(old.type, ()) else NARROWER


def changes_silently(old: Column, new: Column) -> bool:
    """Whether ``new`` may take a value of ``old`` for another one without an error, by its type alone.

    A whole number that is too large, a label that is missing and a text that is too long are refused.
    """
    alike = old.type in INTEGERS and new.type in INTEGERS
    return (
        old.type != new.type
        and not new.values
        and not alike
        and new.type not in _TEXTS
        and (fit(old, new) == NARROWER)
    )


def are_texts(*kinds: str | None) -> bool:
    """Whether values of all of these types are texts, or arrays of them: they print equal ones alike."""
    known = [kind for kind in kinds if kind and bare(kind.removesuffix("[]")) in _TEXTS]
    return len(known) == len(kinds) and len({is_array(kind) for kind in known}) == 1


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
