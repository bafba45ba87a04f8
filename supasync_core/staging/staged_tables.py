"""The tables of staged rows and of the sink's rows, and which values of the first refer to other rows."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Iterable
from dataclasses import replace

from duckdb import DuckDBPyConnection

from supasync_core.model.pg_types import type_of
from supasync_core.model.table import Shape, Table
from supasync_core.staging.duckdb_tables import Kinds, Tables, qualified
from supasync_core.staging.equality import same
from supasync_core.staging.values import identifier, plain


def ready(table: Table) -> Table:
    """The table of staged rows; what tables.yaml leaves out is not in there."""
    return replace(table.whole().narrowed(()), table=None, schema="ready")


def known(table: Table) -> Table:
    """The table of the sink's rows."""
    return replace(table.whole().narrowed(()), table=None, schema="known")


def same_rows(shape: Shape, names: Iterable[str], staged: Kinds, there: Kinds) -> str:
    """Whether staged rows ``r`` and the sink's rows ``k`` have the same values in these columns."""
    return " AND ".join(
        same(
            type_of(shape, name),
            plain(f"r.{identifier(name)}", staged[name]),
            plain(f"k.{identifier(name)}", there[name]),
        )
        for name in names
    )


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
        pairs = same_rows(shape, (*table.key, column), staged, there)
        unless = f"ANTI JOIN {qualified(known(table))} AS k ON {pairs}"
    return (
        f"SELECT DISTINCT {value} AS value FROM {qualified(ready(table))} AS r {unless} "
        f"WHERE {value} IS NOT NULL"
    )
