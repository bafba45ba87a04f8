"""How long ago a run last succeeded on this machine, also while NEW cannot be asked."""

import time
from datetime import timedelta
from pathlib import Path

from supasync_core import lock
from supasync_core.errors import TransientError


class LastSuccess:
    """The time of the last success, kept as the modification time of a file beside the lock."""

    def __init__(self, folder: Path) -> None:
        self._path = lock.folder(folder) / "last-success"
        if not self._path.exists():
            self.note()  # a new installation has not failed for long

    def note(self) -> None:
        """A run has succeeded now."""
        self._path.touch(mode=0o600)

    @property
    def age(self) -> timedelta:
        """How long ago that was."""
        return timedelta(seconds=max(0.0, time.time() - self._path.stat().st_mtime))

    def escalated(self, exit_code: int, after: timedelta) -> int:
        """The exit code, raised to one that alerts where passing failures have gone on for too long."""
        return 3 if exit_code == TransientError.exit_code and self.age > after else exit_code
