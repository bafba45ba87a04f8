"""All tables of a DuckDB file, with keys and foreign keys as far as the file declares them."""

from collections.abc import Mapping
from typing import Any

from duckdb import DuckDBPyConnection

from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging.duckdb_tables import schema_of

HIDDEN = ("unique and check constraints", "indexes")

_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default,
       table_name IN (SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = $schema
                      AND database_name = current_database())
FROM duckdb_columns()
WHERE NOT internal AND database_name = current_database() AND schema_name = $schema
ORDER BY table_name, column_index
"""
_CONSTRAINTS = """
SELECT table_name, constraint_type, constraint_column_names, referenced_table, referenced_column_names
FROM duckdb_constraints()
WHERE database_name = current_database() AND schema_name = $schema
  AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
"""


def catalog(connection: DuckDBPyConnection, schema: str) -> Mapping[str, Shape]:
    """The tables and views of the schema by name."""
    parameters = {"schema": schema_of(Table(name="", schema=schema))}
    keys: dict[str, set[str]] = {}
    refers: dict[tuple[str, str], tuple[str, str]] = {}
    for table, kind, columns, other, others in connection.execute(_CONSTRAINTS, parameters).fetchall():
        if kind == "PRIMARY KEY":
            keys[table] = set(columns)
        elif len(columns) == 1:
            refers[table, columns[0]] = (other, others[0])
    found: dict[str, list[Column]] = {}
    views: set[str] = set()
    for row in connection.execute(_COLUMNS, parameters).fetchall():
        table, view = row[0], row[-1]
        found.setdefault(table, []).append(_column(row, keys.get(table, set()), refers))
        if view:
            views.add(table)
    return {name: Shape(tuple(columns), view=name in views) for name, columns in found.items()}


def _column(row: tuple[Any, ...], key: set[str], refers: Mapping[tuple[str, str], tuple[str, str]]) -> Column:
    table, name, kind, nullable, default, _ = row
    return Column(
        name,
        type=kind,
        nullable=bool(nullable),
        key=name in key,
        refers=refers.get((table, name)),
        default=default,
        values=_values(kind),
    )


def _values(kind: str) -> tuple[str, ...]:
    """The values of ``ENUM('a', 'b')``."""
    if not kind.startswith("ENUM("):
        return ()
    inside = kind.removeprefix("ENUM('").removesuffix("')")
    return tuple(value.replace("''", "'") for value in inside.split("', '"))
