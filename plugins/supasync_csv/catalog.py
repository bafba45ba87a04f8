"""The tables of a folder of CSV files: types and keys are guessed from names and values.

A file has no types. A column has a type if every value in it, empty ones aside, reads as one. ``id``, or the
first column, is the key if it is never empty and never the same. ``user_id`` is a foreign key if it holds
nothing but keys of a table ``user`` or ``users``.
"""

# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from duckdb import DuckDBPyConnection

from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging.connection import translate_errors
from supasync_core.staging.csv.folder import Files
from supasync_core.staging.duckdb_tables import qualified
from supasync_core.staging.values import identifier
from supasync_csv.workspace import Workspace, header

HIDDEN = ("everything but names and values: types and keys are guessed",)

_GUESSES = {
    "bigint": "regexp_full_match({}, '-?(0|[1-9][0-9]{{0,17}})')",
    "uuid": "TRY_CAST({} AS UUID) IS NOT NULL",
    "boolean": "lower({}) IN ('t', 'f', 'true', 'false')",
    "numeric": "TRY_CAST({} AS DOUBLE) IS NOT NULL",
    "timestamp with time zone": "TRY_CAST({} AS TIMESTAMPTZ) IS NOT NULL",
}
"""PostgreSQL's types, each with what holds for its texts, the narrower first."""
_DASHBOARD = "_rows"


def files_of(files: Files, schema: str) -> dict[str, Path]:
    """The files of the schema's tables; the dashboard saves ``users`` as ``users_rows.csv``."""
    found: dict[str, Path] = {}
    for path in sorted(files.paths(), key=lambda path: not path.stem.endswith(_DASHBOARD)):
        where, dot, name = path.stem.rpartition(".")
        if (where if dot else "public") == schema:
            found[name.removesuffix(_DASHBOARD)] = path  # of two the one that `sync` reads
    return dict(sorted(found.items()))


def catalog(paths: Mapping[str, Path], work: Workspace) -> Mapping[str, Shape]:
    """The tables of these files; each file is loaded once."""
    found: dict[str, tuple[Table, list[Column]]] = {}
    for name, path in paths.items():
        table = Table(name=name)
        work.load(table, path, identifier)
        with translate_errors(path, table):
            found[name] = table, _keyed(work.connection, table, header(table, path))
    return {
        name: Shape(tuple(_related(work.connection, table, column, found) for column in columns))
        for name, (table, columns) in found.items()
    }


def _keyed(connection: DuckDBPyConnection, table: Table, names: list[str]) -> list[Column]:
    columns = [_column(connection, table, name) for name in names]
    likely = "id" if "id" in names else names[0]
    quoted = identifier(likely)
    query = f"SELECT count(*), count({quoted}), count(DISTINCT {quoted}) FROM {qualified(table)}"
    rows, given, different = connection.execute(query).fetchall()[0]
    is_key = 0 < rows == given == different
    return [replace(column, key=is_key and column.name == likely) for column in columns]


def _column(connection: DuckDBPyConnection, table: Table, name: str) -> Column:
    quoted = identifier(name)
    tried = ", ".join(f"count_if({holds.format(quoted)})" for holds in _GUESSES.values())
    query = f"SELECT count(*), count(nullif({quoted}, '')), {tried} FROM {qualified(table)}"
    rows, given, *fitting = connection.execute(query).fetchall()[0]
    fits = (kind for kind, count in zip(_GUESSES, fitting, strict=True) if 0 < given == count)
    return Column(
        name, type=next(fits, None if not given else "text"), nullable=True if given < rows else None
    )


def _related(
    connection: DuckDBPyConnection,
    table: Table,
    column: Column,
    tables: Mapping[str, tuple[Table, list[Column]]],
) -> Column:
    stem = column.name.removesuffix("_id")
    if stem == column.name:
        return column
    for name in (stem, f"{stem}s", f"{stem}es", f"{stem.removesuffix('y')}ies"):
        parent, columns = tables.get(name, (table, []))
        key = next((each.name for each in columns if each.key), None)
        if key and _holds(connection, table, column.name, parent, key):
            return replace(column, refers=(name, key))
    return column


def _holds(connection: DuckDBPyConnection, table: Table, column: str, parent: Table, key: str) -> bool:
    """Whether every value, NULL aside, is a key of the parent."""
    query = (
        f"SELECT count(*) FROM {qualified(table)} AS child WHERE {identifier(column)} IS NOT NULL "
        f"AND NOT EXISTS (FROM {qualified(parent)} AS parent "
        f"WHERE parent.{identifier(key)} = child.{identifier(column)})"
    )
    return bool(connection.execute(query).fetchall()[0][0] == 0)
