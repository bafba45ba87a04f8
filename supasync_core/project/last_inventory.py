"""What both projects held besides rows when somebody last looked: lines and their age, beside the lock."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from supasync_core.model import timestamps
from supasync_core.model.errors import SupasyncError
from supasync_core.model.quantities import format_age
from supasync_core.model.settings import Settings
from supasync_core.system import lock
from supasync_core.system.files import write_private
from supasync_core.system.kept_document import read_json

_NAME: Final = "account.json"
_LARGEST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class LastInventory:
    """The lines, and when they were true."""

    at: str
    lines: tuple[str, ...]

    @property
    def age(self) -> str:
        """``12 min ago``."""
        return format_age(timestamps.now() - timestamps.parse(self.at))


def remember(settings: Settings, lines: Sequence[str]) -> None:
    """Save what was seen now of these two projects."""
    found = {**_refs(settings), "at": timestamps.to_text(timestamps.now()), "lines": list(lines)}
    write_private(lock.folder(settings.folder) / _NAME, json.dumps(found, indent=2))


def last(settings: Settings) -> LastInventory | None:
    """What was seen last of these two; None where nobody has looked, or the file cannot be used."""
    path = settings.folder / lock.FOLDER / _NAME
    with suppress(OSError, ValueError, KeyError, TypeError, SupasyncError):
        found = read_json(path, _LARGEST)
        if {name: found[name] for name in _refs(settings)} == _refs(settings):
            timestamps.parse(found["at"])
            return LastInventory(found["at"], tuple(str(line) for line in found["lines"]))
    return None


def _refs(settings: Settings) -> dict[str, str]:
    return {"source": settings.source.ref, "sink": settings.sink.ref}
