"""One run at a time on this machine, and the name of this installation as a lease holder."""

import errno
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from supasync_core.model.errors import LockedError, StateError
from supasync_core.system import faults
from supasync_core.system.descriptors import check_own, read
from supasync_core.system.files import write_private

FOLDER = ".supasync"
LOCK, HOLDER, ALIVE, SUCCESS = "lock", "holder", "alive", "last-success"
"""Files there; every save of a run touches the third, every success the last."""
_LARGEST = 1_000


def folder(beside: Path) -> Path:
    """The folder for files of this installation, beside tables.yaml, made for its owner alone."""
    own = beside / FOLDER
    try:
        own.mkdir(mode=0o700, exist_ok=True)
    except OSError as err:
        raise StateError(
            f"the folder {own} cannot be created: {err.strerror}",
            hint="supasync keeps its lock there: let the user who runs it write to the folder of tables.yaml",
        ) from err
    check_own(own)
    for name in (LOCK, HOLDER, ALIVE, SUCCESS):
        if (own / name).is_symlink():
            raise StateError(f"{own / name} is a link", hint="move it away: supasync creates its own")
    return own


@contextmanager
def locked(beside: Path) -> Iterator[None]:
    """Hold this machine's lock; LockedError immediately where another process has it."""
    from filelock import BaseFileLock, FileLock, Timeout  # noqa: PLC0415 - wanted by commands that run

    path = folder(beside) / LOCK
    lock: BaseFileLock
    try:
        lock = FileLock(path, timeout=0, fallback_to_soft=False)
    except TypeError:  # an earlier filelock, which never falls back to a file that a killed run leaves behind
        lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as err:
        raise LockedError(
            "another supasync is running on this machine with the same tables.yaml",
            hint="wait until it ends; cron starts the next run",
        ) from err
    except (OSError, NotImplementedError) as err:
        raise StateError(
            f"{path.parent}: the file system does not support locks: {getattr(err, 'strerror', None) or err}",
            hint=faults.HINTS[errno.ENOSPC]
            if getattr(err, "errno", None) == errno.ENOSPC
            else "keep tables.yaml, and .supasync beside it, on a local disk that the user may write to",
        ) from err
    try:
        yield
    finally:
        lock.release()


def note_alive(beside: Path) -> None:
    """Note that a run is alive, so that a long run can be told from one that hangs."""
    with suppress(OSError):  # a full disk: the run has other worries
        (folder(beside) / ALIVE).touch(mode=0o600)


def holder(beside: Path) -> str:
    """The name of this installation, the same for each of its runs: its lease of a killed run is its own.

    A copy of the folder, here or on another machine, is another installation.
    """
    path = folder(beside) / HOLDER
    if not path.exists():
        write_private(path, f"{uuid4().hex}\n")
    kept = read(path, _LARGEST).decode(errors="replace").strip()
    own = f"{kept} {platform.node()} {beside.resolve()}"  # in the bytes of its name, whatever the locale
    return f"{platform.node() or 'unknown'} {sha256(os.fsencode(own)).hexdigest()[:8]}"
