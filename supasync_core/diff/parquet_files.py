"""Parquet as a side of a diff: its rows by DuckDB's own reader, each value as its type holds it."""
# ruff: noqa: S608 - names are quoted by values.identifier, the path by scanner.this_one

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.parts import Part
from supasync_core.diff.typed_cells import shape_of, texts_of
from supasync_core.model.table import Shape
from supasync_core.staging.connection import duckdb_path, open_in_memory, translate_errors
from supasync_core.staging.csv.packed import UnreadableFileError
from supasync_core.staging.csv.scanner import this_one
from supasync_core.staging.duckdb_tables import Kinds
from supasync_core.staging.values import kind_of

_TEXT = "UTF8"
"""What DuckDB says of a text that is none, beside the text itself."""


def shape(path: Path) -> Shape:
    """The columns with their types, as far as PostgreSQL has the same."""
    with closing(open_in_memory()) as connection, _readable(path):
        return shape_of(_kinds(connection, path))


def part(engine: DiffEngine, relation: str, path: Path, shape: Shape) -> Part:
    """Load the file as a table of texts."""
    with _readable(path):
        texts = texts_of(_kinds(engine.connection, path), shape)
        cells = {name: f"c{i}" for i, name in enumerate(texts)}
        columns = ", ".join(f"{text} AS {cells[name]}" for name, text in texts.items())
        made = engine.connection.execute(
            f"CREATE OR REPLACE TABLE {relation} AS SELECT {columns} FROM {_read(path)}"
        )
        return Part(relation=relation, cells=cells, rows=int(made.fetchall()[0][0]))


def _read(path: Path) -> str:
    """The SQL of its rows; a folder called ``year=2024`` adds no column to them."""
    return f"read_parquet({this_one(path)}, hive_partitioning = false)"


def _kinds(connection: DuckDBPyConnection, path: Path) -> Kinds:
    """The columns; UnreadableFileError for names that DuckDB does not tell apart, one of which it changes."""
    duckdb_path(path)
    named = f"SELECT name, num_children FROM parquet_schema({this_one(path)})"
    names = list(_top(connection.execute(named).fetchall()))
    found = connection.sql(f"FROM {_read(path)} LIMIT 0")
    if names != found.columns:
        lost = next((name for name in names if name not in found.columns), names[-1])
        raise UnreadableFileError(
            f"has a column {lost} twice, or another that differs in case alone: DuckDB cannot tell them apart"
        )
    return {name: kind_of(kind) for name, kind in zip(found.columns, found.types, strict=True)}


def _top(elements: list[tuple[str, int | None]]) -> Iterator[str]:
    """The names of the columns; each element of a Parquet schema is followed by those inside it."""
    inside = 0
    for name, children in elements[1:]:
        if not inside:
            yield name
        inside += (children or 0) - (1 if inside else 0)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """UnreadableFileError where DuckDB cannot read the file; no value of a row is in the message."""
    with translate_errors(path):
        try:
            yield
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as err:
            reason = str(err).splitlines()[0]
            if _TEXT in reason:
                reason = "a text in it is not UTF-8"
            raise UnreadableFileError(f"cannot be read as Parquet: {reason}") from err
