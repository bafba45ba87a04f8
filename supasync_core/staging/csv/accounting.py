r"""Whether every byte of a CSV file is in the cells that were read from it.

A reader gives parts of the file, in order. What stands in no cell is a delimiter, the end of a record, a
quote around a cell, the second of two quotes, or was lost: empty fields of a record that is too wide, blank
lines, whole records. So where the sizes add up, nothing was lost, and each record is as wide as the header.
Counting bytes takes a seventh of the time in which `records.look` looks at each record (measured).
"""

import codecs
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from supasync_core.staging.csv.records import first_record

_PIECE = 1 << 20
_LF, _CR, _CRLF = b"\n", b"\r", b"\r\n"


@dataclass(frozen=True, slots=True)
class Bytes:
    """What stands behind the header of a file, counted byte by byte.

    ``end`` is what ends every record, as it ends the header; None where that cannot be told by counting, for
    line ends are of several kinds, or where bytes are not UTF-8.
    """

    size: int = 0
    quotes: int = 0
    end: bytes | None = None
    closed: bool = True
    """Whether the last record has its end."""

    def are_in(self, rows: int, width: int, size: int, quotes: int) -> bool:
        """Whether so many records of so many fields are all; ``size`` and ``quotes`` of their cells."""
        if self.end is None:
            return False
        ends = rows - (bool(rows) and not self.closed)
        return self.size == size + rows * (width - 1) + ends * len(self.end) + self.quotes - quotes


def count(path: Path, delimiter: str, width: int) -> Bytes:
    """Count what stands behind the header, which has to be of that width."""
    size = path.stat().st_size
    if not size:
        return Bytes()
    with path.open("rb") as file:
        # mapped for the header alone: all of it would be in memory
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            header = first_record(text, delimiter)
        if header is None or header.width != width or header.ends == _CR:
            return Bytes()
        end = header.ends or _LF
        file.seek(header.end)
        return _counted(file, size - header.end, end)


def is_uniform(piece: bytes, end: bytes) -> bool:
    """Whether each line of a piece ends so."""
    if end == _LF:
        return _CR not in piece
    return piece.count(_CRLF) == piece.count(_LF) == piece.count(_CR)


def pieces(file: BinaryIO, end: bytes) -> Iterator[bytes]:
    """Some megabytes at a time; none ends within the end of a line."""
    while piece := file.read(_PIECE):
        if end == _CRLF and piece.endswith(_CR):
            piece += file.read(1)
        yield piece


def _counted(file: BinaryIO, size: int, end: bytes) -> Bytes:
    """The rest of a file; nothing can be told where a line ends otherwise, or bytes are not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    quotes, closed, bare = 0, True, True
    try:
        for piece in pieces(file, end):
            decoder.decode(piece)
            quotes += piece.count(b'"')
            if not is_uniform(piece, end):
                return Bytes()
            start = piece.rfind(_LF) + 1
            bare = (bare or start > 0) and not piece[start:].strip(b'"')
            closed = start == len(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return Bytes()
    # a last line of quotes alone: were it lost, nothing but quotes would be
    return Bytes() if bare and not closed else Bytes(size, quotes, end, closed)
