"""Files of rows that are not CSV: what they end with, and what reads each."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from supasync_core.diff import json_lines, parquet_files
from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.parts import Part
from supasync_core.diff.workbook import ENDING, Workbook
from supasync_core.model.errors import ConfigError
from supasync_core.model.table import Shape, Table
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.packed import UnreadableFileError, ending


class Reader(Protocol):
    """What reads one format; both raise UnreadableFileError, whose text follows the file's name."""

    def shape(self, path: Path) -> Shape:
        """The columns, with their types where the format has types."""

    def part(self, engine: DiffEngine, relation: str, path: Path, shape: Shape) -> Part:
        """Load the file's rows as that table, by the types that decide."""


READERS: Final[Mapping[str, Reader]] = {
    ".parquet": parquet_files,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".jsonl.gz": json_lines,
    ".ndjson.gz": json_lines,
    ENDING: Workbook(),
}
SINGLE: Final = (".csv", ".tsv", ".csv.gz", ".tsv.gz", *READERS)
"""What a file may end with that is a side."""
TYPES: Final = (*SINGLE, ".txt")
"""What the files of a folder may end with."""
NAMES: Final = "CSV (.csv, .tsv), JSON lines (.jsonl, .ndjson), each also with .gz; .parquet; .xlsx; .duckdb"


def reader_of(path: Path, sheet: str | None = None) -> Reader | None:
    """What reads the file by its name, of a workbook the sheet; None of CSV."""
    return Workbook(sheet) if ending(path) == ENDING else READERS.get(ending(path))


def shape(reader: Reader, path: Path, table: Table) -> Shape:
    """The columns of a file; SchemaError where it cannot be read."""
    with _named(path, table):
        return reader.shape(path)


def part(  # noqa: PLR0913, PLR0917 - where from, where to, and how to read it
    reader: Reader,
    engine: DiffEngine,
    relation: str,
    path: Path,
    table: Table,
    shape: Shape,
    choices: Choices,
) -> Part:
    """The loaded file; SchemaError where it cannot be read to its end."""
    given = {"--dialect": choices.dialects, "--encoding": choices.encodings, "--null": choices.nulls}
    for option, files in given.items():
        if path.name in files:
            raise ConfigError([f"{option} {path.name}: only CSV has such a choice"])
    with _named(path, table):
        return reader.part(engine, relation, path, shape)


@contextmanager
def _named(path: Path, table: Table) -> Iterator[None]:
    try:
        if not path.is_file():
            raise UnreadableFileError("is not a regular file")  # noqa: TRY301 - as all else that is wrong
        yield
    except UnreadableFileError as err:
        raise table.schema_error(f"{path.name} {err}") from err
    except OSError as err:
        raise table.schema_error(f"{path} cannot be read: {err.strerror or err}") from err
