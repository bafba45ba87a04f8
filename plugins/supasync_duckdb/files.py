"""One DuckDB file opened to read or to write, and DuckDB's errors in supasync's words."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from supasync_core.errors import LockedError, RowError, SchemaError, StateError, SupasyncError
from supasync_core.tables import Table

_creating = threading.RLock()


def open_to_read(path: Path) -> DuckDBPyConnection:
    """A connection that cannot write; SchemaError where there is no file, which is never created."""
    if not path.exists():
        raise SchemaError(f"{path}: there is no such DuckDB file", hint="correct path: in tables.yaml")
    return _connect(path, read_only=True)


def open_to_write(path: Path) -> DuckDBPyConnection:
    """A connection that may write; the file is created, readable by its owner alone, where there is none.

    Connections of one process to one file share it; another process is refused by LockedError.
    """
    with private():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise StateError(f"{path.parent} cannot be made a folder: {err.strerror}") from err
        return _connect(path, read_only=False)


def open_to_look(path: Path) -> DuckDBPyConnection:
    """A connection to read through, beside whatever this process holds open already."""
    try:
        return open_to_read(path)
    except LockedError:
        return _connect(path, read_only=False)


@contextmanager
def private() -> Iterator[None]:
    """Files that come into being meanwhile are for their owner alone.

    DuckDB creates its write-ahead log anew after each checkpoint, under the umask of the moment.
    """
    with _creating:
        before = os.umask(0o077)
        try:
            yield
        finally:
            os.umask(before)


@contextmanager
def transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    """All of it or nothing."""
    with private():
        connection.execute("BEGIN")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.TransactionException):  # a COMMIT that failed has rolled back already
                connection.execute("ROLLBACK")
            raise


@contextmanager
def blamed(path: Path, table: Table | None = None) -> Iterator[None]:
    """DuckDB's errors as supasync's own; they print no value of a row.

    A query that Ctrl-C has ended is a RuntimeError (measured on DuckDB 2.0).
    """
    try:
        yield
    except RuntimeError as err:
        if str(err) == "Query interrupted":
            raise KeyboardInterrupt from err
        raise
    except duckdb.Error as err:
        raise _translated(err, path, table) from err


def _connect(path: Path, *, read_only: bool) -> DuckDBPyConnection:
    with blamed(path):
        connection = duckdb.connect(str(path), read_only=read_only)
        connection.execute("SET TimeZone = 'UTC'")
        return connection


def _translated(err: duckdb.Error, path: Path, table: Table | None) -> SupasyncError:
    name = table.name if table else None
    place = f"{name}: " if name else ""
    if isinstance(err, duckdb.ConstraintException):
        return RowError(f"{place}a constraint of the table in {path} refuses rows of the batch", table=name)
    if isinstance(err, duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException):
        return SchemaError(
            f"{place}{path} does not answer the query: {str(err).splitlines()[0]}",
            table=name,
            hint="check where: in tables.yaml, it is SQL for DuckDB",
        )
    text = str(err)
    if "Could not set lock" in text or isinstance(err, duckdb.ConnectionException):
        return LockedError(
            f"{path} is in use by another process or connection",
            hint="wait for the other run to end, or close the program that has the file open",
        )
    return StateError(
        f"{path} cannot be read as a DuckDB file: {text.splitlines()[0]}",
        hint="it was left as it is: restore it from a copy, or move it away to begin with an empty one",
    )
