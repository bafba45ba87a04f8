"""The package that brings plugins, seen in the folders of packages, where there is but one.

To import `importlib.metadata` and to let it search takes a quarter of the time of a help text.
"""

import os
import sys
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final, NamedTuple

_FOLDERS: Final = (".dist-info", ".egg-info")
_POINTS: Final = "entry_points.txt"


class Package(NamedTuple):
    """A package by the name and version of its folder, and its entry points of one group."""

    name: str
    version: str
    points: tuple[tuple[str, str], ...]


def only_package(group: str) -> Package | None:
    """The only package with entry points of that group.

    None where there is none, or another one as well, or where anything is unusual: then Python's own search
    has to tell.
    """
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return None
    return _only(group, tuple(dict.fromkeys(sys.path)))


@cache
def _only(group: str, paths: tuple[str, ...]) -> Package | None:
    try:
        found = [each for path in paths for each in _in_folder(path or ".", group)]
    except (OSError, ValueError):
        return None
    return found[0] if len(found) == 1 else None


def _in_folder(path: str, group: str) -> list[Package]:
    """The packages there; ValueError where they cannot be seen by their folders."""
    folder = Path(path)
    if not folder.is_dir():
        if folder.exists() or path.endswith((".egg", ".whl")):
            raise ValueError(f"{path} is not a folder")
        return []
    with os.scandir(path) as entries:
        names = [entry.name for entry in entries]
    if any(name.endswith((".egg", ".egg-link")) for name in names):
        raise ValueError(f"{path} has packages of another form")
    found = [_package(folder, name, group) for name in names if name.endswith(_FOLDERS)]
    return [each for each in found if each is not None]


def _package(path: Path, folder: str, group: str) -> Package | None:
    try:
        text = (path / folder / _POINTS).read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    if f"[{group}]" not in text:
        return None
    name, _, version = folder.rpartition(".")[0].partition("-")
    lines = [line.strip() for line in text.partition(f"[{group}]")[2].partition("\n[")[0].splitlines()]
    pairs = [tuple(each.strip() for each in line.partition("=")[::2]) for line in lines if line]
    if not version or not all(name and value.replace("_", "").isalnum() for name, value in pairs):
        raise ValueError(f"the entry points of {folder} are not those of plain modules")
    return Package(name, version, tuple((name, value) for name, value in pairs))
