r"""The records of a CSV file: how many fields each has, on which line it begins, how it ends.

DuckDB's reader drops empty fields at the end of a record that is too wide, gives a whole file up where one
line ends otherwise, and counts no lines. Where a million lines in a row are not UTF-8, it lost the sound ones
behind them and did not say so (measured on 2.0.1). So a file whose bytes are not all in what was read (see
`accounting`) is looked at here; DuckDB reads what is sound.
"""

import codecs
import mmap
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from supasync_core.model.wording import counted

_BOM = b"\xef\xbb\xbf"
_END = rb"(?:\r\n|\n|\r|\Z)"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BLOCK = 2000
"""Records that are matched at once: 140 MB/s instead of 30 MB/s one by one (measured)."""
_COPIED = 1 << 24
"""Bytes of a record up to which its fields are counted in a copy, which is faster."""
_PIECE = 1 << 20
"""Bytes that are decoded at once; the text takes as much again, or more."""
MOST = 1000
"""Places that are named."""
NOT_UTF8 = "is not UTF-8"
"""What is said of a line whose bytes are not text."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that is not a record as wide as the header, and why."""

    line: int
    text: str


@dataclass
class Records:
    """What a look has found; ``path`` is what to read: the file, or a draft of its sound records.

    ``mixed`` is the first line that ends otherwise than the header does.
    """

    path: Path
    bad: list[Bad] = field(default_factory=list)
    more: int = 0
    mixed: Bad | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Where a record stands, its end of line included, and how wide it is."""

    start: int
    end: int
    width: int
    """Fields; 0 where a quote is not closed."""
    ends: bytes


class _Grammar:
    """Regular expressions for one delimiter and the number of fields of a sound record."""

    def __init__(self, delimiter: str, width: int) -> None:
        self.delimiter = delimiter.encode()
        mark = re.escape(self.delimiter)
        quoted = rb'"[^"]*+(?:""[^"]*+)*+"'
        cell = rb"(?:" + quoted + rb'|[^"\r\n' + mark + rb"][^\r\n" + mark + rb"]*+)?+"
        self.record = re.compile(cell + rb"(?:" + mark + cell + rb")*+(?=" + _END + rb")")
        self.quoted = re.compile(rb"(?:(?<=^)|(?<=" + mark + rb"))" + quoted)
        before = rb"(?:(?<=^)|(?<=[\r\n])|(?<=" + _BOM + rb")|(?<=" + mark + rb"))"
        self.parts = re.compile(before + quoted + rb"|" + mark)
        sound = rb"(?!\r|\n)" + cell + (rb"(?:" + mark + cell + rb"){" + str(width - 1).encode() + rb"}")
        self.blocks = {
            end: re.compile(
                rb"(?:"
                + sound
                + end
                + (rb"(?!\n)" if end == b"\r" else b"")
                + rb"){1,"
                + str(max(1, _BLOCK)).encode()
                + rb"}+"
            )
            for end in (b"\r\n", b"\n", b"\r")
        }

    def width(self, text: mmap.mmap, start: int, end: int) -> int:
        """The number of fields of the record that stands there; one of any length is not copied."""
        if end - start > _COPIED:
            parts = self.parts.finditer(text, start, end)
            return 1 + sum(1 for part in parts if part.end() - part.start() == len(self.delimiter))
        record = text[start:end]
        bare = self.quoted.sub(b"", record) if b'"' in record else record
        return bare.count(self.delimiter) + 1


def look(path: Path, delimiter: str, width: int, draft: Path) -> Records:
    """Look at every record; where one is unsound, or ends otherwise, the others are written to the draft."""
    found = Records(path)
    with path.open("rb") as file:
        if not path.stat().st_size:
            return found
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            grammar = _Grammar(delimiter, width)
            first = next(_records(text, grammar, 0), None)
            ends = (first and first.ends) or b"\n"
            kept = list(_sound(text, grammar, width, ends, found))
            if not found.bad and not found.mixed and ends != b"\r":
                return found
            found.path = draft
            target = b"\n" if ends == b"\r" else ends
            with draft.open("wb") as out:
                for start, end, own in kept:
                    if own == target:
                        _copy(text, start, end, out)
                    elif own == ends:
                        out.writelines(_rewritten(text, grammar, start, end, target))
                    else:
                        _copy(text, start, end - len(own), out)
                        out.write(target)
    return found


def first_record(text: mmap.mmap, delimiter: str) -> Record | None:
    """The record at the beginning of a file."""
    return next(_records(text, _Grammar(delimiter, 1), 0), None)


def _copy(text: mmap.mmap, start: int, end: int, out: BinaryIO) -> None:
    """Write what stands there, of any length, without holding it."""
    with memoryview(text) as whole, whole[start:end] as part:
        out.write(part)


def lines(path: Path, rows: Collection[int], delimiter: str) -> dict[int, int]:
    """The line of each of the rows, counted from 1, the header left out; a row is a sound record."""
    found: dict[int, int] = {}
    last = max(rows, default=0)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            grammar, line_counter = _Grammar(delimiter, 1), _Lines(text)
            records = _records(text, grammar, 0)
            width = next(records).width
            number = 0
            for record in records:
                number += record.width == width and not _blank(record, width)
                if number in rows and number not in found:
                    found[number] = line_counter.at(record.start)
                if number >= last:
                    break
    except (OSError, ValueError, StopIteration):
        pass
    return found


@dataclass
class _Lines:
    """Counts physical lines, from one place to the next."""

    text: mmap.mmap
    _line: int = 1
    _place: int = 0

    def at(self, place: int) -> int:
        """The line of a place, which is not before the last one asked for."""
        self._line += sum(1 for _ in _LINE_END.finditer(self.text, self._place, place))
        self._place = place
        return self._line


def _sound(
    text: mmap.mmap, grammar: _Grammar, width: int, ends: bytes, found: Records
) -> Iterator[tuple[int, int, bytes]]:
    """Where sound records stand, many at once, and how they end; what is wrong goes into ``found``."""
    at, line_counter, singly = _start(text), _Lines(text), 0
    while at < len(text):
        block = grammar.blocks[ends].match(text, at) if at >= singly else None
        if block and _is_text(text, at, block.end()):
            yield at, block.end(), ends
            at = block.end()
            continue
        singly = block.end() if block else singly
        record = next(_records(text, grammar, at))
        at = record.end
        if _blank(record, width):
            continue
        if record.width != width or not _is_text(text, record.start, record.end):
            _bad(found, line_counter, record, width)
            continue
        if record.ends != ends and record.ends and not found.mixed:
            shown = {b"\r\n": "CR LF", b"\n": "LF", b"\r": "CR"}
            text_ = f"ends in {shown[record.ends]}, the header in {shown[ends]}"
            found.mixed = Bad(line_counter.at(record.start), text_)
        yield record.start, record.end, record.ends


def _bad(found: Records, line_counter: _Lines, record: Record, width: int) -> None:
    if len(found.bad) >= MOST:
        found.more += 1
        return
    text = "has an unclosed quote"
    if record.width:
        text = f"has {counted(record.width, 'field', 'fields')}, the header has {width}"
    if record.width == width:
        text = NOT_UTF8
    found.bad.append(Bad(line_counter.at(record.start), text))


def _records(text: mmap.mmap, grammar: _Grammar, at: int) -> Iterator[Record]:
    """Record after record; one with an unclosed quote ends with its line."""
    at = at or _start(text)
    while at < len(text):
        match = grammar.record.match(text, at)
        body = match.end() if match else None
        end = _LINE_END.search(text, at) if body is None else _LINE_END.match(text, body)
        behind = end.end() if end else len(text)
        width = grammar.width(text, at, body) if body is not None else 0
        yield Record(at, behind, width, end[0] if end else b"")
        at = behind


def _rewritten(text: mmap.mmap, grammar: _Grammar, start: int, end: int, target: bytes) -> Iterator[bytes]:
    """The records of a block with another end each."""
    for record in _records(text, grammar, start):
        if record.start >= end:
            return
        yield text[record.start : record.end - len(record.ends)] + target


def _is_text(text: mmap.mmap, start: int, end: int) -> bool:
    """Whether the bytes are UTF-8; of any length, without holding them all."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(start, end, _PIECE):
            last = at + _PIECE >= end
            decoder.decode(text[at : min(at + _PIECE, end)], final=last)
    except UnicodeDecodeError:
        return False
    return True


def _start(text: mmap.mmap) -> int:
    return len(_BOM) if text[: len(_BOM)] == _BOM else 0


def _blank(record: Record, width: int) -> bool:
    """An empty line among records of several fields: none of the readers takes it for a record."""
    return width > 1 and record.end - record.start == len(record.ends)
