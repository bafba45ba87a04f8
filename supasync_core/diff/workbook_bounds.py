"""What a workbook may unpack to: one of a megabyte may hold more elements than fit into memory.

The elements of a row, or of a text, are let go at its end; those of all else are held together.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from supasync_core.model.quantities import format_size
from supasync_core.staging.csv.packed import UnreadableFileError

ROWS: Final = 1_048_576
"""Of a sheet (Microsoft, "Excel specifications and limits")."""
BYTES: Final = 1_000_000_000
_WHOLE: Final = 50_000_000
"""Bytes of a part that is read at once: names, styles, the theme."""
_HELD: Final = 1_000_000
"""Elements that are held at once; a row of Excel has at most 16,384 cells."""
_ATTRIBUTES, _SIZE = 4, 256
"""Attributes of an element, and bytes of it, that count as a further one."""
_SMALL: Final = 16
"""Bytes that count as an element where nobody has looked at attributes."""
_LONGEST: Final = 4_000_000
"""Bytes of a text, a tag or a comment; a cell of Excel has at most 32,767 characters."""
_CHUNK: Final = 1 << 20
_PACKED: Final = (ZIP_STORED, ZIP_DEFLATED)
"""How Excel packs a part; Python unpacks others without a bound."""


class BoundedZip(ZipFile):
    """A workbook's file: UnreadableFileError where what is opened of it takes too much memory.

    What nobody opens is not judged: a chain of calculation, or a pivot table's cache, may be large. No member
    is longer than it says.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._judged = set[tuple[str, str]]()
        if sum(each.file_size for each in self.infolist()) > BYTES:
            self.close()
            raise UnreadableFileError(f"unpacks to more than {format_size(BYTES)}: save the sheet as CSV")

    def open(self, name: str | ZipInfo, *args: Any, lets_go: str = "", **more: Any) -> IO[bytes]:  # noqa: ANN401 - as it was asked
        """The member, which was judged; its reader ``lets_go`` of each element of that name at its end."""
        member = name if isinstance(name, ZipInfo) else self.getinfo(name)
        if (member.filename, lets_go) not in self._judged:
            self._judge(member, lets_go)
            self._judged.add((member.filename, lets_go))
        return super().open(name, *args, **more)

    def _judge(self, member: ZipInfo, lets_go: str) -> None:
        name = member.filename
        if member.compress_type not in _PACKED:
            raise UnreadableFileError(f"packs {name} otherwise than Excel: save the sheet as CSV")
        if member.file_size > _WHOLE and not lets_go:
            raise too_much(name)
        with super().open(member) as file:
            small = _is_small(file)
        if not small:
            with super().open(member) as file:
                _Elements(name, lets_go).count(file)


def too_much(name: str) -> UnreadableFileError:
    """What is said of a part that takes too much."""
    return UnreadableFileError(f"holds more in {name} than Excel writes: save the sheet as CSV")


def _is_small(file: IO[bytes]) -> bool:
    """Whether a part has few elements, none of them long, and no comment or the like."""
    held = stretch = 0
    while chunk := file.read(_CHUNK):
        found = chunk.count(b"<")
        held += found + len(chunk) // _SMALL
        stretch = 0 if found else stretch + len(chunk)
        if held > _HELD or stretch > _LONGEST or b"<!" in chunk:
            return False
    return True


class _Elements:
    """Counts the elements of a part, as they come."""

    def __init__(self, name: str, lets_go: str) -> None:
        self._name, self._lets_go = name, lets_go
        self._events = self._held = self._depth = self._inside = self._length = self._at = 0
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def count(self, file: IO[bytes]) -> None:
        """Read it; UnreadableFileError where it holds too much, or is not XML."""
        silent = 0
        try:
            while chunk := file.read(_CHUNK):
                before = self._events
                self._parser.Parse(chunk)
                silent = 0 if self._events > before else silent + len(chunk)
                if silent > _LONGEST:
                    raise too_much(self._name)
        except expat.ExpatError as err:
            raise UnreadableFileError("cannot be read as a workbook (ParseError)") from err

    def _start(self, name: str, attributes: Sequence[str]) -> None:
        at = self._parser.CurrentByteIndex
        weight = 1 + len(attributes) // 2 // _ATTRIBUTES + (at - self._at) // _SIZE
        self._at = at
        self._events, self._length = self._events + 1, 0
        if self._depth:
            self._depth, self._inside = self._depth + 1, self._inside + weight
        elif name == self._lets_go:
            self._depth, self._inside = 1, weight
        else:
            self._held += weight
        if max(self._held, self._inside) > _HELD:
            raise too_much(self._name)

    def _end(self, _name: str) -> None:
        self._depth, self._length = max(0, self._depth - 1), 0

    def _text(self, text: str) -> None:
        self._events, self._length = self._events + 1, self._length + len(text)
        if self._length > _LONGEST:
            raise too_much(self._name)
