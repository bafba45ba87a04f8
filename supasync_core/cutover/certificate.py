"""The certificate of a switch: what was compared, how, when, and which checks were accepted."""

import json
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from supasync_core.cutover.saved_progress import SavedProgress
from supasync_core.model.errors import ConfigError
from supasync_core.model.printable import visible
from supasync_core.system.files import write_private

FORMAT: Final = 1


def document(progress: SavedProgress) -> dict[str, Any]:
    """The certificate; its ``digest`` is the SHA-256 of the rest, as JSON with sorted names and no blanks."""
    fields = {
        "format": FORMAT,
        "supasync": version("supasync"),
        "source": progress.source,
        "sink": progress.sink,
        "switched_at": progress.switched_at,
        "closed_at": progress.closed_at,
        "checks": progress.checks,
        "accepted": [check["name"] for check in progress.checks if check["result"] == "accepted"],
        "rows_in_sink": progress.tables,
        "env": [asdict(each) for each in progress.replaced],
        "steps": progress.steps,
    }
    return {**fields, "digest": digest(fields)}


def digest(fields: dict[str, Any]) -> str:
    """The SHA-256 of a certificate without its digest."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def write(progress: SavedProgress, path: Path) -> None:
    """Write it, for its owner alone."""
    text = json.dumps(document(progress), indent=2, ensure_ascii=False)
    write_private(path, visible(text, "\n") + "\n")


def check_place(path: Path) -> None:
    """ConfigError where it cannot be written there."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ConfigError([f"--certificate {path}: name a file in an existing folder"])
