"""What a workbook may unpack to: one of a megabyte may hold more elements than fit into memory.

openpyxl lets go of the elements of a row, or of a text, at its end; those of all else it holds together.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final
from xml.parsers import expat
from zipfile import ZipFile, ZipInfo

from supasync_core.model.quantities import format_size
from supasync_core.staging.csv.packed import UnreadableFileError

ROWS: Final = 1_048_576
"""Of a sheet (Microsoft, "Excel specifications and limits")."""
_BYTES: Final = 1_000_000_000
_HELD: Final = 1_000_000
"""Elements that are held at once; a row of Excel has at most 16,384 cells."""
_LONGEST: Final = 4_000_000
"""Bytes of a text, a tag or a comment; a cell of Excel has at most 32,767 characters."""
_LET_GO: Final[Mapping[str, int]] = {"row": ROWS, "si": 5_000_000}
"""The elements that are let go, each with how many a part may have."""
_CHUNK: Final = 1 << 20


class BoundedZip(ZipFile):
    """A workbook's file: UnreadableFileError where what is opened of it takes too much memory.

    What nobody opens is not judged: a chain of calculation, or a pivot table's cache, may be large. No member
    is longer than it says.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._judged = set[str]()
        if sum(each.file_size for each in self.infolist()) > _BYTES:
            self.close()
            raise UnreadableFileError(f"unpacks to more than {format_size(_BYTES)}: save the sheet as CSV")

    def open(self, name: str | ZipInfo, *args: Any, **more: Any) -> IO[bytes]:  # noqa: ANN401 - as it was asked
        """The member, which was judged."""
        member = name.filename if isinstance(name, ZipInfo) else name
        if member not in self._judged:
            with super().open(member) as file:
                small = _is_small(file)
            if not small:
                with super().open(member) as file:
                    _Elements(member).count(file)
            self._judged.add(member)
        return super().open(name, *args, **more)


def _is_small(file: IO[bytes]) -> bool:
    """Whether a part has few elements, none of them long, and no comment or the like."""
    tags = stretch = 0
    while chunk := file.read(_CHUNK):
        found = chunk.count(b"<")
        tags, stretch = tags + found, 0 if found else stretch + len(chunk)
        if tags > _HELD or stretch > _LONGEST or b"<!" in chunk:
            return False
    return True


class _Elements:
    """Counts the elements of a part, as they come."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._events = self._held = self._depth = self._inside = self._length = 0
        self._let_go = Counter[str]()
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def count(self, file: IO[bytes]) -> None:
        """Read it; UnreadableFileError where it holds too much. What is not XML is read by nobody."""
        silent = 0
        try:
            while chunk := file.read(_CHUNK):
                before = self._events
                self._parser.Parse(chunk)
                silent = 0 if self._events > before else silent + len(chunk)
                if silent > _LONGEST:
                    self._refuse()
        except expat.ExpatError:
            return

    def _start(self, name: str, _attributes: object) -> None:
        self._events, self._length = self._events + 1, 0
        name = name.rpartition(":")[2]
        if self._depth:
            self._depth, self._inside = self._depth + 1, self._inside + 1
        elif name in _LET_GO:
            self._depth, self._inside = 1, 0
            self._let_go[name] += 1
        else:
            self._held += 1
        if max(self._held, self._inside) > _HELD or self._let_go[name] > _LET_GO.get(name, 0):
            self._refuse()

    def _end(self, _name: str) -> None:
        self._depth, self._length = max(0, self._depth - 1), 0

    def _text(self, text: str) -> None:
        self._events, self._length = self._events + 1, self._length + len(text)
        if self._length > _LONGEST:
            self._refuse()

    def _refuse(self) -> None:
        raise UnreadableFileError(f"holds more in {self._name} than Excel writes: save the sheet as CSV")
