"""Whether two JSON texts stand for one value, where what printed one of them has lost details.

A dashboard parses JSON and arrays by JavaScript and prints them anew: spaces, the order and repetition of
names, digits of numbers. Where the sink's exact text would come out of that as the very text of the export,
the export knows nothing better, and the sink's text is kept.
"""
# ruff: noqa: S608 - names are quoted by values.identifier

from duckdb import DuckDBPyConnection

from supasync_core.model.pg_types import type_of
from supasync_core.model.same_value import reprinted
from supasync_core.staging.compare_staged import Comparison
from supasync_core.staging.connection import second_connection
from supasync_core.staging.values import identifier

_CHUNK = 10_000


def adopt_equals(connection: DuckDBPyConnection, comparison: Comparison, *, lossy: bool) -> bool:
    """Give staged rows the sink's own text wherever theirs is only another spelling; whether any was."""
    adopted = False
    for name in comparison.soft:
        column, kind = identifier(name), type_of(comparison.shape, name)
        found = second_connection(connection).execute(
            f"SELECT r.{identifier(comparison.place)}, "
            f"CAST(r.{column} AS VARCHAR), CAST(k.{column} AS VARCHAR) "
            f"FROM {comparison.pairs('JOIN')} "
            f"WHERE CAST(r.{column} AS VARCHAR) <> CAST(k.{column} AS VARCHAR)"
        )
        connection.execute("CREATE OR REPLACE TABLE gap.equals (place BIGINT, text VARCHAR)")
        while rows := found.fetchmany(_CHUNK):
            equal = [row for row in rows if reprinted(row[1], row[2], lossy=lossy, kind=kind)]
            if equal:
                adopted = True
                connection.execute(
                    "INSERT INTO gap.equals SELECT unnest(CAST(? AS BIGINT[])), unnest(CAST(? AS VARCHAR[]))",
                    [[row[0] for row in equal], [row[2] for row in equal]],
                )
        connection.execute(comparison.updated(name))
    return adopted
