"""The tables of staged rows and of the sink's rows, and which values of the first refer to other rows."""
# ruff: noqa: S608 - names are quoted by values.identifier

from dataclasses import replace

from duckdb import DuckDBPyConnection

from supasync_core.model.pg_types import type_of
from supasync_core.model.table import Shape, Table
from supasync_core.staging.duckdb_tables import Tables, qualified
from supasync_core.staging.equality import common, same
from supasync_core.staging.values import identifier, plain


def ready(table: Table) -> Table:
    """The table of staged rows; what tables.yaml leaves out is not in there."""
    return replace(table.whole().narrowed(()), table=None, schema="ready")


def known(table: Table) -> Table:
    """The table of the sink's rows."""
    return replace(table.whole().narrowed(()), table=None, schema="known")


def referring(connection: DuckDBPyConnection, table: Table, shape: Shape, column: str) -> str:
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
        pairs = " AND ".join(
            same(
                type_of(shape, name),
                plain(f"r.{identifier(name)}", staged[name]),
                plain(f"k.{identifier(name)}", there[name]),
            )
            for name in (*table.key, column)
        )
        unless = f"ANTI JOIN {qualified(known(table))} AS k ON {pairs}"
    return (
        f"SELECT DISTINCT {value} AS value FROM {qualified(ready(table))} AS r {unless} "
        f"WHERE {value} IS NOT NULL"
    )


def without(  # noqa: PLR0913, PLR0917 - both sides of a foreign key
    connection: DuckDBPyConnection, query: str, place: Table, referred: str, child: str, parent: str
) -> str:
    """Of the values that a query selects those that the table has nowhere in ``referred``; by their types."""
    kinds = Tables(connection).kinds(place)
    if not kinds or referred not in kinds:
        return query
    pair = same(common(child, parent), "v.value", plain(f"p.{identifier(referred)}", kinds[referred]))
    return f"SELECT v.value FROM ({query}) AS v ANTI JOIN {qualified(place)} AS p ON {pair}"
