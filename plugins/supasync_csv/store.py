"""The state store `csv`: the journal as one JSON file beside the tables' files."""

from pathlib import Path

from supasync_core.api.file_journal import NAME, FileJournalStore
from supasync_core.staging.csv.folder import Files


class CsvStore(FileJournalStore):
    """Keeps the journal beside the files, or beside the one file."""

    def __init__(self, path: Path) -> None:
        super().__init__(Files(path).folder / NAME)
