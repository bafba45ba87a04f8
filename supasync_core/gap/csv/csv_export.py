"""The export `csv`: files of the dashboard, of psql, and of our own exact queries.

DuckDB is imported when files are read, not before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from supasync_core.api.registry import did_you_mean
from supasync_core.model.errors import ConfigError
from supasync_core.model.table import Shape, Table
from supasync_core.staging.csv import find_files
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.export_finding import ExportFinding, LoadedFile
from supasync_core.staging.csv.find_files import TableFiles
from supasync_core.staging.staging_file import Staging

if TYPE_CHECKING:
    from supasync_core.staging.csv.nulls import Open

KINDS = {
    "cut": "a cell or an array that was cut is sent as it is",
    "duplicate": "of rows with one key and different content the newest is sent, else the last",
    "exact": "damaged chunks are left out, intact ones are sent",
    "header": "columns that are missing or unknown are left out",
    "json": "JSON is sent as JavaScript has printed it",
    "key": "rows without a key are left out",
    "nan": "an empty float is NULL",
    "newline": "a backslash and an n become a newline",
    "null": "a doubtful cell is NULL",
    "older": "rows that are older than NEW's are written over them",
    "orphan": "rows without their parent are left out",
    "ragged": "lines that are not records are left out, those that end otherwise than the header are read",
    "rows": "the file is complete although its number of rows is round",
    "spelling": "rows that NEW has under another spelling of their key are written over",
    "type": "rows with values that the column's type refuses are left out",
}


@dataclass
class CsvExport:
    """Reads files by DuckDB into a DuckDB staging. It keeps what a table's rows still wait for."""

    waiting: dict[str, list["Open"]] = field(default_factory=dict)

    def check(self, choices: Choices) -> None:
        """Refuse a dialect that nobody knows, before a file is read."""
        _check(choices)

    def find(self, folder: Path, tables: Sequence[Table]) -> TableFiles:
        """Which file of the folder is which table's."""
        return find_files.find(folder, tables)

    def load(
        self, staging: Staging, table: Table, files: Sequence[Path], shape: Shape, choices: Choices
    ) -> tuple[list[LoadedFile], list[ExportFinding]]:
        """Stage the files of a table; what is amiss in them."""
        from supasync_core.gap.csv.stage_files import Merging  # noqa: PLC0415 - DuckDB is large

        with TemporaryDirectory(prefix="supasync-") as drafts:
            merging = Merging(staging, table, shape, choices, Path(drafts))
            for index, path in enumerate(files):
                merging.add(index, path)
            merging.finish()
        self.waiting[table.name] = merging.open
        return merging.loaded, merging.findings

    def settle(self, staging: Staging, table: Table, shape: Shape, choices: Choices) -> list[ExportFinding]:
        """Decide by the sink's rows what the file does not tell; what stays open is an error."""
        from supasync_core.staging.csv import nulls  # noqa: PLC0415 - DuckDB is large

        findings = []
        for column in self.waiting.pop(table.name, []):
            learnt = nulls.learn(staging, table, shape, column)
            if learnt:
                nulls.make(staging, table, column, null=learnt == "null")
            elif "null" in choices.accepted:
                nulls.make(staging, table, column, null=True)
            findings.append(_open_finding(table, column, learnt))
        return findings

    def place(self, path: Path, row: int) -> int | None:
        """The line on which the row begins; None where the file cannot be read so far."""
        from supasync_core.staging.csv.file_format import delimiter_of  # noqa: PLC0415 - wanted for findings alone
        from supasync_core.staging.csv.records import lines  # noqa: PLC0415

        return lines(path, {row}, delimiter_of(path)).get(row)


def _open_finding(table: Table, column: "Open", learnt: str | None) -> ExportFinding:
    what = f"the word {column.marker}" if column.marker else "an empty cell"
    place = f"{table.name}.{column.column}: {column.cells:,} cells are {what}"
    if learnt:
        meaning = "NULL" if learnt == "null" else "a text"
        text = f"{place}: NEW's own rows say that this is {meaning}"
        return ExportFinding(
            kind="null", table=table.name, text=text, level="warning", file=column.file, column=column.column
        )
    word, name = column.marker or "empty", f"{table.name}.{column.column}"
    advice = f"decide by --null {name}={word} (it is NULL) or --null {name}=none (it is a text)"
    if column.marker:
        advice += f", or for the whole file by --dialect {column.file}=sql-editor, which writes NULL so"
    text = f"{place}, which may be NULL or a text: {advice}"
    return ExportFinding(kind="null", table=table.name, text=text, file=column.file, column=column.column)


def _check(choices: Choices) -> None:
    from supasync_core.staging.csv.dialects import DIALECTS  # noqa: PLC0415 - DuckDB is large

    for file, name in choices.dialects.items():
        if name not in DIALECTS:
            raise ConfigError(
                [f"--dialect {file}={name}: there is no such dialect{did_you_mean(name, DIALECTS)}"]
            )
