"""What this machine saves of a switch, to complete a killed one and roll a done one back; its certificate."""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from supasync_core.model.errors import ConfigError, StateError
from supasync_core.model.printable import visible
from supasync_core.system import lock
from supasync_core.system.files import check_named, write_named, write_private
from supasync_core.system.kept_document import read_json

_NAME: Final = "cutover.json"
_LARGEST: Final = 10_000_000
FORMAT: Final = 1
_BEGIN: Final = '{\n  "format": '


@dataclass(slots=True, kw_only=True)
class Replaced:
    """A .env that was replaced: the file, the original kept beside it, the SHA-256 before and after."""

    path: str
    kept: str
    before: str
    after: str


@dataclass(slots=True, kw_only=True)
class SavedProgress:
    """One switch from ``source`` to ``sink``; times are ISO texts.

    ``stopped_at``: when a person confirmed that the writers have stopped, by this machine's clock.
    ``switched_at``: by the sink's clock, set before the first .env is replaced. ``checks`` and ``tables`` are
    the certificate's. ``steps`` of the user's own have run. ``settled``: the source's `Activity` by table
    when a verification found the sink equal to it. ``back_at``: when the app was switched back, by this
    machine's clock.
    """

    source: str
    sink: str
    stopped_at: str | None = None
    switched_at: str | None = None
    closed_at: str | None = None
    checks: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)
    replaced: list[Replaced] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    certificate: str | None = None
    settled: dict[str, dict[str, Any]] | None = None
    back_at: str | None = None


def load(folder: Path, source: str, sink: str) -> SavedProgress:
    """What is saved of a switch between these two; an empty one where nothing is. It creates no file."""
    path = folder / lock.FOLDER / _NAME
    try:
        found = read_json(path, _LARGEST)
        replaced = [Replaced(**each) for each in found.pop("replaced")]
        progress = SavedProgress(**found, replaced=replaced)
    except FileNotFoundError:
        return SavedProgress(source=source, sink=sink)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise StateError(
            f"{path} cannot be read: {err}",
            hint="it says how far a switch has come: check your app's .env, then move that file away",
        ) from err
    same = (progress.source, progress.sink) == (source, sink)
    return progress if same else SavedProgress(source=source, sink=sink)


def save(folder: Path, progress: SavedProgress) -> None:
    """Save it, whole or not at all."""
    write_private(lock.folder(folder) / _NAME, json.dumps(asdict(progress), indent=2))


def certificate(progress: SavedProgress) -> dict[str, Any]:
    """What was compared, how, when, and which checks were accepted.

    Its ``digest`` is the SHA-256 of the rest, as JSON with sorted names and no blanks.
    """
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


def write_certificate(progress: SavedProgress, path: Path) -> None:
    """Write the certificate, for its owner alone."""
    text = json.dumps(certificate(progress), indent=2, ensure_ascii=False)
    write_named(path, visible(text, "\n") + "\n", (_BEGIN,))


def check_place(path: Path) -> None:
    """ConfigError where a certificate cannot be written there; RefusedError where another file is there."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ConfigError([f"--certificate {path}: name a file in an existing folder"])
    check_named(path, (_BEGIN,))
