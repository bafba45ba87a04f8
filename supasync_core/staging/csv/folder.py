"""Which file holds which table, and files replaced as a whole."""

import os
import stat
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp, mkstemp

from supasync_core.model.errors import RefusedError, SchemaError
from supasync_core.model.printable import unfit_for_windows
from supasync_core.model.table import Table

_SUFFIX = ".csv"
_WINDOWS = os.name == "nt"


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
        name = table.relation if table.schema == "public" else f"{table.schema}.{table.relation}"
        if self._single and self.path.stem != name:
            raise SchemaError(
                f"{table.name}: {self.path} holds the table {self.path.stem}",
                table=table.name,
                hint=f"give path: a folder, or a file called {name}.csv",
            )
        if Path(name).name != name:
            raise SchemaError(f"{table.name}: this name cannot be a file's", table=table.name)
        unfit = unfit_for_windows(name) if _WINDOWS else None
        if unfit:
            raise SchemaError(f"{table.name}: this name cannot be a file's: it {unfit}", table=table.name)
        return self.path if self._single else self._alone(table, self._in_folder(name))

    def _alone(self, table: Table, own: Path) -> Path:
        """The path; SchemaError where the file system takes another table's file for it."""
        if own.exists():
            there = [each.name for each in self.path.iterdir() if _alike(each.name, own.name)]
            if there and not any(_same_letters(each, own.name) for each in there):
                raise SchemaError(
                    f"{table.name}: {there[0]} is there, and this file system takes it for {own.name}",
                    table=table.name,
                    hint="keep the tables in folders of their own, or on a file system that tells case",
                )
        return own

    def _in_folder(self, name: str) -> Path:
        """The file of that name; one with a suffix in capitals where that is the one there is."""
        own, capitals = self.path / f"{name}{_SUFFIX}", self.path / f"{name}{_SUFFIX.upper()}"
        return capitals if capitals.exists() and not own.exists() else own

    def names(self) -> list[str]:
        """The tables for which there are files."""
        return sorted(path.stem for path in self.paths())

    def paths(self) -> list[Path]:
        """The files, whatever case their suffix is in."""
        return sorted(path for path in self.folder.iterdir() if path.suffix.lower() == _SUFFIX)


def _same_letters(one: str, other: str) -> bool:
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def _alike(one: str, other: str) -> bool:
    return _same_letters(one.casefold(), other.casefold())


def replace_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Put a new file in the place of an old one: readers see all of it or nothing.

    Mode, owner and link of the old one stay; a file that is new is for its owner alone. Until then it has a
    name that only its owner can see: a link in its place would lead the writing elsewhere.
    """
    try:
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = mkdtemp(dir=path.parent, prefix=f".{path.name}.")
        descriptor, name = mkstemp(dir=hidden)
    except OSError as err:
        raise _unwritable(path, err) from err
    os.close(descriptor)
    draft = Path(name)
    try:
        write(draft)
        _settle(draft, path.stat() if path.exists() else None)
        draft.replace(path)
    except OSError as err:
        raise _unwritable(path, err) from err
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        with suppress(OSError):
            draft.parent.rmdir()


def _settle(draft: Path, old: os.stat_result | None) -> None:
    """Make the draft last, with the old file's owner and mode as far as this user may.

    All of it by the descriptor: the name may be another file's by now.
    """
    number = os.open(draft, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(number)
        if hasattr(os, "fchown") and old:
            with suppress(PermissionError):
                os.fchown(number, old.st_uid, old.st_gid)
        if hasattr(os, "fchmod"):
            os.fchmod(number, stat.S_IMODE(old.st_mode) if old else 0o600)
    finally:
        os.close(number)
    if not hasattr(os, "fchmod"):  # Windows, where it says whether the file may be written
        draft.chmod(stat.S_IMODE(old.st_mode) if old else 0o600)


def _unwritable(path: Path, err: OSError) -> RefusedError:
    return RefusedError(f"{path} cannot be written: {err.strerror}")
