"""A source in memory whose transactions commit late, while pages are being read."""
# ruff: noqa: S101 - a contract asserts

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from supasync_core.api.backend import Source, Survey, Surveyed
from supasync_core.api.strategy import Job, Readers, Strategy
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Cursor, Key, Keyset, Span, Window
from supasync_core.model.state import Extent, TableState
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Horizon
from supasync_core.sync.source_snapshot import SourceSnapshot

SECOND = 1_000_000
_MOST = 200
"""Pieces of one run, and pages, of a few rows: with more it never comes to its end."""
START = timestamps.parse("2026-01-01T00:00:00Z")


@dataclass
class MemorySource(Source):
    """Rows by key, and those whose transaction is still open. A row's ``version`` is drawn as that begins.

    A page ``takes`` seconds from the moment at which its rows are looked up to its answer. ``uncounted`` is
    how many of the next counts take too long, ``lost`` how many of the next pages are empty though there are
    rows. Without ``dated`` its answers carry no time.
    """

    orders_by_key = True
    now: int = int(START)
    stored: dict[str, dict[str, str | None]] = field(default_factory=dict)
    open: list[tuple[int, dict[str, str | None]]] = field(default_factory=list)
    pages: int = 0
    rows_read: int = 0
    between_pages: Callable[[], None] = lambda: None
    takes: float = 1
    uncounted: int = 0
    lost: int = 0
    dated: bool = True
    drawn: int = 0
    most_pages: int | None = None
    """As many pages as may be read in all: a reading that goes on for ever fails there."""

    def write(self, key: str, *, stamp: int | None, commit_at: int, created: int | None = None) -> None:
        """A transaction that stamps the row and becomes visible at ``commit_at``."""
        self.drawn += 1
        row = {
            "id": key,
            "updated_at": _text(stamp),
            "created_at": _text(created),
            "version": str(self.drawn),
        }
        self.open.append((commit_at, row))
        self.settle()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)
        self.settle()

    def settle(self) -> None:
        """Make visible what has committed by now."""
        for commit_at, row in sorted(self.open, key=lambda item: item[0]):
            if commit_at <= self.now:
                self.stored[str(row["id"])] = row
        self.open = [item for item in self.open if item[0] > self.now]

    def shape(self, table: Table) -> Shape:
        """Not known."""
        return Shape(known=False)

    def count(self, table: Table, window: Window | None = None) -> int:
        """All rows of the window."""
        return len(self._found(window)) if window else len(self.stored)

    def read(self, table: Table, window: Window) -> Batch:
        """One page as a server answers it: looked up at one moment, dated at a later one."""
        self.between_pages()
        found = self._found(window)
        asked_at = self.now
        self.advance(self.takes)
        self.pages += 1
        assert self.most_pages is None or self.pages <= self.most_pages, "the reading does not end"
        page = [] if self.lost else found[: window.limit]
        self.lost = max(0, self.lost - 1)
        self.rows_read += len(page)
        total = None if self.uncounted or not window.counted else len(found)
        self.uncounted -= window.counted and self.uncounted > 0
        at = self.now // SECOND * SECOND  # as a Date header has it
        read_at = Horizon(at, sent=at - (self.now - asked_at)) if self.dated else None
        return Batch(json.dumps(page).encode(), total, read_at)

    def key_behind(self, table: Table, after: Key, rows: int) -> Key | None:
        """The key of the row that is so many rows behind it."""
        self.between_pages()
        span = Span(Keyset(None, table.marks), after=Cursor(None, after))
        behind = self._found(Window((span,), 1))[rows - 1 : rows]
        self.advance(self.takes)
        return (str(behind[0]["id"]),) if behind else None

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows that have these values."""
        wanted = {tuple(each) for each in values}
        found = [row for row in self.stored.values() if tuple(row[name] for name in columns) in wanted]
        yield Batch(json.dumps(found).encode())

    def _found(self, window: Window) -> list[dict[str, str | None]]:
        first = None if window.by_key else window.spans[0].keyset.column
        found = [row for row in self.stored.values() if any(_within(row, span) for span in window.spans)]
        return sorted(found, key=lambda row: (_instant(row, first), str(row["id"])))


@dataclass
class SurveyedSource(MemorySource):
    """One with a survey: it knows open transactions and all rows, as OLD does with its optional function."""

    began: list[tuple[int, int]] = field(default_factory=list)
    """The beginning and the end of each transaction."""
    surveys: int = 0

    def write(self, key: str, *, stamp: int | None, commit_at: int, created: int | None = None) -> None:
        """A transaction that begins now."""
        self.began.append((self.now, commit_at))
        super().write(key, stamp=stamp, commit_at=commit_at, created=created)

    def survey(self, asked: Sequence[tuple[Table, Sequence[str]]]) -> Survey | None:
        """Looked up at one moment, answered at a later one."""
        self.surveys += 1
        begun = [start for start, end in self.began if end > self.now]
        extents = {table.name: self._extent(columns) for table, columns in asked}
        found = Survey(horizon=min([self.now, *begun]) - SECOND, now=self.now, extents=extents)
        self.advance(1)
        return found

    def _extent(self, columns: Sequence[str]) -> Extent:
        rows = self.stored.values()
        values = {name: [text for row in rows if (text := row[name]) is not None] for name in columns}
        newest = {name: max(texts, key=_order, default=None) for name, texts in values.items()}
        return Extent(len(rows), newest, json.dumps(sorted(json.dumps(row, sort_keys=True) for row in rows)))


@dataclass
class Pair:
    """A source, what a sink has confirmed, and the state between them, for one strategy."""

    plugin: Strategy
    table: Table
    source: MemorySource = field(default_factory=MemorySource)
    sink: dict[str, dict[str, str | None]] = field(default_factory=dict)
    state: TableState = field(default_factory=TableState)
    snapshot: SourceSnapshot = field(default_factory=SourceSnapshot)
    readers: Readers = field(default_factory=Readers)

    def run(self, *, die_after: int | None = None) -> int:
        """One run; it may die after some pieces. The number of rows that were sent."""
        sent = 0
        self.source.most_pages = self.source.pages + _MOST
        self.snapshot = self._look()
        for i, piece in enumerate(self.snapshot.read(self.plugin, self.job())):
            assert i < _MOST, "the reading does not end"
            if die_after == i:
                return sent
            if piece.batch:
                self.sink.update({str(row["id"]): dict(row) for row in piece.batch.rows})
                sent += piece.batch.count
            self.state = piece.state
        self.state = self.snapshot.completed(self.table, self.state)
        return sent

    def job(self) -> Job:
        """What a run would be told now."""
        now = timestamps.to_text(self.source.now)
        return replace(self.snapshot.job(self.table, self.source, self.state, now), readers=self.readers)

    def _look(self) -> SourceSnapshot:
        if not isinstance(self.source, Surveyed):
            return SourceSnapshot()
        columns = [keyset.column for keyset in self.plugin.keysets(self.table) if keyset.column]
        return SourceSnapshot(self.source.survey([(self.table, columns)]))

    def write(self, key: int, *, ago: float = 0, late: float = 0, created_only: bool = False) -> None:
        """Stamp a row ``ago`` seconds back and commit it ``late`` seconds from now."""
        stamp = self.source.now - round(ago * SECOND)
        self.source.write(
            str(key),
            stamp=None if created_only else stamp,
            created=stamp,
            commit_at=self.source.now + round(late * SECOND),
        )


def _text(stamp: int | None) -> str | None:
    return None if stamp is None else timestamps.to_text(stamp).replace("Z", "+00:00")


def _instant(row: dict[str, str | None], column: str | None) -> timestamps.Instant:
    value = None if column is None else row[column]
    return _order(value) if value else float("inf")


def _order(value: str) -> timestamps.Instant:
    return int(value) if value.lstrip("-").isdigit() else timestamps.parse(value)


def _within(row: dict[str, str | None], span: Span) -> bool:
    column = span.keyset.column
    if any(row[name] is not None for name in span.keyset.nulls):
        return False
    if span.to is not None and str(row["id"]) > span.to[0]:
        return False
    if span.after is not None and span.after.value is None and str(row["id"]) <= span.after.key[0]:
        return False
    if column is None:
        return True
    if row[column] is None:
        return False
    at = _instant(row, column)
    bounds = (
        span.start is None or at >= _order(span.start),
        span.until is None or at <= _order(span.until),
        span.beyond is None or at > _order(span.beyond),
        span.after is None
        or span.after.value is None
        or (at, (str(row["id"]),)) > (_order(span.after.value), span.after.key),
    )
    return all(bounds)
