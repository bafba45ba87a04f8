"""Where staged rows and the sink's rows stand, and which values of the first refer to other rows."""
# ruff: noqa: S608 - names are quoted by values.identifier

from dataclasses import replace

from duckdb import DuckDBPyConnection

from supasync_core.tables import Table
from supasync_duckdb.tables import Tables, qualified
from supasync_duckdb.values import identifier, plain

FILE, ROW, PLACE = "supasync file", "supasync row", "supasync place"
"""Columns of staged rows: the number of the file that a row is from, its number in there, its rowid."""


def ready(table: Table) -> Table:
    """The table of staged rows; what tables.yaml leaves out is not in there."""
    return replace(table, schema="ready", where=None, columns=(), exclude=(FILE, ROW), transform=())


def known(table: Table) -> Table:
    """The table of the sink's rows."""
    return replace(table, schema="known", where=None, columns=(), exclude=(), transform=())


def referring(connection: DuckDBPyConnection, table: Table, column: str) -> str:
    """A SELECT of the column's values in staged rows that the sink does not have in the same rows.

    Empty where the column is not staged.
    """
    tables = Tables(connection)
    staged, there = tables.kinds(ready(table)), tables.kinds(known(table))
    if staged is None or column not in staged:
        return ""
    value = plain(f"r.{identifier(column)}", staged[column])
    unless = ""
    if there is not None and column in there:
        pairs = [(name, staged[name], there[name]) for name in (*table.key, column)]
        same = " AND ".join(
            f"{plain(f'r.{identifier(n)}', mine)} = {plain(f'k.{identifier(n)}', theirs)}"
            for n, mine, theirs in pairs
        )
        unless = f"ANTI JOIN {qualified(known(table))} AS k ON {same}"
    return f"SELECT DISTINCT {value} FROM {qualified(ready(table))} AS r {unless} WHERE {value} IS NOT NULL"
