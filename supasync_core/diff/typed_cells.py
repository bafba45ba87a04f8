"""Columns that have types of DuckDB, as they are compared: their types and their texts."""

from supasync_core.model.pg_types import NUMBERS, ZONED, bare, is_document, type_of
from supasync_core.model.table import Column, Shape
from supasync_core.staging.duckdb_tables import Kinds
from supasync_core.staging.values import Kind, identifier, plain

_TYPES = (*NUMBERS, ZONED, "date", "boolean", "uuid", "bytea")
"""Types whose values DuckDB holds as PostgreSQL does; of others the look decides.

A timestamp without time zone is not among them: such a column of PostgreSQL ignores the zone of a text that
it is sent, and no text goes into a file here.
"""


def shape_of(kinds: Kinds) -> Shape:
    """The columns; the types of raw cells and of texts are not known."""
    return Shape(tuple(Column(name, _type(kind)) for name, kind in kinds.items()))


def texts_of(kinds: Kinds, shape: Shape) -> dict[str, str]:
    """The SQL of each column's text to compare: a document's JSON, any other value's plain text."""
    return {name: _text(kind, shape, name) for name, kind in kinds.items()}


def _type(kind: Kind) -> str | None:
    if kind.family in ("list", "array", "struct", "map"):
        return "json"
    name = bare(kind.family)
    return name if name in _TYPES else None


def _text(kind: Kind, shape: Shape, name: str) -> str:
    if kind.family == "json" and is_document(type_of(shape, name)):
        return f"nullif(CAST({identifier(name)} AS VARCHAR), 'null')"
    return plain(identifier(name), kind)
