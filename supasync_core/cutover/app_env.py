"""The new text of the app's .env and of the one beside tables.yaml, computed before anything is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supasync_core.api.switch import Naming, Switch
from supasync_core.cutover import env_file
from supasync_core.cutover.env_file import EnvFile, Rewritten, lines, rewritten
from supasync_core.model.errors import SupasyncError
from supasync_core.model.settings import Settings

FLAG: Final = "ENABLE_HOURLY_SYNC"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A file, and its text afterwards."""

    file: EnvFile
    done: Rewritten


@dataclass(frozen=True, slots=True)
class AppEnv:
    """The app's file and the one beside tables.yaml, each as it will be; ``naming``: what it names now."""

    naming: Naming
    files: tuple[Rewriting, ...]

    @property
    def due(self) -> tuple[Rewriting, ...]:
        """Those that change."""
        return tuple(each for each in self.files if each.done.text != each.file.text)


def plan(settings: Settings, switch: Switch) -> AppEnv | None:
    """What will be written; None where tables.yaml names no .env of an app.

    SupasyncError where a file cannot be read, parsed or replaced, or where the values of its variables are
    unknown.
    """
    if settings.cutover.env is None:
        return None
    file = env_file.read(settings.cutover.env)
    with _naming(file):
        naming = switch.naming(lines(file.text))
    if naming.problems:
        raise SupasyncError("; ".join(f"{file.path}: {problem}" for problem in naming.problems))
    with _naming(file):
        app = Rewriting(file, rewritten(file.text, {**naming.wanted, FLAG: "false"}))
    found = AppEnv(naming, (app, *_own(settings.folder)))
    for each in found.due:
        env_file.check_writable(each.file)
    return found


def _own(folder: Path) -> Iterator[Rewriting]:
    """The .env beside tables.yaml, where it says whether sync is on."""
    if (folder / ".env").exists():
        file = env_file.read(folder / ".env")
        with _naming(file):
            if any(line.name == FLAG for line in lines(file.text)):
                yield Rewriting(file, rewritten(file.text, {FLAG: "false"}))


@contextmanager
def _naming(file: EnvFile) -> Iterator[None]:
    """An error over the file's text names the file."""
    try:
        yield
    except SupasyncError as err:
        raise SupasyncError(f"{file.path}: {err}", hint=err.hint) from err
