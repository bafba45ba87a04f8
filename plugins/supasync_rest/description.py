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
from supasync_rest.messages import Response

# PostgREST 14.8 and later print these for integer and bigint (measured; smallint is int32 there too).
_TYPES = {"int32": "integer", "int64": "bigint"}

_REFERENCE = re.compile(r"<fk table='(.{1,63}?)' column='(.{1,63}?)'/>")
"""Names have at most 63 bytes; without that a description of a megabyte takes hours."""

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


def described(answer: Response) -> dict[str, Shape] | None:
    """The tables of a description; None where the answer is none, as that of a server without OpenAPI."""
    try:
        document = json.loads(answer.body)
        # a schema without a table has no definitions at all
        definitions, paths = document.get("definitions", {}), document["paths"]
        return {name: _shape(told, paths.get(f"/{name}", {})) for name, told in definitions.items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


def _shape(definition: Mapping[str, Any], operations: Mapping[str, Any]) -> Shape:
    required = definition.get("required", ())
    columns = tuple(
        _column(name, told, nullable=name not in required)
        for name, told in definition.get("properties", {}).items()
    )
    nullable_key = any(column.key and column.nullable for column in columns)
    return Shape(columns, view=nullable_key or ("get" in operations and "post" not in operations))


def _column(name: str, told: Mapping[str, Any], *, nullable: bool) -> Column:
    """A column of the description: ``required`` is NOT NULL, ``<pk/>`` marks the key (measured)."""
    description, kind, length = told.get("description", ""), told.get("format"), told.get("maxLength")
    default = told.get("default")
    if not isinstance(kind, str | None) or not isinstance(length, int | None):
        raise TypeError("a type is a text, and a length a number")
    return Column(
        name=name,
        type=_TYPES.get(kind or "", kind),
        nullable=nullable,
        key="<pk/>" in description,
        refers=_reference(description),
        default=default if default is None or isinstance(default, str) else json.dumps(default),
        values=tuple(map(str, told.get("enum", ()))),
        length=length,
    )


def _reference(description: str) -> tuple[str, str] | None:
    """What ``<fk table='users' column='id'/>`` points to."""
    found = _REFERENCE.search(description)
    return (found[1], found[2]) if found else None
