"""Paths whose links nobody else has put there, walked folder by folder, each opened without following a link.

A link is followed where it belongs to this user or root, and nobody else can replace it. Windows has no such
calls: paths are resolved there.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from supasync_core.model.errors import RefusedError
from supasync_core.system import descriptors, faults

_POSIX: Final = os.name == "posix"
_FOLDER: Final = (
    getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_MOST_LINKS: Final = 40
_PRIVATE: Final = 0o600
_BEGIN: Final = 64
"""Bytes of a file that tell who has begun it."""


def real(path: Path) -> Path:
    """The path without links, whether or not it exists; RefusedError at a link that others may change."""
    with _walked(path, make=False) as (_, found):
        return found


def own(path: Path) -> Path:
    """The real path of a file that another program opens by its name; its folder is made where needed.

    RefusedError where others may write to the folder: they could put a link in its place at any time.
    """
    with _walked(path, make=True) as (_, found):
        descriptors.check_user(found.parent)
        flaw = descriptors.others_may_write(found.parent, found.parent)
        if flaw and not descriptors.has_no_rights(found.parent):
            raise RefusedError(
                f"{found.parent}: {flaw}, so a file in it could be swapped for a link",
                hint="keep the file in a folder that only you may write to",
            )
        return found


def replace_whole(path: Path, write: Callable[[BinaryIO], object], *, private: bool = False) -> None:
    """Put a new file in the place of an old one: readers see all of it or nothing.

    Mode, owner and link of the old one stay, as far as this user may, unless the new one is to be
    ``private``; a file that is new is for its owner alone. RefusedError where it cannot be written.
    """
    try:
        with _walked(path, make=not private, follow=not private) as (folder, found):
            if not private:
                descriptors.check_user(found.parent)
            _replace(found if folder is None else Path(found.name), write, folder, private=private)
    except OSError as err:
        hint = faults.HINTS.get(err.errno or 0)
        raise RefusedError(f"{path} cannot be written: {err.strerror or err}", hint=hint) from err


def appended(path: Path, begins: "re.Pattern[bytes]") -> int:
    """A descriptor of the file, to append to; the file is for its owner alone, and made where needed.

    RefusedError where it cannot be opened, is not a regular file, belongs to another user, or holds something
    that does not begin so.
    """
    try:
        place = own(path)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
            flags |= getattr(os, name, 0)
        number = os.open(place, flags, _PRIVATE)
    except OSError as err:
        hint = faults.HINTS.get(err.errno or 0)
        raise RefusedError(f"{path} cannot be written: {err.strerror or err}", hint=hint) from err
    try:
        _refuse_others(number, path, place.parent)
        _refuse_unlike(number, path, begins)
        if _POSIX:
            os.fchmod(number, _PRIVATE)
    except BaseException:
        os.close(number)
        raise
    return number


def _refuse_others(number: int, path: Path, folder: Path) -> None:
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode):
        raise RefusedError(f"{path} cannot be written: it is not a regular file")
    if not _POSIX:
        return
    if found.st_uid not in {os.geteuid()} | (descriptors.ours(folder.stat().st_uid) - {0}):
        raise RefusedError(f"{path} cannot be written: it belongs to another user")


def _refuse_unlike(number: int, path: Path, begins: "re.Pattern[bytes]") -> None:
    if (begin := os.read(number, _BEGIN)) and not begins.match(begin):
        raise RefusedError(
            f"{path} is not written to: what it holds was not written by supasync",
            hint="name another file, or move this one away",
        )


def _replace(path: Path, write: Callable[[BinaryIO], object], folder: int | None, *, private: bool) -> None:
    """Replace a file of the opened folder; a draft that is not ours any more is not given away."""
    draft = path.with_name(f".supasync-{os.urandom(16).hex()}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    number = os.open(draft, flags, _PRIVATE, dir_fd=folder)
    try:
        with open(number, "wb") as file:  # noqa: PTH123 - it is open already
            write(file)
            file.flush()
            os.fsync(number)
            if not private:
                with suppress(FileNotFoundError):
                    _like(os.stat(path, dir_fd=folder, follow_symlinks=False), number)
        os.replace(draft, path, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise


def _like(old: os.stat_result, number: int) -> None:
    if stat.S_ISREG(old.st_mode) and hasattr(os, "fchown"):
        with suppress(PermissionError):
            os.fchown(number, old.st_uid, old.st_gid)
        os.fchmod(number, stat.S_IMODE(old.st_mode))


@contextmanager
def _walked(path: Path, *, make: bool, follow: bool = True) -> Iterator[tuple[int | None, Path]]:
    """The folder of the file, opened, and the file's path without links; ``make`` makes missing folders.

    Unless to ``follow``, a link under the file's own name is the file.
    """
    if not _POSIX:
        found = path.resolve() if follow else path.parent.resolve() / path.name
        if make:
            found.parent.mkdir(parents=True, exist_ok=True)
        yield None, found
        return
    walk = _Walk(path.absolute())
    try:
        while walk.step(make=make, follow=follow):
            pass
        yield walk.folder, walk.real
    finally:
        os.close(walk.folder)


class _Walk:
    """One way down from the root."""

    def __init__(self, path: Path) -> None:
        self.rest = list(reversed(path.parts[1:]))
        self.links = 0
        self.folder = os.open("/", _FOLDER)
        self.real = Path("/")

    def step(self, *, make: bool, follow: bool) -> bool:
        """Take the next name; False at the last one, or where there is nothing any more."""
        if not self.rest:
            return False
        name = self.rest.pop()
        try:
            found = os.stat(name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            if self.rest and make:
                os.mkdir(name, 0o700, dir_fd=self.folder)
                self.rest.append(name)
                return True
            self.real = self.real.joinpath(name, *reversed(self.rest))
            return False
        if stat.S_ISLNK(found.st_mode) and (self.rest or follow):
            self._follow(name, found)
        elif self.rest:
            self._enter(name, self.real.parent if name == ".." else self.real / name)
        else:
            self.real /= name
        return bool(self.rest)

    def _enter(self, name: str, there: Path) -> None:
        folder = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self.folder)
        os.close(self.folder)
        self.folder, self.real = folder, there

    def _follow(self, name: str, link: os.stat_result) -> None:
        """Put what the link leads to before the rest; RefusedError where others may change it."""
        around, place = os.fstat(self.folder), self.real / name
        ours = descriptors.ours(around.st_uid)
        sticky = around.st_mode & stat.S_ISVTX and around.st_uid in ours
        if link.st_uid not in ours or not (sticky or descriptors.flaw(around, ours) is None):
            raise RefusedError(
                f"{place} is a link that another user may change",
                hint="name the file itself, or keep the link in a folder that only you may write to",
            )
        self.links += 1
        if self.links > _MOST_LINKS:
            raise RefusedError(f"{place}: too many links lead from one to the next")
        target = Path(os.readlink(name, dir_fd=self.folder))
        if target.is_absolute():
            self._enter("/", Path("/"))
        self.rest += reversed(target.parts[target.is_absolute() :])
