"""Which file of a folder is which table's."""

import re
from collections.abc import Sequence
from pathlib import Path

from supasync_core.errors import ConfigError
from supasync_core.gap.seams import Found
from supasync_core.printable import file_name
from supasync_core.tables import Table

EXACT = "supasync_exact"
_TYPES = (".csv", ".tsv", ".txt")
_PART = r"(?:-[1-9]\d{0,2})?"
"""What `gap sql` proposes for a further part. A year, ``_2`` or ``(1)`` may be another table's."""


def find(folder: Path, tables: Sequence[Table]) -> Found:
    """``users.csv``, ``users_rows.csv`` and further parts of each table; ConfigError without a folder."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _TYPES and path.is_file())
    except OSError as err:
        raise ConfigError(
            [f"{folder}: cannot be read as a folder of exported files: {err.strerror}"]
        ) from err
    files: dict[str, list[Path]] = {}
    unknown = []
    for path in paths:
        name = _table_of(path, [table.name for table in tables])
        if name is None:
            unknown.append(path)
        else:
            files.setdefault(name, []).append(path)
    return Found({name: tuple(found) for name, found in files.items()}, tuple(unknown))


def named(path: Path) -> str:
    """The table that a file is named after where nobody knows the tables."""
    return re.fullmatch(rf"(.*?)(?:_rows)?{_PART}", path.stem, re.DOTALL)[1] or path.stem  # type: ignore[index]


def _table_of(path: Path, names: Sequence[str]) -> str | None:
    """The table that the file is named after; an exact name wins over a guess."""
    for pattern in ("", "_rows", _PART, "_rows" + _PART):
        for name in names:
            stems = "|".join(map(re.escape, (name, file_name(name))))
            if re.fullmatch(f"(?:{stems}){pattern}", path.stem, re.IGNORECASE if not pattern else 0):
                return name
    return None
