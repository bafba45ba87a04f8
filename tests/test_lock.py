"""One installation, one name; one run at a time."""

import errno
import os
import shutil
import sys
from pathlib import Path

import pytest

from supasync_core.model.errors import LockedError, StateError
from supasync_core.system import lock


def test_an_installation_keeps_its_name(tmp_path: Path) -> None:
    assert lock.holder(tmp_path) == lock.holder(tmp_path)


def test_a_copy_of_the_folder_is_another_installation(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    name = lock.holder(here)
    shutil.copytree(here, tmp_path / "copy")
    assert lock.holder(tmp_path / "copy") != name


def test_the_lock_is_held_by_one_and_free_again_afterwards(tmp_path: Path) -> None:
    with (
        lock.locked(tmp_path),
        pytest.raises(LockedError, match="another supasync is running"),
        lock.locked(tmp_path),
    ):
        pass
    with lock.locked(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="flock is not Windows'")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    import fcntl  # noqa: PLC0415 - not on every system

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    for _ in range(2):
        with pytest.raises(StateError, match="does not support locks") as caught, lock.locked(tmp_path):
            pass
        assert "local disk" in str(caught.value.hint)


def test_an_error_of_what_runs_under_the_lock_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk"), lock.locked(tmp_path):
        raise OSError(errno.ENOSPC, "disk full")
