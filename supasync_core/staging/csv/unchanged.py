"""A file is checked, then read by its name: both have to be the same file, as it was."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from supasync_core.model.table import Table
from supasync_core.system.links import real


@contextmanager
def unchanged(paths: Sequence[Path], table: Table) -> Iterator[None]:
    """SchemaError where one of the files was changed, replaced or renamed meanwhile.

    A file's time of change (``ctime``) is set by the system alone, also when it is renamed.
    """
    before = [stamp(path) for path in paths]
    yield
    for path, known in zip(paths, before, strict=True):
        if stamp(path) != known:
            raise table.schema_error(
                f"{path.name} was changed or replaced while it was read",
                hint="read it again once nobody writes to it, or copy it into a folder of your own first",
            )


def stamp(path: Path, *, by_system: bool = True) -> tuple[int, ...] | None:
    """What tells a file and its state apart; None without a file, which whoever reads it reports.

    Without the times that the system alone sets: programs that store copies elsewhere mark a file.
    """
    try:
        found = real(path).stat()
    except OSError:
        return None
    times = (found.st_mtime_ns, found.st_ctime_ns) if by_system else (int(found.st_mtime),)
    return found.st_dev, found.st_ino, found.st_size, *times
