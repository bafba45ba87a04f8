"""Files and folders that others may change: links are not followed, owners stay, plans are not obeyed."""

import json
import os
import stat
import threading
from functools import partial
from pathlib import Path

import pytest

from supasync_core.cutover import env_file, rollback, saved_progress
from supasync_core.model.errors import SupasyncError
from supasync_core.system import descriptors, lock

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and owners are POSIX's")
ROOT = os.name == "posix" and os.geteuid() == 0
OTHER = 12_345


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("mine")
    return path


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".supasync").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SupasyncError, match="not a folder"):
        lock.folder(tmp_path)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    lock.folder(tmp_path).chmod(mode)
    with pytest.raises(SupasyncError, match="other users can write"):
        lock.holder(tmp_path)


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_a_folder_of_somebody_else_is_refused_unless_the_folder_around_it_is_theirs_too(
    tmp_path: Path,
) -> None:
    os.chown(lock.folder(tmp_path), OTHER, OTHER)
    with pytest.raises(SupasyncError, match="another user"):
        lock.folder(tmp_path)
    os.chown(tmp_path, OTHER, OTHER)
    lock.folder(tmp_path)


@pytest.mark.parametrize("name", ["holder", "lock", "last-success"])
def test_links_for_files_of_ours_are_not_followed(tmp_path: Path, victim: Path, name: str) -> None:
    (lock.folder(tmp_path) / name).symlink_to(victim)
    with pytest.raises(SupasyncError, match="is a link"), lock.locked(tmp_path):
        pass
    assert victim.read_text() == "mine"


def planted(folder: Path, path: Path, kept: Path) -> None:
    told = {
        "source": "old",
        "sink": "new",
        "replaced": [
            {
                "path": str(path),
                "kept": str(kept),
                "before": env_file.read(kept).digest,
                "after": env_file.read(path).digest,
            }
        ],
    }
    (lock.folder(folder) / "cutover.json").write_text(json.dumps(told))


def test_a_planted_plan_overwrites_no_other_file(tmp_path: Path, victim: Path) -> None:
    kept = victim.with_name("victim.old-1")
    kept.write_text("evil")
    planted(tmp_path, victim, kept)
    found = saved_progress.load(tmp_path, "old", "new")
    with pytest.raises(SupasyncError, match="neither"):
        rollback.restores(found, (), [tmp_path / ".env", tmp_path / "app" / ".env"])
    (tmp_path / ".env").write_text("ours")
    planted(tmp_path, tmp_path / ".env", kept)
    with pytest.raises(SupasyncError, match="neither"):
        rollback.restores(saved_progress.load(tmp_path, "old", "new"), (), [tmp_path / ".env"])


def test_a_plan_behind_a_link_is_not_read(tmp_path: Path, victim: Path) -> None:
    (lock.folder(tmp_path) / "cutover.json").symlink_to(victim)
    with pytest.raises(SupasyncError, match="cannot be read"):
        saved_progress.load(tmp_path, "old", "new")


def test_a_replaced_file_keeps_its_rights_and_is_new_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1")
    path.chmod(0o640)
    before = path.stat()
    env_file.replace(env_file.read(path), b"A=2")
    after = path.stat()
    assert path.read_text() == "A=2"
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


@pytest.mark.parametrize("moment", ["fchmod", "fsync", "fchown"])
def test_a_link_that_is_swapped_in_meanwhile_gives_nothing_away(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Whoever owns the folder puts a link in the place of the file, and of whatever else is new in it."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    path = folder / ".env"
    path.write_text("A=1")
    path.chmod(0o606)
    if ROOT:
        os.chown(path, OTHER, OTHER)
    victim.chmod(0o600)
    file = env_file.read(path)
    real = getattr(os, moment)

    def swapping(*args: object) -> None:
        for each in list(folder.iterdir()):
            each.unlink()
            each.symlink_to(victim)
        real(*args)

    monkeypatch.setattr(os, moment, swapping)
    before = victim.stat()
    if moment != "fchown" or ROOT:
        with pytest.raises(SupasyncError):
            env_file.replace(file, b"A=2")
    after = victim.stat()
    assert (after.st_uid, after.st_mode, victim.read_text()) == (before.st_uid, before.st_mode, "mine")


@pytest.mark.parametrize("act", ["replace", "keep"])
def test_no_new_file_is_given_to_whoever_puts_an_own_one_in_its_place(
    act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1")
    file = env_file.read(path)
    path.unlink()
    path.write_text("theirs")
    path.chmod(0o666)
    given: list[object] = []
    for name in ("fchown", "fchmod"):
        monkeypatch.setattr(os, name, lambda *args: given.append(args))
    call = partial(env_file.replace, file, b"A=2") if act == "replace" else partial(env_file.keep, file, "1")
    with pytest.raises(SupasyncError, match="changed meanwhile"):
        call()
    assert not given
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


@pytest.mark.parametrize("kind", ["fifo", "link", "dangling link", "folder"])
def test_what_was_planted_under_the_name_of_the_kept_original_is_left(
    kind: str, tmp_path: Path, victim: Path
) -> None:
    path, planted = tmp_path / ".env", tmp_path / ".env.old-1"
    path.write_text("A=1")
    file = env_file.read(path)
    if kind == "fifo":
        os.mkfifo(planted)
    elif kind == "folder":
        planted.mkdir()
    else:
        planted.symlink_to(victim if kind == "link" else tmp_path / "gone")
    kept: list[Path] = []
    thread = threading.Thread(target=lambda: kept.append(env_file.keep(file, "1")), daemon=True)
    thread.start()
    thread.join(5)
    assert [each.name for each in kept] == [".env.old-1-2"]
    assert kept[0].read_text() == "A=1"
    assert victim.read_text() == "mine"
    assert not (tmp_path / "gone").exists()


@pytest.mark.skipif(not ROOT, reason="only root is asked")
def test_root_replaces_no_file_in_the_folder_of_another_user_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1")
    os.chown(tmp_path, OTHER, OTHER)
    with pytest.raises(SupasyncError, match="another user"):
        env_file.check_writable(env_file.read(path))
    monkeypatch.setenv(descriptors.ANYWAY, "yes")
    env_file.check_writable(env_file.read(path))
