"""One file's cells in the staging as they stand in it: texts, NULL where a cell is empty without quotes."""
# ruff: noqa: S608 - names are quoted by values.identifier, texts by values.literal

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import duckdb

from supasync_core.model.batch import Key
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.staging.connection import SCRATCH, Database, private_umask, translate_errors
from supasync_core.staging.csv import looks
from supasync_core.staging.csv.accounting import Bytes, count
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import DIALECTS, Cells, Dialect, detect
from supasync_core.staging.csv.export_finding import WARNING, ExportFinding
from supasync_core.staging.csv.file_format import Physical
from supasync_core.staging.csv.records import NOT_UTF8, Records, look
from supasync_core.staging.csv.scanner import LONGEST, scan
from supasync_core.staging.values import identifier

_TOO_LONG = "line size over maximum"
_ENCODING = f"{NOT_UTF8}: export it again, or name its encoding by --encoding, such as cp1252"
_WIDE = 64
"""Columns of a table in which one statement counts them all."""
_LARGE = 1 << 20
"""Bytes of a file that take longer than a thread to start."""
_FEW = 5_000
"""Cells that are fetched in less time than it takes DuckDB to plan what is counted of them."""
MOST = 1000
"""Places of one kind that are named; all are counted."""


def raw_name(index: int) -> str:
    """The table of the loaded file of that number, as SQL."""
    return f"{SCRATCH}.{identifier(f'raw {index}')}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is wrong with a loaded file, what the cells of each column look like, and how many rows it has."""

    findings: list[ExportFinding]
    cells: list[Cells]
    rows: int


@dataclass(frozen=True, slots=True)
class Raw:
    """A loaded file; its row of number n, counted from 1, has the rowid n - 1."""

    staging: Database
    table: Table
    file: str
    index: int
    physical: Physical
    drafts: Path

    @property
    def name(self) -> str:
        """The table, as SQL."""
        return raw_name(self.index)

    @property
    def columns(self) -> list[str]:
        """The table's columns, as SQL."""
        return [f"c{i}" for i in range(len(self.physical.header))]

    def cell(self, column: str) -> str:
        """The column, as SQL: its place in the file, for names may differ in case alone."""
        return f"c{self.physical.header.index(column)}"

    def load(self, shape: Shape) -> Loaded:
        """Load the file; lines that are not rows of the header's width are left out and reported.

        A line that ends otherwise than the header is read all the same; the first is a warning.
        """
        return self.load_whole(shape) or self.load_sound(shape)

    def load_whole(self, shape: Shape) -> Loaded | None:
        """Load the file as it is; None where a byte of it is not in the cells that were read."""
        width = len(self.physical.header)
        longest = _LARGE if self.physical.size < _LARGE else LONGEST[0]
        both = self._counted_beside(partial(self._read, self.physical.path, longest, rejects=False))
        if both is None:
            return None
        rows, there = both
        found = self._cells(shape, rows, quotes=bool(there.quotes))
        size, quotes = sum(each[-2] for each in found), sum(each[-1] for each in found)
        if not there.are_in(rows, width, size, quotes):
            return None
        return Loaded([], [Cells(*each[:-2]) for each in found], rows)

    def _counted_beside(self, read: Callable[[], int]) -> tuple[int, Bytes] | None:
        """Count rows and the file's bytes, of a large file while DuckDB reads it; None where that fails."""
        counting = partial(count, self.physical.path, self.physical.delimiter, len(self.physical.header))
        try:
            if self.physical.size < _LARGE:
                return read(), counting()
            with ThreadPoolExecutor(1) as beside:
                bytes_ = beside.submit(counting)
                return read(), bytes_.result()
        except duckdb.Error:
            return None

    def load_sound(self, shape: Shape) -> Loaded:
        """Load those of the file's records that are sound."""
        draft = self.drafts / f"{self.index} records.csv"
        records = look(self.physical.path, self.physical.delimiter, len(self.physical.header), draft)
        findings = [*self._unsound(records), *self._read_sound(records.path)]
        draft.unlink(missing_ok=True)
        rows = self.count()
        return Loaded(findings, [Cells(*each[:-2]) for each in self._cells(shape, rows, quotes=False)], rows)

    def _read_sound(self, path: Path) -> list[ExportFinding]:
        """Load the file, by longer and longer lines; what DuckDB took for no record."""
        rejected: list[ExportFinding] = []
        for longest in LONGEST:
            try:
                self._read(path, longest, rejects=True)
            except duckdb.Error as err:
                names = ", ".join(f"{name} VARCHAR" for name in self.columns)
                self.staging.connection.execute(f"CREATE OR REPLACE TABLE {self.name} ({names})")
                lost = self._finding(f"cannot be read: {str(err).splitlines()[0]}", None)
                return [replace(lost, kind="file")]
            rejected = self._rejected()
            if not any(_TOO_LONG in each.text for each in rejected):
                break
        return rejected

    def _unsound(self, records: Records) -> Iterator[ExportFinding]:
        for bad in records.bad:
            yield self._finding(_ENCODING if bad.text == NOT_UTF8 else bad.text, bad.line)
        yield from self._more(records.more)
        if records.mixed:
            yield replace(self._finding(records.mixed.text, records.mixed.line), level=WARNING)

    def _read(self, path: Path, longest: int, *, rejects: bool) -> int:
        """Load the file's records, and count them; those that are none are kept by DuckDB, or an error."""
        connection = self.staging.connection
        read = scan(path, self.columns, longest=longest, delimiter=self.physical.delimiter, rejects=rejects)
        for name in ("reject_errors", "reject_scans") if rejects else ():
            connection.execute(f"DROP TABLE IF EXISTS {name}")
        with private_umask():
            made = connection.execute(f"CREATE OR REPLACE TABLE {self.name} AS SELECT * FROM {read}")
            return int(made.fetchall()[0][0])

    def count(self) -> int:
        """How many rows there are."""
        return int(self.staging.fetch(f"SELECT count(*) FROM {self.name}")[0][0])

    def _cells(self, shape: Shape, rows: int, *, quotes: bool) -> list[Sequence[int]]:
        """What each column's cells look like; then their bytes, and how many of those are ``quotes``."""
        header = self.physical.header
        if rows * len(header) <= _FEW:
            columns = zip(*self.staging.fetch(f"SELECT * FROM {self.name}"), strict=True)
            cells = dict(enumerate(columns))
            return [looks.seen(shape, n, cells.get(i, ()), self.physical) for i, n in enumerate(header)]
        if len(header) > _WIDE:
            return self._cells_of_many(shape, quotes=quotes)
        terms = [", ".join(self._terms(shape, name, self.cell(name), quotes=quotes)) for name in header]
        counts = self.staging.fetch(f"SELECT {', '.join(terms)} FROM {self.name}")[0]
        return [counts[i : i + looks.COUNTS] for i in range(0, len(counts), looks.COUNTS)]

    def _terms(self, shape: Shape, name: str, cell: str, *, quotes: bool) -> tuple[str, ...]:
        return looks.terms(shape, name, cell, self.physical, quotes=quotes)

    def _cells_of_many(self, shape: Shape, *, quotes: bool) -> list[Sequence[int]]:
        """The same of a wide table, cell by cell: a statement of so many expressions would take seconds."""
        header = self.physical.header
        kinds: dict[tuple[str, ...], list[int]] = {}
        for i, name in enumerate(header):
            kinds.setdefault(self._terms(shape, name, "c", quotes=quotes), []).append(i)
        found: dict[int, Sequence[int]] = {}
        for terms, places in kinds.items():
            cells, numbers = ", ".join(f"c{i}" for i in places), ", ".join(map(str, places))
            query = (
                f"SELECT i, {', '.join(terms)} FROM (SELECT unnest([{cells}]) AS c, unnest([{numbers}]) AS i "
                f"FROM {self.name}) GROUP BY i"
            )
            found.update((i, tuple(counts)) for i, *counts in self.staging.fetch(query))
        return [found.get(i, (0,) * looks.COUNTS) for i in range(len(header))]

    def dialect(self, cells: Sequence[Cells], shape: Shape, choices: Choices) -> Dialect:
        """The dialect that was named for the file, else the one that its cells show."""
        name = choices.dialect(self.file)
        return DIALECTS[name] if name else detect(self.physical, self.file, cells, shape)

    def counted(self, conditions: list[str]) -> list[int]:
        """For how many rows each condition holds; so many in one reading, for each of them takes memory."""
        found: list[int] = []
        for start in range(0, len(conditions), _WIDE):
            terms = [f"count(*) FILTER ({each})" for each in conditions[start : start + _WIDE]]
            found += self.staging.fetch(f"SELECT {', '.join(terms)} FROM {self.name}")[0]
        return found

    def places(self, condition: str) -> list[tuple[Key, int]]:
        """Key and number of the first rows for which the condition holds."""
        key = [name for name in self.table.key if name in self.physical.header]
        names = "".join(f"{self.cell(name)}, " for name in key)
        query = f"SELECT {names}rowid + 1 FROM {self.name} WHERE {condition} ORDER BY rowid LIMIT {MOST}"
        return [(tuple(text or "" for text in row[:-1]), int(row[-1])) for row in self.staging.fetch(query)]

    def values(self, condition: str, column: str) -> list[str]:
        """The column's texts in the rows for which the condition holds."""
        query = f"SELECT {self.cell(column)} FROM {self.name} WHERE {condition} ORDER BY rowid LIMIT {MOST}"
        return [row[0] for row in self.staging.fetch(query)]

    def drop(self) -> None:
        """Drop the table."""
        self.staging.fetch(f"DROP TABLE IF EXISTS {self.name}")

    def _rejected(self) -> list[ExportFinding]:
        """Lines that DuckDB took for no record: the first are named, all are counted."""
        lines = "(SELECT line, min(error_type) AS kind FROM reject_errors GROUP BY line)"
        with translate_errors(self.staging.path, self.table):
            named = self.staging.fetch(f"SELECT line, kind FROM {lines} ORDER BY line LIMIT {MOST}")
            count = self.staging.fetch(f"SELECT count(*) FROM {lines}")[0][0]
        found = [
            self._finding(f"cannot be read as a record ({str(kind).lower()})", int(line))
            for line, kind in named
        ]
        return [*found, *self._more(count - len(found))]

    def _more(self, lines: int) -> Iterator[ExportFinding]:
        if lines:
            yield self._finding(f"has {counted(lines, 'more such line', 'more such lines')}", None)

    def _finding(self, text: str, line: int | None) -> ExportFinding:
        at = f"{self.file}, line {line}," if line else self.file
        return ExportFinding(
            kind="ragged", table=self.table.name, text=f"{at} {text}", file=self.file, line=line
        )
