"""Which file of a folder is which table's."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from supasync_core.model.errors import ConfigError
from supasync_core.model.printable import file_name
from supasync_core.model.table import Table

EXACT = "supasync_exact"
_TYPES = (".csv", ".tsv", ".txt")
_PART = r"(?:-[1-9]\d{0,2})?"
"""What `gap sql` proposes for a further part. A year, ``_2`` or ``(1)`` may be another table's."""


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of a folder: those of each table, and those of none."""

    files: Mapping[str, tuple[Path, ...]]
    unknown: tuple[Path, ...] = ()


def find(folder: Path, tables: Sequence[Table]) -> TableFiles:
    """``users.csv``, ``users_rows.csv`` and further parts of each table; ConfigError without a folder.

    The dashboard calls an export ``users_rows.csv`` whatever schema ``users`` is in: where two tables have
    that name, nobody knows whose rows they are, and it belongs to none.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _TYPES and path.is_file())
    except OSError as err:
        raise ConfigError(
            [f"{folder}: cannot be read as a folder of exported files: {err.strerror}"]
        ) from err
    files: dict[str, list[Path]] = {}
    unknown = []
    names = [table.name for table in tables]
    own = {name for path in paths for name in names if _matches(name, path)}
    for path in paths:
        name = _table_of(path, names) or _in_another_case(path, names, own)
        if name and _is_ambiguous(path, tables):
            name = None
        if name is None:
            unknown.append(path)
        else:
            files.setdefault(name, []).append(path)
    return TableFiles({name: tuple(found) for name, found in files.items()}, tuple(unknown))


def named(path: Path) -> str:
    """The table that a file is named after where nobody knows the tables."""
    return re.fullmatch(rf"(.*?)(?:_rows)?{_PART}", path.stem, re.DOTALL)[1] or path.stem  # type: ignore[index]


def _is_ambiguous(path: Path, tables: Sequence[Table]) -> bool:
    """Whether the dashboard may have saved it for either of two tables of one name."""
    saved = [each for each in tables if _matches(each.relation, path, "_rows" + _PART)]
    return len(saved) > 1


def _table_of(path: Path, names: Sequence[str]) -> str | None:
    """The table that the file is named after; an exact name wins over a guess."""
    patterns = ("", "_rows", _PART, "_rows" + _PART)
    return next((name for each in patterns for name in names if _matches(name, path, each)), None)


def _in_another_case(path: Path, names: Sequence[str], own: Collection[str]) -> str | None:
    """The one table whose name differs in case alone, where no file has its very name: ``USERS.CSV``.

    Else it may be a table of its own: PostgreSQL tells ``users`` from ``Users``.
    """
    alike = [name for name in names if _matches(name, path, flags=re.IGNORECASE)]
    return alike[0] if len(alike) == 1 and alike[0] not in own else None


def _matches(name: str, path: Path, pattern: str = "", flags: int = 0) -> bool:
    stems = "|".join(map(re.escape, (name, file_name(name), file_name(name, alone=False))))
    return re.fullmatch(f"(?:{stems}){pattern}", path.stem, flags) is not None
