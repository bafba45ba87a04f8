"""JSON lines: each file is read and replaced as a whole, its rows as they stand in it."""

from pathlib import Path

from supasync_core.api.file_journal import NAME, FileJournalStore
from supasync_core.api.registration import Fence
from supasync_core.api.whole_tables import WholeTableSink, WholeTableSource
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Horizon
from supasync_core.system.links import real, replace_whole


class JsonlFolder:
    """The files, each kept in memory until it changes."""

    def __init__(self, folder: Path, fence: Fence | None = None) -> None:
        self.folder, self.fence = folder, fence or Fence()
        self._read: dict[Path, tuple[int, Batch]] = {}

    def path(self, table: Table) -> Path:
        """The table's file, by its name in tables.yaml."""
        return self.folder / f"{table.name}.jsonl"

    def load(self, table: Table) -> Batch | None:
        """All lines; the file holds nothing younger than the time at which it was written."""
        path = self.path(table)
        if not path.is_file():
            return None
        written = real(path).stat().st_mtime_ns
        if self._read.get(path, (None, None))[0] != written:
            lines = filter(str.strip, real(path).read_text("utf-8").split("\n"))
            batch = Batch(raw_json.join(lines), read_at=Horizon(written // 1000))
            try:
                _ = batch.rows
            except ValueError as err:
                raise SchemaError(f"{path}: a line is not a JSON object: {err}", table=table.name) from err
            self._read[path] = written, batch
        return self._read[path][1]


class JsonlSource(JsonlFolder, WholeTableSource):
    """A folder that another program fills."""


class JsonlSink(JsonlFolder, WholeTableSink):
    """A folder that supasync fills: from time to time, a table's file is replaced."""

    def store(self, table: Table, rows: Batch) -> None:
        spaces = str.maketrans("\r\n", "  ")  # a line end in JSON stands between values only
        text = "".join(f"{line.translate(spaces)}\n" for line in rows.rows.texts)
        replace_whole(self.path(table), lambda file: file.write(text.encode()))
        self._read.pop(self.path(table), None)


class JsonlStore(FileJournalStore):
    """The journal, in a file of the same folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME)
