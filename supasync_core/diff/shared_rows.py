"""Two CSV files of a table, of which only the rows that are not the same text in both are loaded.

Most rows of two exports are the same text. Such rows are equal where both files have one dialect and each key
stands for one row. So the left file is read for what its cells look like and whether its keys are unique, and
no row of it is stored. Where anything else is found, all rows are loaded and joined.
"""
# ruff: noqa: S608 - names are quoted by values.identifier, texts by values.literal

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from mmap import ACCESS_READ, mmap
from operator import itemgetter
from pathlib import Path
from typing import Any

from supasync_core.diff.csv_files import examined
from supasync_core.diff.csv_parts import part_of
from supasync_core.diff.difference import LEFT, RIGHT
from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.diff.parts import Part, together
from supasync_core.diff.reordered_lines import reordered
from supasync_core.model.errors import StateError
from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import translate_errors
from supasync_core.staging.csv import looks
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import Cells, check_dialects, is_exact
from supasync_core.staging.csv.file_format import Physical
from supasync_core.staging.csv.raw_table import Loaded, Raw
from supasync_core.staging.csv.records import first_record
from supasync_core.staging.csv.scanner import LONGEST, scan
from supasync_core.staging.csv.shared_lines import PIECE, Rest, Shared, shared
from supasync_core.staging.values import literal

_WIDE = 64
"""Columns of a table that one statement can count."""
_SMALL = 1 << 16
"""Bytes of a file whose rows are looked at here in less time than DuckDB plans to."""


@dataclass(frozen=True, slots=True)
class File:
    """One of the two files, and how it is to be read."""

    path: Path
    choices: Choices


_Looks = tuple[int, int, str | None, Sequence[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the shared rows look like: their number, counts of each column, the greatest timestamp."""

    rows: int
    counts: Sequence[Sequence[int]]
    newest: str | None


def load_both(
    engine: DiffEngine, table: Table, shape: Shape, files: Sequence[File]
) -> tuple[LoadedSide, LoadedSide] | None:
    """Load what differs between the files, and count what they share; None where all has to be loaded."""
    for file in files:
        check_dialects(file.choices)
    if any(file.choices.encoding(file.path.name) for file in files):
        return None
    left, right = looked = [
        examined(file.path, table, shape, file.choices, engine.drafts)[1] for file in files
    ]
    header = left.header
    if (header, left.delimiter) != (right.header, right.delimiter) or is_exact(left) or len(header) > _WIDE:
        return None
    starts = [_start(physical) for physical in looked]
    if not all(starts) or not set(table.key) <= set(header):
        return None
    drafts = [engine.drafts / f"{place} rest.csv" for place in (LEFT, RIGHT)]
    paths = [left.path, right.path]
    with translate_errors(files[0].path, table):
        found = shared(paths, starts, drafts, left.delimiter, len(header)) or reordered(
            engine, paths, starts, drafts
        )
        return _Loading(engine, table, shape, files, looked, found).loaded() if found else None


@dataclass(frozen=True, slots=True)
class _Loading:
    engine: DiffEngine
    table: Table
    shape: Shape
    files: Sequence[File]
    looked: Sequence[Physical]
    shared: Shared

    def loaded(self) -> tuple[LoadedSide, LoadedSide] | None:
        """Both sides; None where the shared rows are not proved to be equal."""
        raws = [
            Raw(self.engine, self.table, file.path.name, index, _form(physical, rest), self.engine.drafts)
            for index, (file, physical, rest) in enumerate(
                zip(self.files, self.looked, self.shared.rests, strict=True)
            )
        ]
        rests = [self._rest(raw, rest) for raw, rest in zip(raws, self.shared.rests, strict=True)]
        found = self._shared_rows(raws) if all(rests) else None
        parts = []
        for raw, rest, file in zip(raws, rests, self.files, strict=True):
            if rest and found:
                cells = [_added(own, counts) for own, counts in zip(rest.cells, found.counts, strict=True)]
                parts.append(part_of(raw, replace(rest, cells=cells), self.shape, file.choices))
        if found is None or not self._alike(parts):
            for raw in raws:
                raw.drop()
            return None
        sides = (
            replace(
                together(self.engine, place, [part], self.table.whole(), complete=file.choices.complete),
                shared=found.rows,
                shared_newest=found.newest,
            )
            for place, part, file in zip((LEFT, RIGHT), parts, self.files, strict=True)
        )
        return next(sides), next(sides)

    def _rest(self, raw: Raw, rest: Rest) -> Loaded | None:
        """Load what is left over of a file; None where its bytes are not all in the cells that were read."""
        if rest.path is None:
            return Loaded([], [Cells(*(0,) * (looks.COUNTS - 2))] * len(raw.physical.header), 0)
        loaded = raw.load_whole(self.shape)
        if loaded and rest.parts:
            self.engine.fetch(f"DELETE FROM {raw.name} WHERE c0 = {literal(self.shared.mark)}")
            loaded = replace(loaded, rows=loaded.rows - rest.parts)
        return loaded if loaded and rest.lines in {None, loaded.rows} else None

    def _alike(self, parts: Sequence[Part]) -> bool:
        """Whether both files mean the same by one text; keys and the timestamp have to stand as they are."""
        left, right = (part.cells for part in parts)
        header = self.looked[0].header
        plain = {name for i, name in enumerate(header) if left[name] == f"c{i}"}
        return left == right and {*self.table.key, *self._timestamp()} <= plain

    def _timestamp(self) -> list[str]:
        """The table's first timestamp that the files have."""
        return [name for name in self.table.timestamp if name in self.looked[0].header][:1]

    def _shared_rows(self, raws: Sequence[Raw]) -> _Found | None:
        """Read the left file but what is left over; None where a key comes twice, or a byte is in no cell."""
        physical = self.looked[0]
        longest = PIECE if physical.size < PIECE else LONGEST[0]
        read = scan(physical.path, raws[0].columns, longest=longest, delimiter=physical.delimiter)
        rest = ""
        if self.shared.rests[0].path:
            keys = ", ".join(map(raws[0].cell, self.table.key))
            rest = " UNION ALL ".join(f"SELECT {keys} FROM {raw.name}" for raw in raws)
        look = self._looked if physical.size <= _SMALL else self._counted
        if self.shared.lines is not None:
            look = self._counted_by_lines
        try:
            rows, keys_of, newest, counts = look(raws[0], read, rest)
        except StateError:  # no record, or too long: whoever loads all rows says where
            return None
        size, quotes = sum(each[-2] for each in counts), sum(each[-1] for each in counts)
        if rows != keys_of or not self.shared.counted.are_in(rows, len(counts), size, quotes):
            return None
        return _Found(rows, [each[:-2] for each in counts], newest)

    def _looked(self, raw: Raw, read: str, rest: str) -> _Looks:
        """The same of few rows, which are looked at here."""
        header = raw.physical.header
        key = itemgetter(*(header.index(name) for name in self.table.key))
        apart = {row if len(row) > 1 else row[0] for row in self.engine.fetch(rest)} if rest else set()
        rows = [row for row in self.engine.fetch(f"SELECT * FROM {read}") if key(row) not in apart]
        columns = dict(zip(header, zip(*rows, strict=True), strict=False))
        newest = [text for name in self._timestamp() for text in columns.get(name, ()) if text is not None]
        counts = [looks.seen(self.shape, name, columns.get(name, ()), raw.physical) for name in header]
        return len(rows), len(set(map(key, rows))), max(newest, default=None), counts

    def _counted(self, raw: Raw, read: str, rest: str) -> _Looks:
        """How many rows and keys there are, the greatest timestamp, and the counts of each column."""
        names = ", ".join(map(raw.cell, self.table.key))
        apart = f"WHERE ({names}) NOT IN ({rest})" if rest else ""  # a join might store the file
        (rows, *counts), *_ = self.engine.fetch(f"SELECT count(*), {self._counts(raw)} FROM {read} {apart}")
        # a statement of its own: with all counts it takes a fifth longer, and twice the memory (measured)
        keys = self.engine.fetch(f"SELECT count(DISTINCT {self._key(raw)}) FROM {read} {apart}")[0][0]
        return rows, keys, *_by_column(counts)

    def _counted_by_lines(self, raw: Raw, read: str, rest: str) -> _Looks:
        """The same, but -1 keys unless each line of the file is a row with a key of its own."""
        names = ", ".join(map(raw.cell, self.table.key))
        apart = f"({names}) IN ({rest})" if rest else "false"
        found = self.engine.fetch(
            f"SELECT apart, count(*), count(DISTINCT {self._key(raw)}), {self._counts(raw)} "
            f"FROM (SELECT *, {apart} AS apart FROM {read}) GROUP BY apart"
        )
        shared = next((counts for is_apart, *counts in found if is_apart is False), None)
        alone = all(sum(row[i] for row in found) == self.shared.lines for i in (1, 2))
        if shared is None or not alone:
            return 0, -1, None, []
        rows, keys, *counts = shared
        return rows, keys, *_by_column(counts)

    def _counts(self, raw: Raw) -> str:
        """The SQL of the greatest timestamp, and of what is counted of each column."""
        quotes = bool(self.shared.quotes)
        terms = [
            each
            for name in raw.physical.header
            for each in looks.terms(self.shape, name, raw.cell(name), raw.physical, quotes=quotes)
        ]
        newest = next((f"max({raw.cell(name)})" for name in self._timestamp()), "NULL")
        return ", ".join([newest, *terms])

    def _key(self, raw: Raw) -> str:
        """The SQL of a row's key."""
        names = [raw.cell(name) for name in self.table.key]
        return names[0] if len(names) == 1 else f"row({', '.join(names)})"


def _by_column(counts: Sequence[Any]) -> tuple[str | None, list[Sequence[int]]]:
    """The greatest timestamp, and the counts of each column."""
    newest, *numbers = counts
    return newest, [numbers[i : i + looks.COUNTS] for i in range(0, len(numbers), looks.COUNTS)]


def _form(physical: Physical, rest: Rest) -> Physical:
    """How what is left over of a file is written: like the file."""
    return replace(physical, path=rest.path, size=rest.path.stat().st_size) if rest.path else physical


def _added(own: Cells, counts: Sequence[int]) -> Cells:
    """What a column's cells look like in both: counts are added, marks are put together."""
    summed = (getattr(own, each.name) + more for each, more in zip(fields(Cells)[:-1], counts, strict=False))
    return replace(Cells(*summed), marks=(own.marks or 0) | counts[-1])


def _start(physical: Physical) -> int:
    """Where the header ends; 0 where it does not have that width."""
    if not physical.size:
        return 0
    with physical.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        first = first_record(text, physical.delimiter)
    return first.end if first and first.width == len(physical.header) else 0
