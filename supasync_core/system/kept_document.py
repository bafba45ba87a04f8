"""What a command found about two projects, kept on this machine for whoever looks later."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from supasync_core.model.errors import RefusedError
from supasync_core.model.quantities import format_size
from supasync_core.system import lock
from supasync_core.system.descriptors import check_own, read
from supasync_core.system.files import write_private

_LARGEST: Final = 100_000_000


def read_json(path: Path, most: int) -> Any:  # noqa: ANN401 - any JSON
    """What a file of at most so many bytes beside the lock holds; no link is followed.

    OSError or ValueError where it cannot be read, SupasyncError where the folder is not ours alone.
    """
    check_own(path.parent)
    try:
        return json.loads(read(path, most))
    except RecursionError as err:
        raise ValueError("it is nested too deeply") from err


def keep_document(
    folder: Path, name: str, document: Mapping[str, Any], sides: tuple[str, str], now: str
) -> None:
    """Replace the file of that name, for its owner alone; ``now`` is when it was found.

    RefusedError where the file cannot be written, or nobody would read that much.
    """
    text = json.dumps({**document, "sides": sides, "ended_at": now})
    if len(text) > _LARGEST:
        raise RefusedError(f"{name} would have more than {format_size(_LARGEST)}")
    write_private(lock.folder(folder) / name, text)


def kept_document(folder: Path, name: str, sides: tuple[str, str], form: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a type
    """What was kept of these two projects in this form; None where there is nothing that can be read."""
    import msgspec  # noqa: PLC0415 - few commands read one

    try:
        found = read_json(folder / lock.FOLDER / name, _LARGEST)
        kept: dict[str, Any] = msgspec.convert(found, form)
    except (OSError, ValueError, msgspec.ValidationError):
        return None
    return kept if tuple(kept["sides"]) == sides else None
