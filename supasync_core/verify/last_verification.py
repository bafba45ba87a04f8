"""The last verification of all tables, kept on this machine for whoever looks later."""

from pathlib import Path
from typing import Any, Final, TypedDict

from supasync_core.system.kept_document import keep_document, kept_document
from supasync_core.verify.verdict import Verification

_NAME: Final = "verification.json"
_KEYS: Final = 20
"""Keys that are kept of each kind of difference."""


class _Row(TypedDict):
    key: list[str | None]
    columns: list[str]


class _Keys(TypedDict):
    rows: int
    first: list[list[str | None]]


class _Changed(TypedDict):
    rows: int
    first: list[_Row]


class _Table(TypedDict):
    """What is read of a table by now; more is kept."""

    equal: bool | None
    differences: int
    values_compared: bool
    method: str
    old: int | None
    new: int | None
    compared: int
    in_flight: int
    missing: _Keys
    extra: _Keys
    changed: _Changed
    set_aside: _Keys
    repeated: _Keys
    cannot_see: list[str]
    error: str | None


class _Kept(TypedDict):
    tables: dict[str, _Table]
    sides: list[str]
    ended_at: str


def keep(folder: Path, found: Verification, sides: tuple[str, str], now: str) -> None:
    """Keep it for its owner alone, with the first keys of each difference; ``now`` is when it ended."""
    document = found.as_json()
    for table in document["tables"].values():
        for kind in ("missing", "extra", "changed", "set_aside", "repeated"):
            table[kind] = {"rows": len(table[kind]), "first": list(table[kind])[:_KEYS]}
    keep_document(folder, _NAME, document, sides, now)


def last_verification(folder: Path, sides: tuple[str, str]) -> dict[str, Any] | None:
    """What was kept of these two projects; None where there is nothing that can be read."""
    return kept_document(folder, _NAME, sides, _Kept)
