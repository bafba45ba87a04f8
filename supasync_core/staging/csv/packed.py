"""Files that gzip has packed: unpacked as a stream, and to no more bytes than this machine has room for."""

import gzip
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from supasync_core.model.quantities import format_size

_PACKED = ".gz"
_CHUNK = 1 << 20
_DAMAGED = "is not gzip data, or is damaged: gunzip -t says more"


class UnreadableFileError(Exception):
    """The file cannot be read as text; the message says where."""


def is_packed(path: Path) -> bool:
    """Whether the file is one of gzip, by its name."""
    return path.suffix.lower() == _PACKED


def bare_name(path: Path) -> str:
    """The file's name without what its format and gzip have added: ``users`` of ``users.csv.gz``."""
    return Path(path.stem).stem if is_packed(path) else path.stem


def ending(path: Path) -> str:
    """What its format and gzip have added, in small letters: ``.csv.gz``."""
    return (Path(path.stem).suffix + path.suffix if is_packed(path) else path.suffix).lower()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file to be read, unpacked where it is packed; UnreadableFileError where that fails on the way."""
    try:
        if is_packed(path):
            with gzip.open(path) as packed:
                yield cast("BinaryIO", packed)
        else:
            with path.open("rb") as plain:
                yield plain
    except (gzip.BadGzipFile, zlib.error) as err:
        raise UnreadableFileError(_DAMAGED) from err
    except EOFError as err:
        raise UnreadableFileError("is cut off: its gzip data has no end") from err


class Room:
    """How much may be unpacked: half of what is free where it is written to, as files of 1 MB hold 1 GB."""

    def __init__(self, folder: Path) -> None:
        self.left = self.most = shutil.disk_usage(folder).free // 2

    def take(self, size: int) -> None:
        """Use so many bytes of it; UnreadableFileError where it has fewer."""
        self.left -= size
        if self.left < 0:
            most = format_size(self.most)
            raise UnreadableFileError(
                f"unpacks to more than {most}, half of what is free for temporary files: set TMPDIR to a "
                "folder on a larger disk"
            )


def unpacked(path: Path, draft: Path, most: int | None = None) -> Path:
    """The file's content as ``draft``, or the first bytes of it; UnreadableFileError if it is not gzip's."""
    room = Room(draft.parent)
    with opened(path) as file, draft.open("wb") as out:
        while (most is None or out.tell() < most) and (chunk := file.read(_CHUNK)):
            room.take(len(chunk))
            out.write(chunk)
    return draft
