"""OLD and NEW in memory: what one run of the real engine sees of them."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from supasync_core.api import journal
from supasync_core.api.backend import Reference, Sink, Source, Survey
from supasync_core.api.registration import Fence
from supasync_core.api.state_store import Claim, Entry, Past, Run, StateStore
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Key, Span, Window
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import RowError, SchemaError
from supasync_core.model.state import Extent
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Horizon, Instant
from tests.soak import keys
from tests.soak.world import COLUMNS, REFERS, SECOND, STAMPS, Cells, KilledError, Timeline, Weather

_instant = lru_cache(4096)(timestamps.parse)


@lru_cache(16384)
def _text(instant: int) -> str:
    return timestamps.to_text(instant).replace("Z", "+00:00")


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of OLD, and its JSON text."""

    cells: Cells
    text: str
    version: str = ""
    rank: Any = None
    """What sorts as its key does."""


def _name(table: str) -> tuple[str, str]:
    """Its schema and its name."""
    schema, _, name = f"public.{table}".rpartition(".")
    return schema.removeprefix("public."), name


def stored(table: str, cells: Cells, version: int, style: str = "bigint") -> Stored:
    """The row as a server prints it, written by the transaction of that number."""
    printed = {
        name: _text(value) if name in STAMPS and value is not None else value
        for name, value in ((name, cells.get(name)) for name in COLUMNS[table])
    }
    key = keys.printed(style, table, cells["id"])
    rank = keys.rank(style, table, keys.key_of(style, table, key))
    return Stored(cells, json.dumps(printed | key, separators=(",", ":")), str(version + 1000), rank)


@dataclass
class Old:
    """Rows by table and key, transactions that are open, and how often each table was written."""

    rows: dict[str, dict[int, Stored]] = field(default_factory=lambda: defaultdict(dict))
    style: str = "bigint"
    open: dict[int, int] = field(default_factory=dict)
    """The beginning of each open transaction, by its number."""
    versions: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class MemorySource(Source):
    """OLD as one run sees it."""

    orders_by_key = True
    old: Old
    time: Timeline
    weather: Weather
    surveyed: bool
    versions: bool
    ledger: Ledger
    dated: Horizon | None = None

    def now(self) -> Instant | None:
        """Whole seconds of the latest answer's time, as a Date header has them."""
        return self.dated.at if self.dated else None

    def survey(self, asked: Sequence[tuple[Table, Sequence[str]]]) -> Survey | None:
        """Looked up at one moment, answered at a later one."""
        if not self.surveyed:
            return None
        began = self.time.now
        oldest = min([self.time.instant, *self.old.open.values()]) - SECOND
        extents = {table.name: self._extent(table, columns) for table, columns in asked}
        found = Survey(horizon=oldest, now=self.time.instant, extents=extents)
        self.weather.hook("survey")
        self._answer(began)
        return found

    def _extent(self, table: Table, columns: Sequence[str]) -> Extent:
        rows = self.old.rows[table.name]
        newest = {
            name: max((row.cells.get(name) or 0 for row in rows.values()), default=0) for name in columns
        }
        texts = {name: (_text(v) if name in STAMPS else str(v)) if v else None for name, v in newest.items()}
        return Extent(len(rows), texts, str(self.old.versions[table.name]))

    def _answer(self, asked: float) -> None:
        """Date an answer to what was asked then, as a server and the client do."""
        self.time.tick(max(0.0, asked + self.weather.slow - self.time.now))
        at = self.time.instant // SECOND * SECOND
        self.dated = Horizon(at, sent=at - round((self.time.now - asked) * SECOND))

    def shape(self, table: Table) -> Shape:
        """All columns."""
        return shape(table)

    def count(self, table: Table, window: Window | None = None) -> int:
        """The rows of the window."""
        return len(self._found(table, window)) if window else len(self.old.rows[table.name])

    def read(self, table: Table, window: Window) -> Batch:
        """One page as a server answers it: looked up at one moment, dated at a later one."""
        if "xmin" in table.columns and not self.versions:
            raise SchemaError(f"{table.name}: no column xmin", table=table.name)
        self.weather.hook("read")
        self.ledger.add("OLD", "read", sent=0, received=1)
        found = self._found(table, window)
        total: int | None = len(found) if window.counted else None
        if window.counted and self.weather.count_fails:
            self.time.tick(8)
            found, total = self._found(table, window), None
        page = found[: min(window.limit, self.weather.cut or window.limit)]
        asked = self.time.now
        self.weather.hook("page")
        self._answer(asked)
        return Batch(_body(page, table), total, self.dated)

    def key_behind(self, table: Table, after: Key, rows: int) -> Key | None:
        """The key of the row that is so many rows behind it."""
        self.weather.hook("read")
        style, name, asked = self.old.style, table.name, self.time.now
        place = keys.rank(style, name, after)
        behind = sorted(
            (row for row in self.old.rows[name].values() if row.rank > place), key=lambda row: row.rank
        )
        self._answer(asked)
        found = behind[rows - 1 : rows]
        printed = keys.printed(style, name, found[0].cells["id"]) if found else {}
        return tuple(str(printed[column]) for column in table.key) if found else None

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows that have these values, which are keys."""
        self.weather.hook("read")
        kept = self.old.rows[table.name]
        numbers = [keys.number_of(self.old.style, table.name, value) for value in values]
        found = [kept[number] for number in numbers if number in kept]
        self._answer(self.time.now)
        yield Batch(_body(found, table), read_at=self.dated)

    def _found(self, table: Table, window: Window) -> list[Stored]:
        rows = self.old.rows[table.name]
        first = None if window.by_key else window.spans[0].keyset.column
        found: dict[int, Stored] = {}
        for span in window.spans:
            inside = _within(span, self.old.style, table.name)
            found.update((key, row) for key, row in rows.items() if inside(row))
        if first is None or first == "id":
            return sorted(found.values(), key=lambda row: row.rank)
        return sorted(
            found.values(), key=lambda row: (row.cells[first] is None, row.cells[first] or 0, row.rank)
        )


def _body(rows: Sequence[Stored], table: Table) -> bytes:
    texts = [_selected(row, table.columns) if table.columns else row.text for row in rows]
    return ("[" + ",".join(texts) + "]").encode()


def _selected(row: Stored, columns: Sequence[str]) -> str:
    cells = {**json.loads(row.text), "xmin": row.version}
    return json.dumps({name: cells[name] for name in columns}, separators=(",", ":"))


def _value(text: str | None, column: str | None) -> Any:  # None, or what is compared with a cell
    if text is None:
        return None
    return _instant(text) if column in STAMPS else int(text)


def _within(span: Span, style: str, table: str) -> Callable[[Stored], bool]:
    """Whether a row lies in the span."""
    column, nulls = span.keyset.column, span.keyset.nulls
    low, high, beyond = (_value(text, column) for text in (span.start, span.until, span.beyond))
    after: Any = _value(span.after.value, column) if span.after else None
    key = keys.rank(style, table, span.after.key) if span.after and span.after.key else None
    last = keys.rank(style, table, span.to) if span.to else None

    def inside(row: Stored) -> bool:
        cells = row.cells
        value = cells[column] if column else None
        if any(cells[name] is not None for name in nulls) or (column and value is None):
            return False
        behind_key = key is not None and row.rank <= key
        if last is not None and row.rank > last:
            return False
        if span.after and (behind_key if after is None else value < after or (value == after and behind_key)):
            return False
        return not (
            (low is not None and value < low)
            or (high is not None and value > high)
            or (beyond is not None and value <= beyond)
        )

    return inside


@lru_cache(256)
def shape(table: Table) -> Shape:
    """The table's columns."""
    refers = REFERS.get(table.name, ("", ""))
    plain = "bigint" if table.key == ("id",) else "text"
    names = dict.fromkeys([*table.key, *COLUMNS[table.name]])
    return Shape(
        tuple(
            Column(
                name,
                "timestamp with time zone" if name in STAMPS else plain if name == "id" else "bigint",
                nullable=name not in table.key,
                key=name in table.key,
                refers=(refers[1], "id") if name == refers[0] and "." not in refers[1] else None,
            )
            for name in names
        )
    )


REFERENCES = tuple(
    Reference(f"{name}_fkey", ("public", name), _name(parent), ((column, "id"),))
    for name, (column, parent) in REFERS.items()
)


@dataclass
class New:
    """Rows by table and key, the accounts of the other schema, and the records of all runs."""

    rows: dict[str, dict[int, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    style: str = "bigint"
    accounts: set[int] = field(default_factory=set)
    records: journal.Journal = field(default_factory=list)

    def parents(self, table: str) -> Collection[int]:
        """The rows to which those of the table may refer."""
        _, parent = REFERS[table]
        return self.accounts if parent == "auth.users" else self.rows[parent].keys()

    def take(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Write all rows or none; RowError for the first one whose parent is missing."""
        column, parent = REFERS.get(table, ("", ""))
        if parent:
            there = self.parents(table)
            for row in rows:
                value = row.get(column)
                if value is not None and int(value) not in there:
                    raise RowError(
                        f"{table}: NEW refuses rows",
                        table=table,
                        sqlstate="23503",
                        columns=[column],
                        value=f"({value})",
                        other=parent.removeprefix("auth."),
                    )
        kept = self.rows[table]
        for row in rows:
            key = keys.number_of(self.style, table, keys.key_of(self.style, table, row))
            kept[key] = {**kept.get(key, {}), **row}


@dataclass
class MemorySink(Sink):
    """NEW as one run sees it."""

    new: New
    time: Timeline
    weather: Weather
    fence: Fence

    def upsert(self, table: Table, batch: Batch) -> int:
        """Write all rows or none; of a run that is killed, later or never."""
        self.fence.ask()
        rows = [{k: v for k, v in row.items() if k not in table.exclude} for row in batch.rows]
        try:
            self.weather.hook("upsert")
        except KilledError as killed:
            if killed.late is not None:
                self.time.at(self.time.now + killed.late, lambda: self._late(table.name, rows))
            raise
        self.new.take(table.name, rows)
        self.time.tick(self.weather.heavy)
        self.weather.hook("sent")
        return batch.count

    def _late(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        try:
            self.new.take(table, rows)
        except RowError:
            return

    def references(self, tables: Sequence[Table]) -> Sequence[Reference] | None:
        """The foreign keys."""
        return REFERENCES

    def orphans(self, reference: Reference, values: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]] | None:
        """Those without a parent."""
        there = self.new.parents(reference.table[1])
        return {value for value in values if int(value[0]) not in there}

    def shape(self, table: Table) -> Shape:
        """All columns."""
        return shape(table)

    def count(self, table: Table, window: Window | None = None) -> int:
        """All rows."""
        return len(self.new.rows[table.name])

    def read(self, table: Table, window: Window) -> Batch:
        """The next rows by key."""
        (span,) = window.spans
        kept, style, name = self.new.rows[table.name], self.new.style, table.name
        ranks = {keys.rank(style, name, keys.key_of(style, name, row)): row for row in kept.values()}
        first = keys.rank(style, name, span.after.key) if span.after else None
        last = keys.rank(style, name, span.to) if span.to else None
        found = [
            ranks[rank]
            for rank in sorted(ranks)
            if (first is None or rank > first) and (last is None or rank <= last)
        ]
        return Batch(_shown(found[: window.limit]), len(found) if window.counted else None)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows that have these values, which are keys, as a server prints them."""
        kept = self.new.rows[table.name]
        numbers = [keys.number_of(self.new.style, table.name, value) for value in values]
        yield Batch(_shown([kept[number] for number in numbers if number in kept]))

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Nothing is deleted here."""
        raise NotImplementedError


def _shown(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows as a server prints them: numbers came as texts."""
    texts = {*STAMPS, "id"}
    return json.dumps(
        [
            {
                k: int(v) if isinstance(v, str) and (k not in texts or v.isdigit()) else v
                for k, v in row.items()
            }
            for row in rows
        ]
    ).encode()


@dataclass
class MemoryStore(StateStore):
    """The records of all runs, kept by the rules of `supasync_core.api.journal`."""

    new: New
    time: Timeline
    weather: Weather

    def begin(self, claim: Claim) -> Run:
        """Take the lease."""
        return journal.granted(journal.begin(self.new.records, claim, self.time.instant), claim)

    def save(self, run_id: str, entry: Entry) -> bool:
        """Write the entry unless another run has taken over."""
        self.weather.hook("save")
        saved = journal.save(self.new.records, run_id, entry, self.time.instant)
        del self.new.records[:-3]
        self.weather.hook("saved")
        return saved

    def past(self, limit: int, since: str | None = None) -> Past:
        """The newest records."""
        return journal.past(self.new.records, limit, since)
