"""What a DuckDB file may not bring beside values: SQL that would run here, and collations.

Macros, types and schemas with names of DuckDB's own change what a query means: such a file is refused. A
view is not a table. A column that is computed by an expression runs it whenever it is read, and one with a
collation makes different texts equal, wherever they are compared: a table with such a column is refused. A
file that is ours alone has no SQL of any kind.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table

_HAS = """
SELECT 'macro', function_name FROM system.main.duckdb_functions()
WHERE database_name = $file AND NOT internal
UNION ALL
SELECT 'type', type_name FROM system.main.duckdb_types() WHERE database_name = $file AND NOT internal
UNION ALL
SELECT 'schema', schema_name FROM system.main.duckdb_schemas() WHERE database_name = $file AND NOT internal
UNION ALL
SELECT 'view', view_name FROM system.main.duckdb_views() WHERE database_name = $file AND NOT internal
"""
"""Kinds and names of what a file has beside tables; nothing in the query can come from the file.

To tell a file's functions DuckDB lists its own 3,300 too, 12 ms of a processor: a connection asks once."""
_OWN = """
SELECT 'macro', lower(function_name) FROM system.main.duckdb_functions() WHERE internal
UNION ALL
SELECT 'type', lower(type_name) FROM system.main.duckdb_types() WHERE internal
"""
_OWN_SCHEMAS = {("schema", name) for name in ("information_schema", "pg_catalog", "system", "temp")}
_CODE = ("macro", "view")
"""Kinds of SQL that runs when the file is read."""
_IN_TABLES = """
SELECT 'computed or default value', column_name FROM system.main.duckdb_columns()
WHERE database_name = $file AND NOT internal AND column_default IS NOT NULL
UNION ALL
SELECT 'constraint', constraint_text FROM system.main.duckdb_constraints()
WHERE database_name = $file AND constraint_type = 'CHECK'
UNION ALL
SELECT 'index', index_name FROM system.main.duckdb_indexes() WHERE database_name = $file
LIMIT 1
"""
"""SQL that runs where rows are written."""
_TRIGGERS = """
SELECT 'trigger', trigger_name FROM system.main.duckdb_triggers() WHERE database_name = $file LIMIT 1
"""
"""The same; only DuckDB 2.0 and later has the function."""
_PLAN = "SELECT CAST(system.main.json_serialize_plan($query) AS VARCHAR)"
_BINARY = ("", "binary", "c", "posix")
"""Collations that compare bytes, as no collation does."""


def refuse_shadowing(connection: DuckDBPyConnection, database: str, path: Path) -> list[tuple[str, str]]:
    """What an attached file has beside tables; SchemaError where one of them takes DuckDB's own name."""
    has: list[tuple[str, str]] = connection.execute(_HAS, {"file": database}).fetchall()
    own = set(_OWN_SCHEMAS)
    if any(kind in {"macro", "type"} for kind, _ in has):
        own.update(connection.execute(_OWN).fetchall())
    found = next((name for kind, name in has if (kind, name.lower()) in own), None)
    if found:
        raise SchemaError(
            f"{path} has a macro, type or schema {found}, which replaces one of DuckDB's own",
            hint="such a file can run its own SQL: drop it there, or copy the tables to a new file",
        )
    return has


def refuse_code(connection: DuckDBPyConnection, database: str, path: Path) -> None:
    """SchemaError where an attached file that is ours alone has SQL of any kind."""
    has = refuse_shadowing(connection, database, path)
    code = next((each for each in has if each[0] in _CODE), None)
    for query in (_IN_TABLES, _TRIGGERS):
        with suppress(duckdb.CatalogException):  # no triggers before DuckDB 2.0
            code = code or connection.execute(query, {"file": database}).fetchone()
    if code:
        raise SchemaError(
            f"{path} has a {code[0]} {code[1]}, and supasync never runs SQL stored in a file",
            hint="move the file away: supasync makes a new one",
        )


def refuse_columns(
    connection: DuckDBPyConnection, table: Table, relation: str, types: Mapping[str, str]
) -> None:
    """SchemaError where a column of the relation is computed, or a text in it has a collation.

    DuckDB's lists of columns do not show the collation of a text in a list or struct, and before 2.0 not
    which columns are computed: its plan of the query does. Nothing is run.
    """
    for name, kind, sql in _columns(connection, table, relation, types):
        if kind.get("expression_class") != "BOUND_REF":
            raise table.schema_error(
                f"the column {name} in {_file(connection)} is computed by SQL, and supasync never runs SQL "
                "stored in a file",
                hint="in a copy of the file, drop the column or store its values: CREATE TABLE ... AS",
            )
        collation = next((each for each in _collations(kind["return_type"]) if each not in _BINARY), None)
        if collation:
            raise table.schema_error(
                f"the column {name} in {_file(connection)} has the collation {collation}, by which different "
                "texts may be equal",
                hint=f"in a copy of the file, alter the column to {sql} without a collation; if it is in a "
                "key, create the table again without it and insert the rows",
            )


def _columns(
    connection: DuckDBPyConnection, table: Table, relation: str, types: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each column's name, its expression in the plan, and its type."""
    text = connection.execute(_PLAN, {"query": f"FROM {relation}"}).fetchall()[0][0]
    try:
        expressions = json.loads(text)["plans"][0]["expressions"]
        yield from ((name, kind, sql) for (name, sql), kind in zip(types.items(), expressions, strict=True))
    except (LookupError, ValueError, RecursionError) as err:
        raise table.schema_error(
            "DuckDB does not show how its columns are stored", hint="install a tested version of duckdb"
        ) from err


def _file(connection: DuckDBPyConnection) -> str:
    query = "SELECT path FROM system.main.duckdb_databases() WHERE database_name = current_database()"
    return str(connection.execute(query).fetchall()[0][0])


def _collations(described: object) -> Iterator[str]:
    """All collations in a type of the plan, also of what is nested in it."""
    waiting = [described]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if isinstance(each.get("collation"), str):
                yield each["collation"]
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
