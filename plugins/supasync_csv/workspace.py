"""CSV files in DuckDB: a private database that lives as long as its source or sink."""

# ruff: noqa: S608 - names are quoted by values.identifier, texts by values.literal

import csv
import io
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import duckdb

from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.staging.connection import open_to_write, private_umask
from supasync_core.staging.csv.records import look
from supasync_core.staging.csv.scanner import LONGEST, scan
from supasync_core.staging.csv.unchanged import unchanged
from supasync_core.staging.duckdb_tables import qualified, refuse_case_twins, schema_of
from supasync_core.staging.values import identifier, literal
from supasync_core.system.files import name_of
from supasync_core.system.links import real

_REASONS = (
    "Expected Number of Columns",
    "Value with unterminated quote",
    "Invalid unicode",
    "Maximum line size",
)
_HEADER = 1_000_000
"""Bytes of a first line: PostgreSQL's names have at most 63."""
_COLUMNS = 1600
"""That a table of PostgreSQL can have (PostgreSQL documentation, "Limits")."""
NOT_JSON = "a cell is not JSON"
"""What the SQL of a cell may say of it; the column and the row's key follow."""
_FORM = r"it must be UTF-8 as psql writes it by \copy ... csv header"


class Workspace:
    """A database in a temporary folder, removed by ``close``."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="supasync-")
        self.path = Path(self._folder.name) / "work.duckdb"
        self.connection = open_to_write(self.path, loads=True, lasts=False, compressed=False)

    def load(self, table: Table, path: Path, cell: Callable[[str], str]) -> None:
        """Make the file's rows a table; ``cell`` gives the SQL that a column's text becomes."""
        path = real(path)
        with unchanged([path], table):
            self._load(table, path, cell)

    def _load(self, table: Table, path: Path, cell: Callable[[str], str]) -> None:
        names = header(table, path)
        refuse_case_twins(table, names)
        cells = ", ".join(f"{cell(name)} AS {identifier(name)}" for name in names)
        with private_umask():
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema_of(table))}")
            sound = _sound(table, path, len(names), self.path.with_suffix(".csv"))
            for longest in LONGEST:
                read = scan(sound, names, longest=longest)
                try:
                    self.connection.execute(
                        f"CREATE OR REPLACE TABLE {qualified(table)} AS SELECT {cells} FROM {read}"
                    )
                except duckdb.Error as err:
                    if longest == LONGEST[-1] or "Maximum line size" not in str(err):
                        raise _unreadable(table, path, err) from err
                else:
                    return

    def keep_documents(self, table: Table, columns: Sequence[str]) -> None:
        """Make JSON of those columns of texts in which objects or lists stand; the others stay texts."""
        there = qualified(table)
        for name in map(identifier, columns):
            document = f"((starts_with({name}, '[') OR starts_with({name}, '{{')) AND json_valid({name}))"
            if self.connection.execute(f"SELECT count(*) FROM {there} WHERE {document}").fetchall()[0][0]:
                value = f"CAST(CASE WHEN {document} THEN {name} ELSE to_json({name}) END AS JSON)"
                self.connection.execute(f"ALTER TABLE {there} ALTER COLUMN {name} TYPE JSON USING {value}")

    def save(self, table: Table, file: BinaryIO) -> None:
        """Write the table's rows to the open file, by way of this database's own folder."""
        draft = self.path.with_name("draft.csv")
        options = "FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''"
        self.connection.execute(f"COPY {qualified(table)} TO {literal(name_of(draft))} ({options})")
        with draft.open("rb") as rows:
            shutil.copyfileobj(rows, file)
        draft.unlink()

    def drop(self, table: Table) -> None:
        """Forget the table's rows; its file stays."""
        self.connection.execute(f"DROP TABLE IF EXISTS {qualified(table)}")

    def close(self) -> None:
        self.connection.close()
        self._folder.cleanup()


def header(table: Table, path: Path) -> list[str]:
    """The names in the file's first line; SchemaError if there are none, or one appears twice."""
    try:
        first = _first(real(path)).decode("utf-8-sig")
        names = next(csv.reader(io.StringIO(first, newline=""), strict=True), [])
    except UnicodeDecodeError as err:
        raise table.schema_error(f"{path} is not UTF-8", hint=_FORM) from err
    except (OSError, csv.Error) as err:
        raise table.schema_error(f"{path} has no readable first line ({err})") from err
    if not names or "" in names or len(set(names)) < len(names):
        raise table.schema_error(
            f"the first line of {path} has missing or duplicate column names",
            hint="export it again with a header",
        )
    if len(names) > _COLUMNS:
        raise table.schema_error(f"{path} has {len(names):,} columns, and a table can have {_COLUMNS:,}")
    return names


def _first(path: Path) -> bytes:
    """The first record, whose quotes may hold line ends; OSError without a readable end."""
    if path.exists() and not path.is_file():
        raise OSError("it is not a regular file")
    first, odd = bytearray(), 0
    with path.open("rb") as file:
        while line := file.readline(_HEADER):
            first += line
            odd ^= line.count(b'"') % 2
            if not odd or len(first) >= _HEADER:
                break
    if len(first) >= _HEADER:
        raise OSError(f"it is longer than {_HEADER:,} bytes")
    return bytes(first)


def _sound(table: Table, path: Path, width: int, draft: Path) -> Path:
    """The file, or a copy whose line ends are all the same; SchemaError if a line is not a record."""
    found = look(path, ",", width, draft)
    if bad := found.bad[0] if found.bad else found.mixed:
        more = max(0, len(found.bad) - 1) + found.more
        others = f" ({counted(more, 'more line', 'more lines')} like it)" if more else ""
        raise table.schema_error(f"{path}, line {bad.line}, {bad.text}{others}", hint=_FORM)
    return found.path


def _unreadable(table: Table, path: Path, err: duckdb.Error) -> SchemaError:
    """What is wrong with the file, without the line itself, which holds a row's values."""
    if NOT_JSON in str(err):
        told = str(err).splitlines()[0]
        hint = f"{table.name} holds JSON there: correct the file"
        return table.schema_error(f"{path}: {told[told.index(NOT_JSON) :]}", hint=hint)
    lines = str(err).splitlines()
    lines[0] = lines[0].partition("  Input:")[0]
    reasons = [line for line in lines[1:] if line.startswith(_REASONS)]
    return table.schema_error(f"{path} cannot be read: {'; '.join([lines[0], *reasons[-1:]])}", hint=_FORM)
