"""DuckDB is opened here, and nowhere else; its errors become supasync's.

A file is data, whoever wrote it. It is never the main database: it is attached to one in memory, whose own
functions and types come first, that fetches no extension and reads no other file, and whose settings are
locked. What a file has beside values is refused: see `refused_sql`.
"""

import errno
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from supasync_core.model.errors import LockedError, RowError, SchemaError, StateError, SupasyncError
from supasync_core.model.table import Table
from supasync_core.staging.idle_engines import Engine, IdleEngines
from supasync_core.staging.refused_sql import refuse_code, refuse_shadowing
from supasync_core.staging.values import literal
from supasync_core.system import faults
from supasync_core.system.files import name_of
from supasync_core.system.links import own, real

_creating = threading.RLock()
_NAME = "held"
"""The name of the attached file in DuckDB."""
_ALONE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_IDLE = IdleEngines(_ALONE)
_REFUSED = {
    "No space left on device": errno.ENOSPC,
    "Read-only file system": errno.EROFS,
    "Permission denied": errno.EACCES,
}
"""What the system says; DuckDB passes on its words only."""
_HEADERS = 3 * 4096
"""The bytes of the smallest DuckDB file."""
_BESIDE = ("", ".wal", ".wal.checkpoint", ".wal.recovery", ".tmp")
"""What DuckDB itself writes beside a file."""
SCRATCH = "memory.main"
"""The schema of the database in memory: of tables that are of use for a while.

They are not compressed, and so are written in half the time of a table in a file (measured).
"""
_HELD = "SELECT readonly FROM system.main.duckdb_databases() WHERE database_name = ?"


class Database:
    """An opened database; ``path`` is what errors name."""

    connection: DuckDBPyConnection
    path: Path

    def fetch(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; the rows that it returns."""
        with translate_errors(self.path), private_umask():
            return self.connection.execute(query, list(values)).fetchall()


def duckdb_path(path: Path) -> str:
    """The path as DuckDB takes it: in UTF-8, whatever the locale; StateError where its bytes are none."""
    name = name_of(path)
    if name.isascii() or name.encode(errors="replace").decode() == name:
        return name
    raise StateError(
        f"{path}: DuckDB cannot open a path that is not UTF-8",
        hint="rename the folder, or name another path: in tables.yaml",
    )


def open_to_read(path: Path) -> DuckDBPyConnection:
    """A connection that cannot write; SchemaError where there is no file, which is never created."""
    if not path.exists():
        raise SchemaError(f"{path}: no such DuckDB file", hint="correct path: in tables.yaml")
    return _connect(path, _Use(read_only=True))


def open_to_write(
    path: Path,
    *,
    memory: str | None = None,
    loads: bool = False,
    lasts: bool = True,
    compressed: bool = True,
) -> DuckDBPyConnection:
    """A connection that may write; the file is created, readable by its owner alone, where there is none.

    Connections of one process to one file share it; another process is refused by LockedError. ``memory`` is
    what it may hold in memory. One that ``loads`` may read and write other files too, so that nothing of the
    file itself may be SQL. What does not have to last beyond this process ``lasts`` no crash, and takes less
    time; so does what is not ``compressed``, which takes more of the disk.
    """
    with private_umask():
        try:
            path = own(path)
        except OSError as err:
            raise StateError(f"the folder {path.parent} cannot be created: {err.strerror}") from err
        return _connect(
            path, _Use(read_only=False, memory=memory, loads=loads, lasts=lasts, compressed=compressed)
        )


def open_in_memory(settings: Sequence[str] = ()) -> DuckDBPyConnection:
    """A private database with these settings, which stay as they are; it fetches no extension."""
    connection = duckdb.connect(config=_ALONE)
    for setting in (*settings, "TimeZone = 'UTC'", "lock_configuration = true"):
        connection.execute(f"SET GLOBAL {setting}")
    return connection


def second_connection(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    """Another connection to the same database, for a query while rows of the first one are read."""
    other = connection.cursor()
    if other.execute(_HELD, [_NAME]).fetchone():
        other.execute(f"USE {_NAME}")
    return other


def open_to_look(path: Path) -> DuckDBPyConnection:
    """A connection to read, also where this process has the file open already."""
    try:
        return open_to_read(path)
    except LockedError:
        return _connect(path, _Use(read_only=None))


@contextmanager
def releasing(connection: DuckDBPyConnection) -> Iterator[DuckDBPyConnection]:
    """The connection, to be released at the end."""
    try:
        yield connection
    finally:
        release(connection)


def release(connection: DuckDBPyConnection) -> None:
    """Close a connection that was opened here; with its last one the file is closed.

    Its engine waits for a while, without the file: opened again, the file costs a tenth.
    """
    with private_umask():
        _IDLE.release(connection, _NAME)


@contextmanager
def private_umask() -> Iterator[None]:
    """Files that are created meanwhile can be read by their owner only.

    DuckDB creates its write-ahead log again after each checkpoint, under the umask of the moment.
    """
    with _creating:
        before = os.umask(0o077)
        try:
            yield
        finally:
            os.umask(before)


@contextmanager
def transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    """Commit, or roll back where anything fails."""
    with private_umask():
        connection.execute("BEGIN")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.TransactionException):  # a COMMIT that failed has rolled back already
                connection.execute("ROLLBACK")
            raise


@contextmanager
def translate_errors(path: Path, table: Table | None = None) -> Iterator[None]:
    """DuckDB's errors as supasync's own; no value of a row is in their messages.

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


@dataclass(frozen=True, slots=True)
class _Use:
    """What a connection is for; ``read_only`` is None where any mode of this process will do."""

    read_only: bool | None
    memory: str | None = None
    loads: bool = False
    lasts: bool = True
    compressed: bool = True


def _connect(path: Path, use: _Use) -> DuckDBPyConnection:
    """A connection to the file, which one of this process may have attached already."""
    path, *beside = [real(path.with_name(f"{path.name}{suffix}")) for suffix in _BESIDE]
    name = duckdb_path(path)
    new = use.read_only is False and not any(each.exists() for each in (path, *beside))
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise StateError(f"{path} is not a regular file", hint="name a DuckDB file")
    with _creating, translate_errors(path):
        engine = Engine(
            f":memory:supasync {name}", memory=use.memory, loads=use.loads, compressed=use.compressed
        )
        waiting = _IDLE.take(engine)
        connection = waiting or duckdb.connect(engine.name, config=_ALONE)
        try:
            held = connection.execute(_HELD, [_NAME]).fetchone()
            if held is None:
                if not waiting:
                    _configure(connection, name, use)
                connection.execute(f"ATTACH {literal(name)} AS {_NAME} ({_mode(use)})")
                if not new:  # what is new is in a folder of ours: `open_to_write` has made sure
                    (refuse_code if use.loads else refuse_shadowing)(connection, _NAME, path)
            else:
                _check_mode(path, read_only=use.read_only, held=bool(held[0]))
            connection.execute(f"USE {_NAME}")
        except BaseException:
            connection.close()
            if new and path.exists() and path.stat().st_size < _HEADERS:
                path.unlink()  # there was no room for it, and as it is no later run could open it
            raise
        if held is not None:
            _IDLE.joined(connection, engine.name)
        elif use.lasts:
            _IDLE.begun(connection, engine)
    return connection


def _check_mode(path: Path, *, read_only: bool | None, held: bool) -> None:
    if read_only is not None and held != read_only:
        raise LockedError(f"{path} is in use by another connection", hint="wait for the other run to end")


def _mode(use: _Use) -> str:
    """What a file is attached with."""
    if use.read_only:
        return "TYPE duckdb, READ_ONLY"
    return "TYPE duckdb" if use.lasts else "TYPE duckdb, RECOVERY_MODE no_wal_writes"


def _configure(connection: DuckDBPyConnection, name: str, use: _Use) -> None:
    """Settle what an engine may do, before it has a file; nothing changes that any more."""
    own = ", ".join(literal(f"{name}{suffix}") for suffix in _BESIDE)
    settings = [
        "TimeZone = 'UTC'",
        f"temp_directory = {literal(f'{name}.tmp')}",
        *([f"memory_limit = {literal(use.memory)}"] if use.memory else []),
        *([] if use.compressed else ["force_compression = 'uncompressed'"]),
        *([] if use.loads else [f"allowed_paths = [{own}]", "enable_external_access = false"]),
        "lock_configuration = true",
    ]
    if not use.lasts:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    for setting in settings:
        connection.execute(f"SET GLOBAL {setting}")


_OF_A_VALUE = "Invalid Input Error: Python "
"""How DuckDB begins where a value of Python's is too large, or has half of a character."""


def _translated(err: duckdb.Error, path: Path, table: Table | None) -> SupasyncError:
    name = table.name if table else None
    place = f"{name}: " if name else ""
    if isinstance(err, duckdb.ConstraintException):
        return RowError(f"{place}a constraint of the table in {path} refuses rows of the batch", table=name)
    if isinstance(err, duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException):
        return SchemaError(
            f"{place}{path} cannot answer the query: {str(err).splitlines()[0]}",
            table=name,
            hint="check where: in tables.yaml, it is SQL for DuckDB",
        )
    return _of_the_file(err, path, place)


def _of_the_file(err: duckdb.Error, path: Path, place: str) -> StateError | LockedError:
    text = str(err)
    if "Could not set lock" in text or isinstance(err, duckdb.ConnectionException):
        return LockedError(
            f"{path} is in use by another process or connection",
            hint="wait for the other run to end, or close the program that has the file open",
        )
    if isinstance(err, duckdb.OutOfMemoryException):
        return _no_room(text, place)
    if "\\" in str(path) and os.sep == "/":
        return StateError(
            f"{path}: DuckDB takes a backslash for a path separator",
            hint="rename the folder, or write a path without a backslash into tables.yaml",
        )
    refused = next((words for words in _REFUSED if words in text), None)
    if refused:
        return StateError(f"{path}: {refused}", hint=faults.HINTS.get(_REFUSED[refused]))
    if isinstance(err, duckdb.DataError) or text.startswith(_OF_A_VALUE):
        return StateError(
            f"{place}a value is outside of what a column of {path} holds, or is not text",
            hint="the file is whole, leave it where it is: correct that value where it comes from",
        )
    return StateError(
        f"{path} cannot be read as a DuckDB file: {text.splitlines()[0]}",
        hint="it was left as it is: restore it from a copy, or move it away to begin with an empty one",
    )


def _no_room(text: str, place: str) -> StateError:
    """What DuckDB may hold was used up: of the disk what was free, or of memory.

    A file of 17 MB can hold 100 million rows, which take 4 GB on the disk (measured on 2.0.1).
    """
    if "max_temp_directory_size" in text:
        return StateError(
            f"{place}there is no room left for the temporary files of a comparison",
            hint="compare fewer rows (--table, --columns), or set TMPDIR to a folder on a larger disk",
        )
    return StateError(
        f"{place}a value or a row takes more memory than DuckDB may hold",
        hint="compare fewer columns (--columns, exclude:), or leave that row out by where:",
    )
