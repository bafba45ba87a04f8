"""A .env file on disk: read and replaced as a whole, the original kept beside it."""

import os
import stat
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, count
from pathlib import Path
from typing import Final

from supasync_core.model.errors import SupasyncError
from supasync_core.model.printable import argument
from supasync_core.system import descriptors

_BOM: Final = b"\xef\xbb\xbf"
_LARGEST: Final = 1_000_000
"""Bytes; a larger file is not a .env."""


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The file as it was read; ``path`` is the file itself where a link was named."""

    path: Path
    raw: bytes

    @property
    def text(self) -> str:
        """Its text without the byte order mark; SupasyncError where it is not UTF-8."""
        try:
            return self.raw.removeprefix(_BOM).decode()
        except UnicodeDecodeError as err:
            raise SupasyncError(
                f"{self.path} is not UTF-8 text (byte {err.start + 1})", hint="save it as UTF-8"
            ) from err

    @property
    def digest(self) -> str:
        """The SHA-256 of its bytes."""
        return sha256(self.raw).hexdigest()

    def with_text(self, text: str) -> bytes:
        """The bytes of this file with another text, the byte order mark kept."""
        mark = _BOM if self.raw.startswith(_BOM) else b""
        return mark + text.encode()


def read(path: Path) -> EnvFile:
    """The file, a link followed; SupasyncError where it does not exist or cannot be read."""
    try:
        target = path.resolve(strict=True)
        raw = descriptors.read(target, _LARGEST)
    except FileNotFoundError as err:
        raise SupasyncError(
            f"there is no file {path}", hint="correct cutover.env in tables.yaml, or put the file there"
        ) from err
    except (OSError, RuntimeError) as err:  # RuntimeError: a link that leads to itself, up to Python 3.12
        raise SupasyncError(f"{path} cannot be read: {getattr(err, 'strerror', None) or err}") from err
    return EnvFile(target, raw)


def check_writable(file: EnvFile) -> None:
    """SupasyncError where `replace` would be refused; nothing is written."""
    descriptors.check_user(file.path.parent)
    status = file.path.stat()
    if not status.st_mode & stat.S_IWUSR or not os.access(file.path, os.W_OK):
        raise SupasyncError(f"{file.path} is read-only", hint=f"chmod u+w {argument(str(file.path))}")
    if not os.access(file.path.parent, os.W_OK | os.X_OK):
        raise SupasyncError(
            f"{file.path} cannot be replaced: its folder is read-only",
            hint=f"chmod u+w {argument(str(file.path.parent))}",
        )
    if status.st_nlink > 1:
        raise SupasyncError(
            f"{file.path} has a second name (a hard link), which would keep the old values",
            hint="make the other name a symbolic link",
        )


def keep(file: EnvFile, stamp: str) -> Path:
    """Write the original beside the file, for its owner alone; its path, with a number where one is taken."""
    copy = _vacant(file, f"{file.path.name}.old-{stamp}")
    if os.path.lexists(copy):
        return copy
    try:
        with open(copy, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
            descriptors.give(out.fileno(), file.path, file.raw)
            out.write(file.raw)
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError:
        raise SupasyncError(f"{copy} has just been created by somebody else", hint="run it again") from None
    except OSError as err:
        copy.unlink(missing_ok=True)
        raise SupasyncError(f"{copy} cannot be written: {err.strerror}") from err
    return copy


def _vacant(file: EnvFile, name: str) -> Path:
    """The first path of that name, with or without a number, where nothing is, or this very original."""
    numbered = (f"{name}-{number}" for number in count(2))
    paths = map(file.path.with_name, chain([name], numbered))
    return next(path for path in paths if not os.path.lexists(path) or _holds(path, file.raw))


def _holds(path: Path, raw: bytes) -> bool:
    """Whether it is a regular file with these bytes; whoever may write here may have put anything there."""
    try:
        return descriptors.read(path, _LARGEST) == raw
    except OSError:
        return False


def replace(file: EnvFile, raw: bytes) -> None:
    """Put the bytes in the file's place, whole or not at all; permissions and owner stay.

    SupasyncError, and nothing changed, where the file is another one by now or cannot be replaced.
    """
    try:
        descriptors.replace(file.path, file.raw, raw)
    except OSError as err:
        raise SupasyncError(f"{file.path} cannot be replaced: {err.strerror}") from err
