"""What a command found about two projects, kept on this machine for whoever looks later."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from supasync_core.system import lock
from supasync_core.system.descriptors import check_own, read
from supasync_core.system.files import write_private

_LARGEST: Final = 20_000_000


def keep_document(
    folder: Path, name: str, document: Mapping[str, Any], sides: tuple[str, str], now: str
) -> None:
    """Replace the file of that name, for its owner alone; ``now`` is when it was found.

    RefusedError where the file cannot be written.
    """
    text = json.dumps({**document, "sides": sides, "ended_at": now})
    write_private(lock.folder(folder) / name, text)


def kept_document(folder: Path, name: str, sides: tuple[str, str]) -> dict[str, Any] | None:
    """What was kept of these two projects; None where there is nothing that can be read."""
    path = folder / lock.FOLDER / name
    try:
        check_own(path.parent)
        found = json.loads(read(path, _LARGEST))
    except (OSError, ValueError):
        return None
    known = isinstance(found, dict) and tuple(found.get("sides", ())) == sides
    return found if known and isinstance(found.get("tables"), dict) else None
