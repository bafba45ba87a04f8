"""Files that a person has named as a table's, whatever they are called."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from supasync_core.api.registry import did_you_mean
from supasync_core.model.errors import ConfigError
from supasync_core.staging.csv.find_files import TableFiles

Files = Mapping[str, tuple[Path, ...]]
"""Paths by table."""


def named(given: Sequence[str], tables: Collection[str] | None) -> Files:
    """The paths of each ``TABLE=PATH``; ConfigError with all that is wrong.

    ``tables``: those that there are, None where any name will do.
    """
    files: dict[str, list[Path]] = {}
    problems: list[str] = []
    seen: set[tuple[int, int]] = set()
    for each in given:
        table, path = _parted(each, tables or ())
        if not table or not path:
            problems.append(f"--file {each}: give TABLE=PATH, such as users=export/users_2023.csv")
        elif tables is not None and table not in tables:
            problems.append(f"--file {each}: there is no such table{did_you_mean(table, tables)}")
        elif not Path(path).is_file():
            problems.append(f"--file {each}: there is no such file")
        elif _identity(Path(path)) in seen:
            problems.append(f"--file {each}: this file is named twice")
        else:
            seen.add(_identity(Path(path)))
            files.setdefault(table, []).append(Path(path))
    if problems:
        raise ConfigError(problems)
    return {table: tuple(paths) for table, paths in files.items()}


def together(found: TableFiles, files: Files) -> TableFiles:
    """What a folder has, and the named files: each is of the table that it was named for, and of no other."""
    taken = {_identity(path) for paths in files.values() for path in paths}
    all_files = {name: _others(paths, taken) for name, paths in found.files.items()}
    for name, paths in files.items():
        all_files[name] = (*all_files.get(name, ()), *paths)
    return TableFiles(
        {name: paths for name, paths in all_files.items() if paths}, _others(found.unknown, taken)
    )


def by_side(files: Files, left: str, right: str) -> dict[str, Files]:
    """The named files of each side of a comparison that is a folder; of two folders, by where they lie."""
    folders = [name for name in dict.fromkeys((left, right)) if Path(name).is_dir()]
    if not files:
        return {}
    if not folders:
        raise ConfigError(["--file: neither side is a folder of CSV files, to which a file could be added"])
    if len(folders) == 1:
        return {folders[0]: files}
    sides: dict[str, dict[str, tuple[Path, ...]]] = {name: {} for name in folders}
    for table, paths in files.items():
        for path in paths:
            inside = [name for name in folders if path.resolve().is_relative_to(Path(name).resolve())]
            if len(inside) != 1:
                raise ConfigError(
                    [f"--file {table}={path}: is not in one of the two folders: which is it of?"]
                )
            mine = sides[inside[0]]
            mine[table] = (*mine.get(table, ()), path)
    return dict(sides)


def _others(paths: Iterable[Path], taken: Collection[tuple[int, int]]) -> tuple[Path, ...]:
    return tuple(path for path in paths if _identity(path) not in taken)


def _parted(given: str, tables: Collection[str]) -> tuple[str, str]:
    """Table and path; a table's name may have an equals sign in it."""
    known = max((name for name in tables if given.startswith(f"{name}=")), key=len, default=None)
    table = given.partition("=")[0] if known is None else known
    return table, given[len(table) + 1 :]


def _identity(path: Path) -> tuple[int, int]:
    """The same for each name of one file."""
    status = path.stat()
    return status.st_dev, status.st_ino
