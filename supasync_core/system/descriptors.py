"""Files accessed by descriptor: a name that somebody swaps meanwhile changes nothing.

Without such calls (Windows) paths are used, and there is no owner to keep.
"""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from supasync_core.model.errors import SupasyncError
from supasync_core.model.printable import argument

ANYWAY: Final = "SUPASYNC_AS_ROOT"
"""The variable by which root may replace files in another user's folder."""
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_POSIX: Final = os.name == "posix"
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def read(path: Path, most: int, *, follow: bool = False) -> bytes:
    """The bytes of a regular file; OSError for anything else, also a link, or more than ``most``."""
    flags = _NO_LINK & ~getattr(os, "O_NOFOLLOW", 0) if follow else _NO_LINK
    number = os.open(path, os.O_RDONLY | flags | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(0, "it is not a regular file")
    with open(number, "rb") as file:  # noqa: PTH123 - it is open already
        raw = file.read(most + 1)
    if len(raw) > most:
        raise OSError(0, f"it has more than {most:,} bytes")
    return raw


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is printed meanwhile, also by programs that are started, goes to stderr: results stay alone.

    Afterwards the streams and the working folder are what they were.
    """
    _flush(sys.stdout)
    folder = os.getcwd()  # noqa: PTH109 - a text is enough
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # a program that has closed them and prints nothing
        yield
        return
    before = sys.stdout, sys.stderr
    try:
        yield
    finally:
        _flush(sys.stdout)
        sys.stdout, sys.stderr = before
        _flush(sys.stdout)
        os.dup2(kept, 1)
        os.close(kept)
        with suppress(OSError):
            os.chdir(folder)


def _flush(stream: TextIO | None) -> None:
    if stream is not None:
        with suppress(OSError, ValueError):  # full, or closed
            stream.flush()


def check_own(folder: Path) -> None:
    """SupasyncError unless this is a real folder, of whoever runs this, which nobody else may write to.

    For root one of the owner of the folder around it will do: a container with a mounted folder.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise SupasyncError(f"{folder} is not a folder", hint="move it away: supasync creates its own")
    if not _POSIX:
        return
    ours = {os.geteuid()} | ({folder.parent.stat().st_uid} if os.geteuid() == 0 else set())
    if found.st_uid not in ours:
        raise SupasyncError(
            f"{folder} belongs to another user", hint="move it away: supasync creates its own"
        )
    if found.st_mode & _OTHERS and not has_no_rights(folder):
        raise SupasyncError(f"other users can write to {folder}", hint=f"chmod go-w {argument(str(folder))}")


def others_may_write(place: Path, folder: Path) -> str | None:
    """Who besides this user may write to a file or folder in the ``folder``; None if nobody may.

    A group that is the owner's own, as many systems give each user one, is nobody else.
    """
    if not _POSIX:
        return None
    return flaw(place.stat(), {os.geteuid(), 0} | ({folder.stat().st_uid} if os.geteuid() == 0 else set()))


def ours(around: int) -> set[int]:
    """The users who may put links where they are followed: this one, root, and for root who is trusted."""
    return {os.geteuid(), 0} | ({around} if os.environ.get(ANYWAY) == "yes" and os.geteuid() == 0 else set())


def flaw(found: os.stat_result, ours: set[int]) -> str | None:
    """Who else may write there, in words."""
    if found.st_uid not in ours:
        return "it belongs to another user"
    if found.st_mode & stat.S_IWOTH:
        return "anyone can write to it"
    shared = found.st_mode & stat.S_IWGRP and not _is_own_group(found.st_uid, found.st_gid)
    return "its group can write to it" if shared else None


def _is_own_group(user: int, group: int) -> bool:
    """Whether the group bears the user's name and has no other member."""
    import grp  # noqa: PLC0415 - POSIX alone has it
    import pwd  # noqa: PLC0415 - the same

    try:
        name, found = pwd.getpwuid(user).pw_name, grp.getgrgid(group)
    except KeyError:
        return False
    return found.gr_name == name and set(found.gr_mem) <= {name}


def has_no_rights(folder: Path) -> bool:
    """Whether this file system lets everybody write to all files, as Windows disks do on Linux."""
    from tempfile import NamedTemporaryFile  # noqa: PLC0415 - --help writes no file

    with NamedTemporaryFile(dir=folder) as probe:  # made for its owner alone
        return bool(os.fstat(probe.fileno()).st_mode & _OTHERS)


def check_user(folder: Path) -> None:
    """SupasyncError where root would replace files in the folder of another user, who may swap them."""
    if _POSIX and os.geteuid() == 0 and folder.stat().st_uid != 0 and os.environ.get(ANYWAY) != "yes":
        raise SupasyncError(
            f"{folder} belongs to another user; supasync running as root will not replace files there",
            hint=f"run it as that user, or set {ANYWAY}=yes",
        )


def replace(path: Path, expected: bytes, raw: bytes) -> None:
    """Put the bytes in the file's place, whole or not at all; its owner, rights and attributes stay.

    OSError, and nothing changed, where it is not a regular file with the ``expected`` bytes.
    """
    if not _POSIX:
        _replace_by_path(path, expected, raw)
        return
    with _opened(path.parent, os.O_RDONLY | os.O_DIRECTORY) as folder:
        with _opened(path.name, os.O_RDONLY, folder) as old:
            _check_same(path.name, old, folder, expected)  # else the draft would be given to somebody else
            name = f".{path.name}.{os.urandom(16).hex()}"
            try:
                with _opened(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, folder) as new:
                    _write(new, raw)
                    _like(old, new)
                    os.fsync(new)
                _check_same(path.name, old, folder, expected)
                os.replace(name, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
                raise
        os.fsync(folder)


def give(number: int, path: Path, expected: bytes) -> None:
    """Give an open file the owner and group of the one at that path; OSError unless that has these bytes."""
    if not hasattr(os, "fchown"):
        return
    with (
        _opened(path.parent, os.O_RDONLY | os.O_DIRECTORY) as folder,
        _opened(path.name, os.O_RDONLY, folder) as old,
    ):
        _check_same(path.name, old, folder, expected)
        found = os.fstat(old)
        os.fchown(number, found.st_uid, found.st_gid)


@contextmanager
def _opened(name: Path | str, flags: int, folder: int | None = None) -> Iterator[int]:
    number = os.open(name, flags | _NO_LINK, 0o600, dir_fd=folder)
    try:
        yield number
    finally:
        os.close(number)


def _write(number: int, raw: bytes) -> None:
    while raw:
        raw = raw[os.write(number, raw) :]


def _check_same(name: str, number: int, folder: int, expected: bytes) -> None:
    """OSError unless the open file still has that name, and those bytes."""
    there, here = os.stat(name, dir_fd=folder, follow_symlinks=False), os.fstat(number)
    same = stat.S_ISREG(there.st_mode) and (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
    if not same or os.pread(number, len(expected) + 1, 0) != expected:
        raise OSError(0, "it was changed meanwhile: run it again")


def _like(old: int, new: int) -> None:
    """Owner, rights and extended attributes."""
    was, now = os.fstat(old), os.fstat(new)
    if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
        os.fchown(new, was.st_uid, was.st_gid)
    os.fchmod(new, stat.S_IMODE(was.st_mode))
    for name in os.listxattr(old) if hasattr(os, "listxattr") else ():
        with suppress(OSError):  # some are the system's own
            os.setxattr(new, name, os.getxattr(old, name))


def _replace_by_path(path: Path, expected: bytes, raw: bytes) -> None:
    import shutil  # noqa: PLC0415 - --help replaces no file

    draft = path.with_name(f".{path.name}.{os.urandom(16).hex()}")
    try:
        draft.write_bytes(raw)
        shutil.copymode(path, draft)
        if path.read_bytes() != expected:
            raise OSError(0, "it was changed meanwhile: run it again")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
