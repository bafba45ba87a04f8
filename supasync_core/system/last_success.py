"""How long ago a run last succeeded where NEW does not answer: by files beside the lock."""

import time
from datetime import timedelta
from pathlib import Path

from supasync_core.model import timestamps
from supasync_core.model.errors import ExitCode, LockedError
from supasync_core.model.quantities import format_duration
from supasync_core.model.state import State
from supasync_core.system import lock

_PASSING = (ExitCode.LATER, ExitCode.LOCKED)


class LastSuccess:
    """The time of the last success, kept as the modification time of a file beside the lock."""

    def __init__(self, folder: Path) -> None:
        self._path = lock.folder(folder) / lock.SUCCESS
        self._alive = lock.folder(folder) / lock.ALIVE
        if not self._path.exists():
            self.note()  # a new installation has not failed for long

    def note(self) -> None:
        """A run has succeeded now."""
        self._path.touch(mode=0o600)

    @property
    def age(self) -> timedelta:
        """How long ago that was; a time in the future counts as now."""
        return _age(self._path)

    def escalated(self, exit_code: int, after: timedelta, age: timedelta | None = None) -> int:
        """The exit code; one that alerts instead of one that cron tolerates, after too long without success.

        ``age`` is that of the last success where NEW has told it, by NEW's time.
        """
        old = (self.age if age is None else age) > after
        return ExitCode.PERSON if exit_code in _PASSING and old else exit_code

    def alert_if_silent(self, error: LockedError, after: timedelta) -> LockedError:
        """The error; one that alerts where the run that holds the lock has been silent for too long."""
        quiet = min(self.age, _age(self._alive)) if self._alive.exists() else self.age
        if quiet <= after:
            return error
        return error.amended(
            exit_code=ExitCode.PERSON,
            hint=f"it has shown no sign of life for {format_duration(quiet, 2)}: is it stopped, or does it "
            "hang? End that process; nothing is lost, the next run continues",
        )


def age_in(state: State | None, now: str) -> timedelta | None:
    """How long ago a run last succeeded, or the baseline was written, by the store's time, if it knows."""
    then = state and (state.last_success or state.schema_seen_at)
    return timestamps.between(timestamps.parse(then), timestamps.parse(now)) if then else None


def _age(path: Path) -> timedelta:
    seconds = time.time() - path.stat().st_mtime
    if seconds < 0:
        path.touch()
    return timedelta(seconds=max(0.0, seconds))
