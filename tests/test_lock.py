"""One installation, one name; one run at a time."""

import shutil
from pathlib import Path

import pytest

from supasync_core import lock
from supasync_core.errors import LockedError


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
