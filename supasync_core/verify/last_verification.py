"""The last verification of all tables, kept on this machine for whoever looks later."""

from pathlib import Path
from typing import Any, Final

from supasync_core.system.kept_document import keep_document, kept_document
from supasync_core.verify.verdict import Verification

_NAME: Final = "verification.json"
_KEYS: Final = 20
"""Keys that are kept of each kind of difference."""


def keep(folder: Path, found: Verification, sides: tuple[str, str], now: str) -> None:
    """Keep it for its owner alone, with the first keys of each difference; ``now`` is when it ended."""
    document = found.as_json()
    for table in document["tables"].values():
        for kind in ("missing", "extra", "changed", "set_aside", "repeated"):
            table[kind] = {"rows": len(table[kind]), "first": list(table[kind])[:_KEYS]}
    keep_document(folder, _NAME, document, sides, now)


def last_verification(folder: Path, sides: tuple[str, str]) -> dict[str, Any] | None:
    """What was kept of these two projects; None where there is nothing that can be read."""
    return kept_document(folder, _NAME, sides)
