"""Which file holds which table."""

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from supasync_core.model.printable import unfit_for_windows
from supasync_core.model.table import Table

_SUFFIX = ".csv"
_WINDOWS = os.name == "nt"


def stem_of(table: Table) -> str:
    """The name of the table's file, without its suffix."""
    return table.relation if table.schema == "public" else f"{table.schema}.{table.relation}"


@dataclass(frozen=True, slots=True)
class Files:
    """A folder of CSV files, or a single one."""

    path: Path

    @property
    def folder(self) -> Path:
        """Where files are, and the state beside them."""
        return self.path.parent if self._single else self.path

    @property
    def _single(self) -> bool:
        return self.path.suffix.lower() == ".csv" and not self.path.is_dir()

    def of(self, table: Table) -> Path:
        """The table's file, whether it exists or not; SchemaError where a single file is another table's."""
        name = stem_of(table)
        if self._single and self.path.stem != name:
            raise table.schema_error(
                f"{self.path} holds the table {self.path.stem}",
                hint=f"set path: to a folder, or a file called {name}.csv",
            )
        if Path(name).name != name:
            raise table.schema_error("this name cannot be a file's")
        unfit = unfit_for_windows(name) if _WINDOWS else None
        if unfit:
            raise table.schema_error(f"this name cannot be a file's: it {unfit}")
        return self.path if self._single else self._alone(table, self._in_folder(name))

    def _alone(self, table: Table, own: Path) -> Path:
        """The path; SchemaError where the file system takes another table's file for it."""
        if own.exists():
            name = own.name.casefold()
            there = [e.name for e in self.path.iterdir() if _same_letters(e.name.casefold(), name)]
            if there and not any(_same_letters(each, own.name) for each in there):
                raise table.schema_error(
                    f"{there[0]} is there, and this file system takes it for {own.name}",
                    hint="keep the tables in folders of their own, or use a case-sensitive file system",
                )
        return own

    def _in_folder(self, name: str) -> Path:
        """The file of that name; one with a suffix in capitals where that is the one there is."""
        own, capitals = self.path / f"{name}{_SUFFIX}", self.path / f"{name}{_SUFFIX.upper()}"
        return capitals if capitals.exists() and not own.exists() else own

    def paths(self) -> list[Path]:
        """The files, whatever case their suffix is in."""
        return sorted(path for path in self.folder.iterdir() if path.suffix.lower() == _SUFFIX)


def _same_letters(one: str, other: str) -> bool:
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
