"""Which file is which table's: by its name in a folder, or by ``--file TABLE=PATH``."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from supasync_core.api.registry import did_you_mean
from supasync_core.model.errors import ConfigError
from supasync_core.model.printable import file_name
from supasync_core.model.table import Table
from supasync_core.staging.csv.packed import bare_name, ending

EXACT = "supasync_exact"
Files = Mapping[str, tuple[Path, ...]]
"""Paths by table."""
CSV_TYPES = (".csv", ".tsv", ".txt")
_DOTTED = {0x130: "i", 0x131: "i"}
"""Two letters that Python takes for an ``i`` where it ignores case, and does not fold into one."""
_PART = r"(?:-[1-9]\d{0,2})?"
"""What `gap sql` proposes for a further part. A year, ``_2`` or ``(1)`` may be another table's."""


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of a folder: those of each table, and those of none."""

    files: Files
    unknown: tuple[Path, ...] = ()

    def with_named(self, files: Files) -> "TableFiles":
        """The same with the named files: each belongs to the table that it was named for, to no other."""
        named = {_identity(path) for paths in files.values() for path in paths}
        merged = {name: _others(paths, named) for name, paths in self.files.items()}
        for name, paths in files.items():
            merged[name] = (*merged.get(name, ()), *paths)
        return TableFiles(
            {name: paths for name, paths in merged.items() if paths}, _others(self.unknown, named)
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a folder in their order, and those that may belong to a table, by the folded name."""

    paths: tuple[Path, ...]
    named: Mapping[str, Sequence[Path]]
    paths_there: frozenset[Path]

    @classmethod
    def of(cls, folder: Path, types: tuple[str, ...] = CSV_TYPES) -> "Listing":
        """List a folder's files whose names end so; ConfigError where it cannot be."""
        try:
            paths = sorted(p for p in folder.iterdir() if ending(p) in types and p.is_file())
        except OSError as err:
            problem = f"cannot be read as a folder of exported files: {err.strerror}"
            raise ConfigError([f"{folder}: {problem}"]) from err
        named: dict[str, list[Path]] = {}
        for path in paths:
            for name in _folded(path):
                named.setdefault(name, []).append(path)
        return cls(tuple(paths), named, frozenset(paths))

    def find(self, tables: Sequence[Table]) -> TableFiles:
        """As `find`, in all files."""
        return _divided(self.paths, tables)

    def find_one(self, table: Table) -> TableFiles:
        """The files of one table, and such that may be but are not."""
        names = {_fold(stem) for name in (table.name, table.relation) for stem in _stems(name)}
        return _divided(sorted({path for name in names for path in self.named.get(name, ())}), [table])


def find(folder: Path, tables: Sequence[Table]) -> TableFiles:
    """``users.csv``, ``users_rows.csv`` and further parts of each table; ConfigError without a folder.

    The dashboard calls an export ``users_rows.csv`` whatever schema ``users`` is in: where two tables have
    that name, nobody knows whose rows they are, and it belongs to none.
    """
    return Listing.of(folder).find(tables)


def _divided(paths: Sequence[Path], tables: Sequence[Table]) -> TableFiles:
    """Each file is compared with the tables only that have its name but for the case of letters."""
    files: dict[str, list[Path]] = {}
    unknown = []
    alike: dict[str, dict[Table, None]] = {}
    for table in tables:
        for stem in (*_stems(table.name), *_stems(table.relation)):
            alike.setdefault(_fold(stem), {})[table] = None
    near = {path: list({t: None for name in _folded(path) for t in alike.get(name, ())}) for path in paths}
    own = {each.name for path in paths for each in near[path] if _matches(each.name, path)}
    for path in paths:
        names = [each.name for each in near[path]]
        name = _table_of(path, names) or _in_another_case(path, names, own)
        saved = [each for each in near[path] if _matches(each.relation, path, "_rows" + _PART)]
        if name is None or len(saved) > 1:  # the dashboard may have saved it for either of two tables
            unknown.append(path)
        else:
            files.setdefault(name, []).append(path)
    return TableFiles({name: tuple(found) for name, found in files.items()}, tuple(unknown))


def table_name_of(path: Path) -> str:
    """The table that a file is named after where nobody knows the tables."""
    return re.fullmatch(rf"(.*?)(?:_rows)?{_PART}", bare_name(path), re.DOTALL)[1] or bare_name(path)  # type: ignore[index]


def parse_named(given: Sequence[str], tables: Collection[str] | None) -> Files:
    """The paths of each ``TABLE=PATH``; ConfigError with all that is wrong.

    ``tables``: those that there are, None where any name will do.
    """
    files: dict[str, list[Path]] = {}
    problems: list[str] = []
    seen: set[tuple[int, int]] = set()
    for each in given:
        table, path = _parted(each, tables or ())
        if not table or not path:
            problems.append(f"--file {each}: write TABLE=PATH, such as users=export/users_2023.csv")
        elif tables is not None and table not in tables:
            problems.append(f"--file {each}: no such table{did_you_mean(table, tables)}")
        elif not Path(path).is_file():
            problems.append(f"--file {each}: no such file")
        elif _identity(Path(path)) in seen:
            problems.append(f"--file {each}: this file is named twice")
        else:
            seen.add(_identity(Path(path)))
            files.setdefault(table, []).append(Path(path))
    if problems:
        raise ConfigError(problems)
    return {table: tuple(paths) for table, paths in files.items()}


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
                    [f"--file {table}={path}: is in neither of the two folders: name a file of one of them"]
                )
            mine = sides[inside[0]]
            mine[table] = (*mine.get(table, ()), path)
    return dict(sides)


def _table_of(path: Path, names: Sequence[str]) -> str | None:
    """The table that the file is named after, where it is one; an exact name wins over a guess."""
    patterns = ("", "_rows", _PART, "_rows" + _PART)
    for each in patterns:
        found = [name for name in names if _matches(name, path, each)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _in_another_case(path: Path, names: Sequence[str], own: Collection[str]) -> str | None:
    """The one table whose name differs in case alone, where no file has its very name: ``USERS.CSV``.

    Else it may be a table of its own: PostgreSQL tells ``users`` from ``Users``.
    """
    alike = [name for name in names if _matches(name, path, flags=re.IGNORECASE)]
    return alike[0] if len(alike) == 1 and alike[0] not in own else None


def _matches(name: str, path: Path, pattern: str = "", flags: int = 0) -> bool:
    stems = "|".join(map(re.escape, _stems(name)))
    return re.fullmatch(f"(?:{stems}){pattern}", bare_name(path), flags) is not None


@lru_cache(10_000)
def _stems(name: str) -> tuple[str, ...]:
    """What files of the table may be called."""
    return tuple(dict.fromkeys((name, file_name(name), file_name(name, alone=False))))


def _folded(path: Path) -> set[str]:
    """The names of all tables that the file may be of, folded."""
    name = bare_name(path)
    whole = re.fullmatch(rf"(.*?)(_rows)?{_PART}", name, re.DOTALL)
    base, rows = (whole[1], whole[2] or "") if whole else (name, "")
    return {_fold(name), _fold(base + rows), _fold(base)}


def _fold(name: str) -> str:
    """The same for all names that differ in case alone, as regular expressions ignore it."""
    return name.translate(_DOTTED).casefold()


def _others(paths: Iterable[Path], named: Collection[tuple[int, int]]) -> tuple[Path, ...]:
    return tuple(path for path in paths if _identity(path) not in named)


def _parted(given: str, tables: Collection[str]) -> tuple[str, str]:
    """Table and path; a table's name may have an equals sign in it."""
    known = max((name for name in tables if given.startswith(f"{name}=")), key=len, default=None)
    table = given.partition("=")[0] if known is None else known
    return table, given[len(table) + 1 :]


def _identity(path: Path) -> tuple[int, int]:
    """The same for each name of one file."""
    status = path.stat()
    return status.st_dev, status.st_ino
