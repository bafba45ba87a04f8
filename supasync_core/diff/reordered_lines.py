"""The lines that two CSV files share in different orders; what is left over of each goes to a draft.

DuckDB joins the lines of both, each of them one text, in half the time in which it stores rows with all their
cells and joins those (measured). Each line is taken for a record. Whoever loads the files proves that: if the
left file has as many records as lines, and so has each draft, no record has two lines. Then none of the right
file has, whose lines all stand in the left file or in the draft.
"""
# ruff: noqa: S608 - tables and columns of ours alone

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from supasync_core.diff.fetched_rows import pages
from supasync_core.staging.connection import Database, private_umask
from supasync_core.staging.csv.accounting import is_uniform, pieces
from supasync_core.staging.csv.scanner import NOT_IN_LINES, scan_lines
from supasync_core.staging.csv.shared_lines import MOST_LEFT, PIECE, Shared

_LEAST = 1 << 20
"""Bytes of a file that is looked at: a smaller one is joined in no time."""
_SAMPLE = 2048
"""Lines of the right file that are looked for first: most of them have to be in the left one."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """What stands behind the header of a file: lines, each with its end, all their bytes and quotes."""

    number: int = 0
    size: int = 0
    quotes: int = 0

    def __sub__(self, other: "_Lines") -> "_Lines":
        return _Lines(self.number - other.number, self.size - other.size, self.quotes - other.quotes)


def reordered(
    database: Database, paths: Sequence[Path], starts: Sequence[int], drafts: Sequence[Path]
) -> Shared | None:
    """What two files share behind their headers, which end at ``starts``; None where it is not worth it."""
    if min(path.stat().st_size for path in paths) < _LEAST:
        return None
    beginnings = [_beginning(path) for path in paths]
    headers = [text[:start] for text, start in zip(beginnings, starts, strict=True)]
    found = Shared.begun(headers, drafts)
    if found is None or any(map(_is_folded, (*headers, *beginnings))):
        return None
    search = _Search(database, paths, starts, found)
    try:
        with private_umask(), closing(search):
            return found if search.run() else None
    except duckdb.Error:  # a line is too long, is not UTF-8, or has one of those characters
        return None
    finally:
        found.close()


@dataclass(frozen=True, slots=True)
class _Search:
    database: Database
    paths: Sequence[Path]
    starts: Sequence[int]
    found: Shared

    def run(self) -> bool:
        """Write what is left over; False where that is much, or a line is lost or comes twice."""
        sampled = self._sampled()
        if sampled is None:
            return False
        with ThreadPoolExecutor(1) as beside:
            counting = [
                beside.submit(_counted, path, start, self.found.end)
                for path, start in zip(self.paths, self.starts, strict=True)
            ]
            much = self._join()
            both = [each.result() for each in counting]
        left, right = both
        if left is None or right is None or (left.number, left.size) != sampled:
            return False
        if much * MOST_LEFT > left.size + right.size:
            return False
        rests = [self._write(index) for index in range(2)]
        self.found.open_both()
        shared = left - rests[0]
        if shared.number != right.number - rests[1].number:
            return False
        self.found.lines, self.found.size, self.found.quotes = left.number, shared.size, shared.quotes
        return True

    def close(self) -> None:
        """Let go of what was left over."""
        self.database.connection.execute("DROP TABLE IF EXISTS left_over")

    def _sampled(self) -> tuple[int, int] | None:
        """How many lines the left file has, and their bytes; None where it has few of the right one's."""
        left, right = map(scan_lines, self.paths)
        first = f"SELECT line FROM {right} LIMIT {_SAMPLE}"
        lines, size, there, wanted = self._row(
            f"WITH sample AS MATERIALIZED (SELECT DISTINCT line FROM ({first})) "
            "SELECT count(*), coalesce(sum(strlen(l.line)), 0), count(s.line), (SELECT count(*) FROM sample) "
            f"FROM {left} AS l LEFT JOIN sample AS s ON s.line = l.line"
        )
        few = (wanted - there) * MOST_LEFT > wanted
        return None if few else (lines, size + lines * len(self.found.end))

    def _join(self) -> int:
        """Make the table of lines that one file has alone; their bytes."""
        left, right = map(scan_lines, self.paths)
        self.database.connection.execute(
            f"CREATE OR REPLACE TABLE left_over AS SELECT l.line AS l, r.line AS r FROM {left} AS l "
            f"FULL JOIN {right} AS r ON l.line = r.line WHERE l.line IS NULL OR r.line IS NULL"
        )
        return int(self._row("SELECT coalesce(sum(strlen(coalesce(l, r))), 0) FROM left_over")[0])

    def _write(self, index: int) -> _Lines:
        """Write what is left over of a file."""
        rest, end = self.found.rests[index], self.found.end
        number = quotes = 0
        for line in self._left_over("lr"[index]):
            rest.write(line + end)
            number, quotes = number + 1, quotes + line.count(b'"')
        rest.lines = number
        return _Lines(number, rest.size, quotes)

    def _left_over(self, letter: str) -> Iterator[bytes]:
        """The lines of one file alone."""
        cursor = self.database.connection.cursor()
        found = cursor.execute(f"SELECT {letter} FROM left_over WHERE {letter} IS NOT NULL")
        for lines in pages(found, lambda row: len(row[0])):
            yield from (line.encode() for (line,) in lines)

    def _row(self, query: str) -> tuple[int, ...]:
        return self.database.connection.execute(query).fetchall()[0]


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(PIECE)


def _is_folded(text: bytes) -> bool:
    """Whether some line seems to go on in the next one, behind a quote that is open."""
    return any(line.count(b'"') % 2 for line in text.split(b"\n")[:-1])


def _counted(path: Path, start: int, end: bytes) -> _Lines | None:
    """Count what stands behind the header; None where lines end in several ways, or are not to be read."""
    number = size = quotes = 0
    last = end
    with path.open("rb") as file:
        file.seek(start)
        for piece in pieces(file, end):
            if not is_uniform(piece, end) or any(each in piece for each in NOT_IN_LINES):
                return None
            number, size, quotes = number + piece.count(b"\n"), size + len(piece), quotes + piece.count(b'"')
            last = piece[-1:]
    if last != end[-1:] and size:
        number, size = number + 1, size + len(end)
    return _Lines(number, size, quotes)
