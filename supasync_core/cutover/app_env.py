"""What becomes of the app's .env and of the one beside tables.yaml, worked out before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supasync_core.api.switch import Line, Naming, Switch
from supasync_core.cutover import env_file
from supasync_core.cutover.env_file import EnvFile
from supasync_core.cutover.env_text import Rewritten, lines, rewritten
from supasync_core.model.errors import SupasyncError
from supasync_core.model.settings import Settings

FLAG: Final = "ENABLE_HOURLY_SYNC"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A file, and its text afterwards."""

    file: EnvFile
    done: Rewritten

    @property
    def due(self) -> bool:
        """Whether anything changes."""
        return self.done.text != self.file.text


@dataclass(frozen=True, slots=True)
class AppEnv:
    """The app's file and the sync's own, each as it will be; ``naming`` is what the app's names now."""

    naming: Naming
    files: tuple[Rewriting, ...]

    @property
    def due(self) -> tuple[Rewriting, ...]:
        """Those that change."""
        return tuple(each for each in self.files if each.due)

    @property
    def switched(self) -> bool:
        """Whether the app names the sink already."""
        return self.naming.switched


def plan(settings: Settings, switch: Switch) -> AppEnv | None:
    """What will be written; None where tables.yaml names no .env of an app.

    SupasyncError with a sentence where a file cannot be read, parsed or replaced, or where it is not known
    what its variables should be.
    """
    if settings.cutover.env is None:
        return None
    file = env_file.read(settings.cutover.env)
    found = _parsed(file)
    naming = switch.naming(found)
    if naming.problems:
        raise SupasyncError("; ".join(f"{file.path}: {problem}" for problem in naming.problems))
    app = Rewriting(file, _rewritten(file, {**naming.wanted, FLAG: "false"}))
    files = [app, *_own(settings.folder)]
    for each in files:
        if each.due:
            env_file.check_writable(each.file)
    return AppEnv(naming, tuple(files))


def _own(folder: Path) -> Sequence[Rewriting]:
    """The .env beside tables.yaml, where it says whether sync is on."""
    if not (folder / ".env").exists():
        return ()
    file = env_file.read(folder / ".env")
    if not any(line.name == FLAG for line in _parsed(file)):
        return ()
    return (Rewriting(file, _rewritten(file, {FLAG: "false"})),)


def _parsed(file: EnvFile) -> list[Line]:
    try:
        return lines(file.text)
    except SupasyncError as err:
        raise SupasyncError(f"{file.path}: {err}", hint=err.hint) from err


def _rewritten(file: EnvFile, wanted: dict[str, str]) -> Rewritten:
    try:
        return rewritten(file.text, wanted)
    except SupasyncError as err:
        raise SupasyncError(f"{file.path}: {err}", hint=err.hint) from err
