"""A backend in memory that keeps its promises; the liars of this folder each break one of them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from supasync_core.api import journal
from supasync_core.api.backend import Sink, Source
from supasync_core.api.registration import Fence
from supasync_core.api.state_store import Claim, Entry, Past, Run, StateStore
from supasync_core.model import raw_json, timestamps
from supasync_core.model.batch import Batch, Row, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Horizon

COLUMNS = ("id", "label", "amount", "payload", "created_at", "updated_at")
Cells = Mapping[str, str]
"""A row: the raw JSON text of each column."""


@dataclass
class Disk:
    """What outlives whoever has it open: rows by key, the journal, and how long its users have slept."""

    rows: dict[int, Cells] = field(default_factory=dict)
    journal: str = "[]"
    slept: float = 0
    lock: Lock = field(default_factory=Lock)


def decoded(cells: Cells) -> Row:
    """The row's values, numbers as texts."""
    return {
        name: json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
        for name, text in cells.items()
    }


class HonestSource(Source):
    """Reads a disk."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def shape(self, table: Table) -> Shape:
        """The table's columns."""
        self.all(table)
        return Shape(tuple(map(Column, COLUMNS)))

    def count(self, table: Table, window: Window | None = None) -> int:
        """The rows of the window, or all."""
        return len(self.found(table, window) if window else self.all(table))

    def read(self, table: Table, window: Window) -> Batch:
        """One page."""
        found = self.found(table, window)
        page = self.printed(table, found[: window.limit])
        return Batch(page.body, len(found) if window.counted else None, Horizon(timestamps.now()))

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows of these values."""
        wanted = {tuple(each) for each in values}
        found = [row for row in self.all(table) if texts(row, columns) in wanted]
        yield self.printed(table, found)

    def all(self, table: Table) -> list[Cells]:
        """All rows that the table's filter leaves."""
        if table.name != "events":
            raise SchemaError(f"{table.name} does not exist", table=table.name)
        rows = list(self.disk.rows.values())
        if table.where is None:
            return rows
        above = re.fullmatch(r"id > (\d+)", table.where)
        if above is None:
            raise SchemaError(f"{table.name}: {table.where} is not a filter", table=table.name)
        return [row for row in rows if int(row["id"]) > int(above[1])]

    def found(self, table: Table, window: Window) -> list[Cells]:
        """The rows of the window in their order."""
        column = window.spans[0].keyset.column
        rows = [row for row in self.all(table) if any(self.holds(row, span) for span in window.spans)]
        return sorted(rows, key=lambda row: self.place(row, column))

    def place(self, row: Cells, column: str | None) -> tuple[Any, ...]:
        """Where a row is in an order; NULL comes last."""
        value = None if column is None else decoded(row)[column]
        at = 0 if column is None else timestamps.parse(value) if value else float("inf")
        return (column is not None and value is None, at, int(row["id"]))

    def holds(self, row: Cells, span: Span) -> bool:
        """Whether the span has the row."""
        column, values = span.keyset.column, decoded(row)
        if any(values[name] is not None for name in span.keyset.nulls):
            return False
        if (span.to and int(row["id"]) > int(span.to[0])) or not self.is_after(row, span):
            return False
        if column is None:
            return True
        if values[column] is None:
            return False
        at = timestamps.parse(values[column])
        return not (
            (span.start is not None and at < timestamps.parse(span.start))
            or (span.until is not None and at > timestamps.parse(span.until))
            or (span.beyond is not None and at <= timestamps.parse(span.beyond))
        )

    def is_after(self, row: Cells, span: Span) -> bool:
        """Whether the row lies behind the span's cursor."""
        after, column = span.after, span.keyset.column
        if after is None:
            return True
        key = (int(after.key[0]),) if after.key else (-1,)
        if after.value is None or column is None:
            return (int(row["id"]),) > key
        value = decoded(row)[column]
        return value is not None and (timestamps.parse(value), int(row["id"])) > (
            timestamps.parse(after.value),
            *key,
        )

    def printed(self, table: Table, rows: Sequence[Cells]) -> Batch:
        """The rows as a batch, in the columns that are wanted."""
        names = [name for name in table.columns or COLUMNS if name not in table.exclude]
        return Batch(
            raw_json.join(
                "{" + ",".join(f'"{name}":{self.cell(row, name)}' for name in names) + "}" for row in rows
            )
        )

    def cell(self, row: Cells, name: str) -> str:
        """A cell's text."""
        return row[name]


def texts(row: Cells, columns: Sequence[str]) -> tuple[str | None, ...]:
    """The values of the columns as texts."""
    values = decoded(row)
    return tuple(values[name] for name in columns)


class HonestSink(HonestSource, Sink):
    """Writes to a disk."""

    def __init__(self, disk: Disk, fence: Fence | None = None) -> None:
        super().__init__(disk)
        self.fence = fence or Fence()

    def upsert(self, table: Table, batch: Batch) -> int:
        """Write all rows or none."""
        self.fence.ask()
        before = dict(self.disk.rows)
        if unknown := {*batch.columns} - {*COLUMNS}:
            raise SchemaError(f"{table.name}: no column {unknown}", table=table.name)
        for text in batch.rows.texts:
            cells = {k: v for k, v in raw_json.cells(text).items() if k not in table.exclude}
            if cells.get("id", "null") == "null":
                raise SchemaError(f"{table.name}: a row without its key", table=table.name)
            key = int(cells["id"])
            before[key] = self.merged(before.get(key), cells)
        self.keep(before)
        return batch.count

    def merged(self, known: Cells | None, cells: Cells) -> Cells:
        """The row as it is then."""
        return {**(known or dict.fromkeys(COLUMNS, "null")), **cells}

    def keep(self, rows: Mapping[int, Cells]) -> None:
        """Write to the disk: what another thread has written since is kept."""
        with self.disk.lock:
            self.disk.rows = {**self.disk.rows, **rows}

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Delete by key."""
        self.fence.ask()
        wanted = set(table.exact_keys(keys))
        gone = [key for key, row in self.disk.rows.items() if self.is_named(row, table.key, wanted)]
        for key in gone:
            del self.disk.rows[key]
        return len(gone)

    def is_named(self, row: Cells, key: Sequence[str], wanted: set[tuple[str, ...]]) -> bool:
        """Whether a row is one of those to delete."""
        return texts(row, key) in wanted


class HonestStore(StateStore):
    """A journal on a disk, by the rules of `supasync_core.api.journal`."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def begin(self, claim: Claim) -> Run:
        """Take the lease."""
        with self.changing() as entries:
            answer = journal.begin(entries, claim, self.now())
        return journal.granted(answer, claim)

    def save(self, run_id: str, entry: Entry) -> bool:
        """Store state and record."""
        with self.changing() as entries:
            return journal.save(entries, run_id, entry, self.now())

    def past(self, limit: int, since: str | None = None) -> Past:
        """What the journal has."""
        return journal.past(json.loads(self.disk.journal), limit, since)

    def now(self) -> int:
        """The store's time."""
        return timestamps.now() + round(self.disk.slept * 1_000_000)

    @contextmanager
    def changing(self) -> Iterator[journal.Journal]:
        """The journal for one at a time."""
        with self.disk.lock:
            entries = json.loads(self.disk.journal)
            yield entries
            self.disk.journal = json.dumps(entries)
