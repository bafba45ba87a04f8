"""Which file holds which table, and files replaced as a whole."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp

from supasync_core.errors import RefusedError, SchemaError
from supasync_core.tables import Table


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
        name = table.name if table.schema == "public" else f"{table.schema}.{table.name}"
        if self._single and self.path.stem != name:
            raise SchemaError(
                f"{table.name}: {self.path} holds the table {self.path.stem}",
                table=table.name,
                hint=f"give path: a folder, or a file called {name}.csv",
            )
        if Path(name).name != name:
            raise SchemaError(f"{table.name}: this name cannot be a file's", table=table.name)
        return self.path if self._single else self.path / f"{name}.csv"

    def names(self) -> list[str]:
        """The tables for which there are files."""
        return sorted(path.stem for path in self.folder.glob("*.csv"))


def replace_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Put a new file in the place of an old one: readers see all of it or nothing, only its owner may."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as err:
        raise _unwritable(path, err) from err
    os.close(descriptor)
    draft = Path(name)
    try:
        write(draft)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.chmod(0o600)
        draft.replace(path)
    except OSError as err:
        raise _unwritable(path, err) from err
    finally:
        draft.unlink(missing_ok=True)


def _unwritable(path: Path, err: OSError) -> RefusedError:
    return RefusedError(f"{path} cannot be written: {err.strerror}")
