"""PostgREST's description of a schema (the OpenAPI document at its root) as tables.

What it does not show (measured on 13.0.8 and 14.10): identity and generated columns, unique and other
constraints, indexes, triggers, policies, foreign keys of several columns or to another schema, the lists in
array types, defaults of sequences and of json columns. A view looks like a table, but its columns are never
``required``, not even those that it marks as the key.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from supasync_core.model.table import Column, Shape
from supasync_rest.messages import LARGEST_ANSWER, Response

# PostgREST 14.8 and later print these for integer and bigint (measured; smallint is int32 there too).
_TYPES = {"int32": "integer", "int64": "bigint"}

_REFERENCE = re.compile(r"<fk table='(.{1,63}?)' column='(.{1,63}?)'/>")
"""Without the limit a description of a megabyte takes hours."""
LARGEST_DESCRIPTION = 64_000_000
"""Bytes: about 3,000 tables of 30 columns."""
_SPARSE = 10
"""Bytes of a large description for each of its parts; a real one has 18 (measured)."""
_LONGEST = 63
"""Bytes of a name in PostgreSQL."""

HIDDEN = (
    "identity and generated columns",
    "unique, check and exclusion constraints",
    "indexes",
    "triggers",
    "row level security policies and rights",
    "foreign keys of several columns or to another schema, such as auth.users",
    "the precision of numeric, and what domains check",
    "defaults of sequences and of json columns",
)


def parse_description(answer: Response) -> dict[str, Shape] | None:
    """The tables of a description; None where the answer is not one, as from a server without OpenAPI."""
    if len(answer.body) > LARGEST_ANSWER and _parts(answer.body) * _SPARSE > len(answer.body):
        return None
    try:
        document = json.loads(answer.body)
        # a schema without a table has no definitions at all
        definitions, paths = document.get("definitions", {}), document["paths"]
        return {
            _named(name): _shape(definition, paths.get(f"/{name}", {}))
            for name, definition in definitions.items()
        }
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None


def _parts(body: bytes) -> int:
    """At most so many objects are made of the body: a bomb is dense."""
    return sum(map(body.count, (b"[", b"{", b",")))


def _named(name: str) -> str:
    """The name; ValueError for one that PostgreSQL cannot have."""
    if len(name.encode()) > _LONGEST:
        raise ValueError("a name is too long")
    return name


def _shape(definition: Mapping[str, Any], operations: Mapping[str, Any]) -> Shape:
    required = definition.get("required", ())
    columns = tuple(
        _column(name, column, nullable=name not in required)
        for name, column in definition.get("properties", {}).items()
    )
    nullable_key = any(column.key and column.nullable for column in columns)
    return Shape(columns, view=nullable_key or ("get" in operations and "post" not in operations))


def _column(name: str, column: Mapping[str, Any], *, nullable: bool) -> Column:
    """A column of the description: ``required`` is NOT NULL, ``<pk/>`` marks the key (measured)."""
    description, kind, length = column.get("description", ""), column.get("format"), column.get("maxLength")
    default = column.get("default")
    if not isinstance(kind, str | None) or not isinstance(length, int | None):
        raise TypeError("a type is a string, and a length a number")
    return Column(
        name=_named(name),
        type=_TYPES.get(kind or "", kind),
        nullable=nullable,
        key="<pk/>" in description,
        refers=_reference(description),
        default=default if default is None or isinstance(default, str) else json.dumps(default),
        values=tuple(map(str, column.get("enum", ()))),
        length=length,
    )


def _reference(description: str) -> tuple[str, str] | None:
    found = _REFERENCE.search(description)
    return (found[1], found[2]) if found else None
