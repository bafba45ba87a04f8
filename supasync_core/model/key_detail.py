"""The key that PostgreSQL names in the detail of 23503 and 23505, which print no whole row."""

import re
from dataclasses import dataclass
from typing import Final

_KEY: Final = re.compile(
    r"Key \((?P<columns>.+?)\)=(?P<value>\(.*\)) "
    r"(?:already exists|is not present in table \"(?P<other>.+)\")",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class KeyDetail:
    """The columns of the key, their value as ``(7)`` or ``(1, a)``, the table that it refers to."""

    columns: tuple[str, ...]
    value: str
    other: str | None


def key_of(detail: str) -> KeyDetail | None:
    """The key of such a detail; None of any other text."""
    found = _KEY.match(detail)
    if found is None:
        return None
    columns = tuple(name.strip('"') for name in found["columns"].split(", "))
    return KeyDetail(columns, found["value"], found["other"])
