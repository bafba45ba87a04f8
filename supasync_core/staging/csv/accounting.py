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

from supasync_core.staging.csv.records import first_record

_PIECE = 1 << 20
_QUOTE = ord('"')
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
    if not path.stat().st_size:
        return Bytes()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        header = first_record(text, delimiter)
        if header is None or header.width != width or header.ends == _CR:
            return Bytes()
        end = header.ends or _LF
        quotes = _quotes(text, header.end, end)
        closed = text[-1:] == _LF or header.end == len(text)
        if not closed and _only_quotes_behind(text, header.end):
            return Bytes()
        return Bytes() if quotes is None else Bytes(len(text) - header.end, quotes, end, closed)


def _quotes(text: mmap.mmap, start: int, end: bytes) -> int | None:
    """How many there are; None where a line ends otherwise, or bytes are not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    quotes = 0
    try:
        for piece in _pieces(text, start, end):
            decoder.decode(piece)
            quotes += piece.count(b'"')
            if end == _LF and _CR in piece:
                return None
            if end == _CRLF and not piece.count(_CRLF) == piece.count(_LF) == piece.count(_CR):
                return None
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return quotes


def _only_quotes_behind(text: mmap.mmap, start: int) -> bool:
    """Whether the last line, which has no end, is of quotes alone: were it lost, only quotes would be."""
    at = len(text) - 1
    while at >= start and text[at] == _QUOTE:
        at -= 1
    return at < start or text[at : at + 1] == _LF


def _pieces(text: mmap.mmap, start: int, end: bytes) -> Iterator[bytes]:
    """Some megabytes at a time; none ends within the end of a line."""
    while start < len(text):
        piece = text[start : start + _PIECE]
        if end == _CRLF and piece.endswith(_CR):
            piece += text[start + _PIECE : start + _PIECE + 1]
        yield piece
        start += len(piece)
