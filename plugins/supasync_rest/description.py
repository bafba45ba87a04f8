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

from supasync_core.tables import Column, Shape
from supasync_rest.answers import Answer

# PostgREST 14.8 and later print these for integer and bigint (measured; smallint is int32 there too).
_TYPES = {"int32": "integer", "int64": "bigint"}

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


def described(answer: Answer) -> dict[str, Shape] | None:
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
    description = told.get("description", "")
    default = told.get("default")
    return Column(
        name=name,
        type=_TYPES.get(told.get("format", ""), told.get("format")),
        nullable=nullable,
        key="<pk/>" in description,
        refers=_reference(description),
        default=default if default is None or isinstance(default, str) else json.dumps(default),
        values=tuple(told.get("enum", ())),
        length=told.get("maxLength"),
    )


def _reference(description: str) -> tuple[str, str] | None:
    """What ``<fk table='users' column='id'/>`` points to."""
    found = re.search(r"<fk table='(.*?)' column='(.*?)'/>", description)
    return (found[1], found[2]) if found else None
