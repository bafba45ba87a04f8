r"""The lines that two CSV files share, in one order; what is left over of each goes to a draft.

A run of shared bytes ends where a record ends. That has to be proved, for in a quoted cell a line ends too.
There the last quote is the one that opens the cell, behind a delimiter or the end of a line, or the second
of two. So where the run begins with a record, and none of these stands before its last quote, its last line
ends a record. What is left over ends with a record too: DuckDB proves it, for in the draft a record in quotes
follows, which is an error in a quoted cell.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Self

from supasync_core.staging.csv.accounting import Bytes, is_uniform

PIECE = 1 << 20
"""Bytes of a file that are held; a longer record ends the search."""
_FIRST, _AT_ONCE = 1 << 8, 1 << 16
"""Bytes that are compared at once: the first, and at most."""
_AHEAD = (2, 16, 128, 512)
"""Records of each side among which one that both have is looked for."""
_TRIES = 100
"""Ends of lines of which one may be proved to be a record's."""
MOST_LEFT = 4
"""Of so many bytes at most one may be left over: else a join of all rows takes less time."""
_BETWEEN = 4096
"""Bytes that are read at least for each place where the files part, for the same reason."""
_BEGUN = PIECE
"""Bytes after which that is judged."""
_OPENING = (b'"', b" ", b"\t", b"\r", b"\n")
"""What stands before a quote that may open a cell, or be the second of two; and the delimiter."""
_END = re.compile(rb"(?:\r?\n)?\Z")


@dataclass
class Rest:
    """What one file has beside the shared runs; ``path`` is a draft with its header, if anything is left."""

    draft: Path
    header: bytes
    mark: bytes
    """A record that ends each part."""
    parts: int = 0
    size: int = 0
    lines: int | None = None
    """How many rows it has to have, where each of its lines was taken for a record."""
    path: Path | None = None
    _out: BinaryIO | None = None
    _ended: bool = True

    def write(self, data: bytes) -> None:
        """Add bytes to the part."""
        if data:
            self.open().write(data)
            self.size += len(data)
            self._ended = False

    def end(self) -> None:
        """End the part that was begun, with the mark."""
        if not self._ended:
            self.open().write(self.mark)
            self.parts += 1
            self._ended = True

    def open(self) -> BinaryIO:
        """The draft, which is created with its header."""
        if self._out is None:
            self._out, self.path = self.draft.open("wb"), self.draft
            self._out.write(self.header)
        return self._out

    def close(self) -> None:
        """Write all of it."""
        if self._out:
            self._out.close()


@dataclass
class Shared:
    """The bytes of all shared runs, what is left over of both files, and the text that marks its parts."""

    rests: Sequence[Rest]
    mark: str
    end: bytes
    size: int = 0
    quotes: int = 0
    lines: int | None = None
    """How many rows the left file has to have, where each of its lines was taken for a record."""

    @classmethod
    def begun(
        cls, headers: Sequence[bytes], drafts: Sequence[Path], delimiter: str = ",", width: int = 1
    ) -> Self | None:
        """Of two files with these headers; None where those do not end alike."""
        ends = {_END.search(header)[0] for header in headers}  # type: ignore[index]
        end = ends.pop()
        if ends or not end:
            return None
        mark = token_hex(16)
        record = delimiter.encode().join([f'"{mark}"'.encode()] * width) + end
        return cls(
            [Rest(draft, header, record) for draft, header in zip(drafts, headers, strict=True)], mark, end
        )

    def open_both(self) -> None:
        """Create both drafts where there is one."""
        if any(rest.path for rest in self.rests):
            for rest in self.rests:
                rest.open()

    def close(self) -> None:
        """Write all drafts."""
        for rest in self.rests:
            rest.close()

    @property
    def counted(self) -> Bytes:
        """The runs, counted byte by byte."""
        return Bytes(self.size, self.quotes, self.end, closed=True)

    def take(self, run: bytes) -> bool:
        """Count a run; False where its lines end in several ways, or its bytes are not UTF-8."""
        try:
            run.decode()
        except UnicodeDecodeError:
            return False
        for rest in self.rests:
            rest.end()
        self.size += len(run)
        self.quotes += run.count(b'"')
        return is_uniform(run, self.end)


@dataclass
class _Reader:
    """One file behind its header: what of it is held, and where it goes on."""

    file: BinaryIO
    rest: Rest
    held: bytes = b""
    at: int = 0
    more: bool = True
    read: int = 0

    def fill(self) -> Self:
        """Hold a piece of what follows, or all that is left."""
        while self.more and len(self.held) - self.at < PIECE // 2:
            piece = self.file.read(PIECE)
            self.held, self.at = self.held[self.at :] + piece, 0
            self.more = bool(piece)
            self.read += len(piece)
        return self

    @property
    def done(self) -> bool:
        """Whether nothing follows."""
        return not self.more and self.at == len(self.held)

    def ends(self, records: int) -> list[int]:
        """Where the next so many records end, as far as they are held; an open quote hides an end."""
        found = [self.at]
        while len(found) <= records:
            end = self.held.find(b"\n", found[-1]) + 1
            while end and self.held.count(b'"', found[-1], end) % 2:
                end = self.held.find(b"\n", end) + 1
            if not end:
                break
            found.append(end)
        return found[1:]

    def cut(self, ends: Sequence[int]) -> list[bytes]:
        """The records that end there."""
        return [self.held[start:end] for start, end in zip([self.at, *ends], ends, strict=False)]

    def leave(self, end: int) -> None:
        """Add all before ``end`` to the rest."""
        self.rest.write(self.held[self.at : end])
        self.at = end


@dataclass
class _Comparison:
    """Both readers, side by side; ``places`` counts where they part."""

    left: _Reader
    right: _Reader
    shared: Shared
    delimiter: bytes
    places: int = 0

    def run(self) -> bool:
        """Take both files to their ends; False where that is not worth it, or cannot be told."""
        while not (self.left.fill().done or self.right.fill().done):
            run = self._run(self._same())
            if run and not self.shared.take(run):
                return False
            self.left.at += len(run)
            self.right.at += len(run)
            if not run and not self._part():
                return False
        for each in (self.left, self.right):
            while not each.done:
                each.leave(len(each.held))
                each.fill()
        return self._worth()

    def _run(self, length: int) -> bytes:
        """Of so many bytes those of whole records, whose last end is proved."""
        held, start = self.left.held, self.left.at
        end = start + length
        for _ in range(_TRIES):
            end = held.rfind(b"\n", start, end) + 1
            if not end:
                break
            quote = held.rfind(b'"', start, end)
            before = held[quote - 1 : quote] if quote > start else b"\n"
            if quote < 0 or (before not in _OPENING and before != self.delimiter):
                return held[start:end]
            end = quote
        return b""

    def _same(self) -> int:
        """How many of the bytes that are held are the same."""
        (mine, i), (theirs, j) = ((each.held, each.at) for each in (self.left, self.right))
        most = min(len(mine) - i, len(theirs) - j)
        same, step = 0, _FIRST
        while same < most:
            step = min(step, most - same)
            if mine[i + same : i + same + step] != theirs[j + same : j + same + step]:
                break
            same, step = same + step, min(step * 4, _AT_ONCE)
        else:
            return same
        while step > 1:  # a byte of these differs
            half = step // 2
            if mine[i + same : i + same + half] == theirs[j + same : j + same + half]:
                same, step = same + half, step - half
            else:
                step = half
        return same

    def _part(self) -> bool:
        """Leave records over on both sides, up to the next that they share."""
        self.places += 1
        sides = (self.left, self.right)
        for records in _AHEAD:
            ends = [each.ends(records) for each in sides]
            found = _nearest(*(each.cut(own) for each, own in zip(sides, ends, strict=True)))
            if found:
                break
        left = found or tuple(map(len, ends))
        if not any(left) and (self.left.more or self.right.more):
            return False  # a record that is longer than what is held
        for each, own, records in zip(sides, ends, left, strict=True):
            each.leave(own[records - 1] if records else each.at if any(left) else len(each.held))
        return self._worth()

    def _worth(self) -> bool:
        """Whether both share enough."""
        read = self.left.read + self.right.read
        left = self.left.rest.size + self.right.rest.size
        return read < _BEGUN or (left * MOST_LEFT <= read and self.places * _BETWEEN <= read)


def shared(
    paths: Sequence[Path], starts: Sequence[int], drafts: Sequence[Path], delimiter: str, width: int
) -> Shared | None:
    """What two files share behind their headers, which end at ``starts``; None where it is not worth it."""
    with paths[0].open("rb") as left, paths[1].open("rb") as right:
        headers = [file.read(start) for file, start in zip((left, right), starts, strict=True)]
        found = Shared.begun(headers, drafts, delimiter, width)
        if found is None:
            return None
        readers = map(_Reader, (left, right), found.rests)
        try:
            if not _Comparison(next(readers), next(readers), found, delimiter.encode()).run():
                return None
            found.open_both()
        finally:
            found.close()
    return found


def _nearest(mine: Sequence[bytes], theirs: Sequence[bytes]) -> tuple[int, ...] | None:
    """How many records stand before the first that both sides have, so that they are as few as possible.

    Where that is none, its end is not proved: it is left over as well.
    """
    places: dict[bytes, int] = {}
    for i, record in enumerate(mine):
        places.setdefault(record, i)
    found = min(
        ((places[record], j) for j, record in enumerate(theirs) if record in places), key=sum, default=None
    )
    return (1, 1) if found == (0, 0) else found
