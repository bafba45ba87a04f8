"""A state store that is one JSON file, for backends whose tables are files."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from supasync_core.api.journal import Journal, JournalStore
from supasync_core.model.errors import LockedError, StateError
from supasync_core.system.links import real, replace_whole

NAME = ".supasync-state.json"
_PATIENCE = 10.0
"""Seconds to wait for another process that changes the file; that takes milliseconds."""


class FileJournalStore(JournalStore):
    """Keeps the journal in the file ``path``, which is replaced as a whole; a damaged one is left alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def changing(self) -> Iterator[Journal]:
        """The journal, for one process at a time; what is changed in it is written."""
        real(self._path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            lock = FileLock(f"{self._path}.lock", timeout=_PATIENCE, mode=0o600)
            with lock:
                entries = self.entries()
                before = json.dumps(entries)
                yield entries
                text = json.dumps(entries, ensure_ascii=False, indent=1)
                if json.dumps(entries) != before:
                    replace_whole(self._path, lambda file: file.write(text.encode()))
        except Timeout as err:
            raise LockedError(f"another process holds {self._path}.lock", hint="try again") from err

    def entries(self) -> Journal:
        """The journal; nothing is created."""
        try:
            entries: Any = json.loads(real(self._path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as err:
            raise self._damaged(str(err)) from err
        if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
            raise self._damaged("it is not a list of runs")
        return entries

    def _damaged(self, reason: str) -> StateError:
        return StateError(
            f"the state in {self._path} is damaged: {reason}",
            hint="it was left as it is: restore it from a copy, or move it away and run: supasync setup",
        )


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and {"run_id", "created_at", "sync_status", "state"} <= entry.keys()
