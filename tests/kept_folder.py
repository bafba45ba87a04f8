"""A folder that takes time to make, made once for a module and given to each test as it was made."""

from pathlib import Path
from shutil import copytree, rmtree


def keep(folder: Path) -> Path:
    """Remember what is in the folder, for `as_kept`."""
    copytree(folder, _copy_of(folder))
    return folder


def as_kept(folder: Path) -> Path:
    """The folder, in the same place, with what it held when it was kept."""
    rmtree(folder)
    copytree(_copy_of(folder), folder)
    return folder


def _copy_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.kept")
