"""A .env on disk is replaced whole or not at all, and stays the file it was."""

import os
import stat
from pathlib import Path

import pytest

from supasync_core.cutover import env_file
from supasync_core.model.errors import SupasyncError

STAMP = "20261204T101500Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / ".env"
    made.write_bytes(b"\xef\xbb\xbfA=1\r\n")
    made.chmod(0o640)
    return made


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_permissions_and_byte_order_mark_stay_and_the_original_is_kept_beside(path: Path) -> None:
    file = env_file.read(path)
    assert file.text == "A=1\r\n"
    copy = env_file.keep(file, STAMP)
    env_file.replace(file, file.with_text("A=2\r\n"))
    assert path.read_bytes() == b"\xef\xbb\xbfA=2\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert copy.read_bytes() == b"\xef\xbb\xbfA=1\r\n"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert names(path) == [".env", f".env.old-{STAMP}"]


def test_originals_of_one_second_stand_side_by_side(path: Path) -> None:
    before = env_file.read(path)
    first = env_file.keep(before, STAMP)
    env_file.replace(before, b"A=2")
    second = env_file.keep(env_file.read(path), STAMP)
    assert (first.read_bytes(), second.read_bytes()) == (b"\xef\xbb\xbfA=1\r\n", b"A=2")
    assert env_file.keep(before, STAMP) == first
    assert names(path) == [".env", f".env.old-{STAMP}", f".env.old-{STAMP}-2"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_the_owner_stays(path: Path) -> None:
    os.chown(path, 1234, 1234)
    file = env_file.read(path)
    copy = env_file.keep(file, STAMP)
    env_file.replace(file, b"A=2")
    assert {(each.stat().st_uid, each.stat().st_gid) for each in (path, copy)} == {(1234, 1234)}


def test_a_link_stays_a_link_and_its_file_is_replaced(path: Path, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    link = tmp_path / "app" / ".env"
    link.symlink_to("../.env")
    file = env_file.read(link)
    env_file.replace(file, b"A=2")
    assert link.is_symlink()
    assert path.read_bytes() == link.read_bytes() == b"A=2"
    assert env_file.keep(env_file.read(link), STAMP).parent == tmp_path


def test_a_file_that_changed_meanwhile_is_left_alone(path: Path) -> None:
    file = env_file.read(path)
    path.write_bytes(b"B=1")
    with pytest.raises(SupasyncError, match="was changed meanwhile"):
        env_file.replace(file, b"A=2")
    assert path.read_bytes() == b"B=1"
    assert names(path) == [".env"]


def test_a_failing_rename_leaves_the_file_and_no_draft(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **_more: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    with pytest.raises(SupasyncError, match="cannot be replaced: Device or resource busy"):
        env_file.replace(env_file.read(path), b"A=2")
    assert names(path) == [".env"]


def test_what_cannot_be_replaced_is_said_before(path: Path, tmp_path: Path) -> None:
    file = env_file.read(path)
    os.link(path, tmp_path / "twin")
    with pytest.raises(SupasyncError, match="a second name"):
        env_file.check_writable(file)
    path.chmod(0o440)
    with pytest.raises(SupasyncError, match="read-only"):
        env_file.check_writable(file)


def test_what_is_no_file_is_said(path: Path, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    path.write_bytes("A=1".encode("utf-16"))
    for name, sentence in (
        ("none", "no such file"),
        (".", "is not a regular file"),
        ("loop", "cannot be read"),
    ):
        with pytest.raises(SupasyncError, match=sentence):
            env_file.read(tmp_path / name)
    with pytest.raises(SupasyncError, match="is not UTF-8 text"):
        _ = env_file.read(path).text
