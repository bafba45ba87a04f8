"""The last verification of all tables, kept on this machine for whoever looks later."""

import json
from pathlib import Path
from typing import Any, Final

from supasync_core.system import lock
from supasync_core.system.descriptors import check_own, read
from supasync_core.system.files import write_private
from supasync_core.verify.verdict import Verification

_NAME: Final = "verification.json"
_LARGEST: Final = 20_000_000
_KEYS: Final = 20
"""Keys that are kept of each kind of difference."""


def keep(folder: Path, found: Verification, sides: tuple[str, str], now: str) -> None:
    """Keep it for its owner alone, with the first keys of each difference; ``now`` is when it ended."""
    document = found.as_json()
    for table in document["tables"].values():
        for kind in ("missing", "extra", "changed", "set_aside", "repeated"):
            table[kind] = {"rows": len(table[kind]), "first": list(table[kind])[:_KEYS]}
    text = json.dumps({**document, "sides": sides, "ended_at": now})
    write_private(lock.folder(folder) / _NAME, text)


def last_verification(folder: Path, sides: tuple[str, str]) -> dict[str, Any] | None:
    """What was kept of these two projects; None where there is nothing that can be read."""
    path = folder / lock.FOLDER / _NAME
    try:
        check_own(path.parent)
        found = json.loads(read(path, _LARGEST))
    except (OSError, ValueError):
        return None
    known = isinstance(found, dict) and tuple(found.get("sides", ())) == sides
    return found if known and isinstance(found.get("tables"), dict) else None
