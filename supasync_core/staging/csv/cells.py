r"""A cell's text as the sink's type wants it, in DuckDB's SQL.

``{"type":"Buffer","data":[222,173]}`` becomes ``\xdead``; a JSON string that has lost its quotes gets them
back; newlines that were written as a backslash and an n become newlines.
"""

from supasync_core.model.pg_types import is_array, is_json, is_text, type_of
from supasync_core.model.table import Shape
from supasync_core.staging.csv.dialects import Dialect
from supasync_core.staging.values import literal

NOT_NULL = "\0"
"""Stands for a word that no cell can be: nothing is NULL."""
OR_EMPTY = "\1"
"""Before a word: an empty cell is NULL as well, as in a column whose type has no empty text."""
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
BUFFER = rf'\{{"type":"Buffer","data":\[(?:{_BYTE}(?:,{_BYTE})*)?\]\}}'
_SQL_BUFFER = literal(BUFFER)


def staged(cell: str, dialect: Dialect, shape: Shape, name: str) -> str:
    """The SQL of the staged cell from the SQL of a text that is NULL where the cell means NULL."""
    if is_json(type_of(shape, name)):
        return json_if(f"json_valid({cell})", cell)
    if is_array(type_of(shape, name)):
        return json_if(f"starts_with({cell}, '[') AND json_valid({cell})", cell)
    if type_of(shape, name) == "bytea":
        return f"CASE WHEN regexp_full_match({cell}, {_SQL_BUFFER}) THEN {_hexadecimal(cell)} ELSE {cell} END"
    if dialect.escaped and is_text(shape, name):
        return f"replace({cell}, '\\n', chr(10))"
    kind = type_of(shape, name)
    return cell if kind and "." not in kind else f"to_json({cell})"


def json_if(condition: str, cell: str) -> str:
    """The text as the JSON that it is, else as a JSON string."""
    return f"CAST(CASE WHEN {condition} THEN {cell} ELSE CAST(to_json({cell}) AS VARCHAR) END AS JSON)"


def _hexadecimal(cell: str) -> str:
    r"""``\xdead`` from the numbers of a Buffer."""
    numbers = f"regexp_extract_all({cell}, '\\d+')"
    return (
        f"'\\x' || array_to_string(list_transform({numbers}, "
        "lambda each: lower(lpad(hex(CAST(each AS UTINYINT)), 2, '0'))), '')"
    )


def nullable(cell: str, null: str | None) -> str:
    """The cell's text, NULL where it means NULL: by its word, by being empty, or by having no quotes."""
    if null is None:
        return cell
    if null == NOT_NULL:
        return f"coalesce({cell}, '')"
    if null.startswith(OR_EMPTY):
        return f"CASE WHEN {cell} NOT IN ({literal(null[1:])}, '') THEN {cell} END"
    if not null:
        return f"nullif({cell}, '')"
    return f"CASE WHEN {cell} = {literal(null)} THEN NULL ELSE coalesce({cell}, '') END"
