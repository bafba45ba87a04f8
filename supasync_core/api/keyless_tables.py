"""A table without a key, read as a whole and as of one moment; each row gets a key that is made of it.

A row keeps its place in the table (``ctid``) until it is written, and has the number of the transaction that
wrote it (``xmin``; PostgreSQL documentation, 5.6 "System Columns"). Tables of several pages are read twice.
If both reads show the same rows with the same places and numbers, each of them existed between the two; and
if the count on the first page of the second read is their number, no other row did. The values are read twice
as well, since ``VACUUM FULL`` and ``CLUSTER`` give the place of one row to another of the same transaction.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from supasync_core.api.completeness import holds_everything
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.errors import SchemaError, TransientError
from supasync_core.model.row_key import COLUMN, MOST_BYTES, MOST_ROWS, ROW_KEY, has_row_key, row_keys
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Horizon

PLACE: Final = "ctid"
_VERSION, _TABLE = "xmin", "tableoid"
_ATTEMPTS = 3
"""How often a table is read that changes during the read."""
_ALL = Span(Keyset(None))

Read = Callable[[Table, Window], Batch]
Rows = Callable[[Table, Sequence[str], Sequence[Sequence[str]]], Iterator[Batch]]


@dataclass(frozen=True, slots=True)
class KeylessRow:
    """A row: its key, its version, and the texts of its own columns."""

    key: str
    version: str
    cells: dict[str, str]
    exact: Mapping[str, str]
    """PostgreSQL's texts of cells that JSON cannot carry; they are no part of the key."""

    def text(self, columns: Sequence[str]) -> str:
        """The row as JSON with these columns, or all of its own and the key."""
        known = {**self.cells, ROW_KEY: json.dumps(self.key), _VERSION: json.dumps(self.version)}
        names = columns or (*self.cells, ROW_KEY)
        return "{" + ",".join(f"{json.dumps(name)}:{known[name]}" for name in names if name in known) + "}"


@dataclass(frozen=True, slots=True)
class Moment:
    """All rows of a table, sorted by key, and the time at which reading them began."""

    rows: list[KeylessRow]
    read_at: Horizon | None


@dataclass
class KeylessTables:
    """Tables without a key, read through the functions of a source that is a PostgreSQL.

    `described`, `paged`, `matching` and `counted` are for any table: with a key it is the source's own.
    """

    read: Read
    found: Rows
    shape: Callable[[Table], Shape]
    counting: Callable[[Table, Window | None], int]
    kept: dict[tuple[str, str, str | None], Moment] = field(default_factory=dict)
    """The latest read, for the pages behind the first one."""

    def makes(self, table: Table) -> bool:
        """Whether the table's key is made here: a project that was a NEW has it as a column."""
        return has_row_key(table) and ROW_KEY not in self.shape(table).names

    def described(self, table: Table) -> Shape:
        """The table's columns, and its key if that is made here."""
        found = self.shape(table)
        made = found.known and has_row_key(table) and ROW_KEY not in found.names
        return replace(found, columns=(*found.columns, COLUMN)) if made else found

    def paged(self, table: Table, window: Window) -> Batch:
        """One page of any table."""
        return self.page(table, window) if self.makes(table) else self.read(table, window)

    def matching(
        self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]
    ) -> Iterator[Batch]:
        """The rows of any table that have these values."""
        return (self.lookup if self.makes(table) else self.found)(table, columns, values)

    def counted(self, table: Table, window: Window | None) -> int:
        """The number of rows of any table."""
        if not self.makes(table):
            return self.counting(table, window)
        if window and any(span.after or span.to for span in window.spans):
            return self.page(table, replace(window, counted=True)).total or 0
        return self.counting(replace(table, key=(PLACE,), columns=(), exclude=()), window)

    def page(self, table: Table, window: Window) -> Batch:
        """One page, in the order of the keys; the first one reads the whole table."""
        at = (*table.address, table.where)
        if at not in self.kept or any(span.after is None for span in window.spans):
            self.kept[at] = self.rows(table)
        moment = self.kept[at]
        found = [row for row in moment.rows if any(_holds(span, row.key) for span in window.spans)]
        shown = found[: window.limit]
        if not shown:
            del self.kept[at]
        return _batch(shown, table, len(found) if window.counted else None, moment.read_at)

    def lookup(
        self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]
    ) -> Iterator[Batch]:
        """The rows whose columns have one of these tuples of texts, as they are now.

        Other columns than the key are compared by the source, which may hold more digits than it prints.
        """
        at = columns.index(ROW_KEY) if ROW_KEY in columns else None
        if at is None:
            raise table.schema_error(f"its rows can only be found by {ROW_KEY}")
        moment = self.rows(table)
        known = {row.key: row for row in moment.rows}
        rows = [
            known[value[at]]
            for value in values
            if value[at] in known and self._matches(table, columns, value)
        ]
        yield _batch(rows, table, None, moment.read_at)

    def _matches(self, table: Table, columns: Sequence[str], value: Sequence[str]) -> bool:
        """Whether the source finds a row by the values of other columns than the key."""
        pairs = [pair for pair in zip(columns, value, strict=True) if pair[0] != ROW_KEY]
        if not pairs:
            return True
        names, texts = zip(*pairs, strict=True)
        inner = replace(table, key=(PLACE,), columns=(PLACE,), timestamp=(), exclude=())
        return any(batch.count for batch in self.found(inner, names, [texts]))

    def rows(self, table: Table) -> Moment:
        """Every row at one moment, sorted by key; SchemaError where they are too many or cannot be read."""
        shape = self.shape(table)
        names = [column.name for column in shape.columns]
        if not names:
            raise table.schema_error("OLD does not list its columns")
        inner = replace(table, key=(PLACE,), timestamp=(), exclude=(), columns=(*names, *_SYSTEM))
        for _ in range(_ATTEMPTS):
            found = self._at_one_moment(inner)
            if found is not None:
                return Moment(_keyed(table, found), found.read_at)
        raise table.error(
            TransientError,
            "rows were written during each attempt to read it as a whole",
            hint="a later run reads it; a table that is written all the time needs a primary key",
        )

    def _at_one_moment(self, table: Table) -> Batch | None:
        """All rows in the order of their places, in one batch; None where they changed meanwhile."""
        whole, first = self._whole(table)
        if not holds_everything(first):
            twice, again = self._whole(table)
            if twice.body != whole.body or twice.exact != whole.exact or again.total != whole.count:
                return None
        return whole

    def _whole(self, table: Table) -> tuple[Batch, Batch]:
        """All rows, and the first page, which counts them."""
        first = self.read(table, Window((_ALL,), table.page_size, counted=True))
        texts, size, exact = list(first.rows.texts), first.size, dict(first.exact)
        _refuse_large(table, max(len(texts), first.total or 0), size)
        if not holds_everything(first):
            for batch in self._behind(table, first):
                exact |= {len(texts) + place: cells for place, cells in batch.exact.items()}
                texts += batch.rows.texts
                size += batch.size
                _refuse_large(table, len(texts), size)
        return Batch(raw_json.join(texts), read_at=first.read_at, exact=exact), first

    def _behind(self, table: Table, page: Batch) -> Iterator[Batch]:
        """The pages behind this one, up to an empty one."""
        while page.count:
            after = Cursor(None, (page.rows[-1][PLACE],))
            page = self.read(table, Window((replace(_ALL, after=after),), table.page_size))
            yield page


_SYSTEM = (PLACE, _VERSION, _TABLE)


def _refuse_large(table: Table, rows: int, size: int) -> None:
    if rows > MOST_ROWS or size > MOST_BYTES:
        raise table.schema_error(
            f"it is too large to be read as a whole: more than {MOST_ROWS:,} rows, or "
            f"{MOST_BYTES // 1_000_000} MB",
            hint="add a primary key on both sides",
        )


def of_a_view(table: Table, why: str) -> SchemaError:
    """The error for a table whose rows have no place."""
    return table.schema_error(f"{why}: is it a view?", hint="copy the tables behind it")


def _batch(rows: Sequence[KeylessRow], table: Table, total: int | None, read_at: Horizon | None) -> Batch:
    texts = [row.text(table.columns) for row in rows]
    exact = {place: row.exact for place, row in enumerate(rows) if row.exact}
    return Batch(raw_json.join(texts), total, read_at, exact=exact)


def _keyed(table: Table, whole: Batch) -> list[KeylessRow]:
    """The rows with their keys, sorted by key; equal rows are numbered by their places."""
    found = [raw_json.cells(text) for text in whole.rows.texts]
    if len({cells[_TABLE] for cells in found}) > 1:
        raise table.schema_error(
            "it shows rows of several tables (partitions, INHERITS): places are not unique",
            hint="add a primary key on both sides, or copy its parts instead",
        )
    own = [{name: text for name, text in cells.items() if name not in _SYSTEM} for cells in found]
    rows = [
        KeylessRow(key, str(json.loads(cells[_VERSION])), mine, whole.exact.get(place, {}))
        for place, (key, cells, mine) in enumerate(zip(row_keys(own), found, own, strict=True))
    ]
    return sorted(rows, key=lambda row: row.key)


def _holds(span: Span, key: str) -> bool:
    return (span.after is None or key > span.after.key[0]) and (span.to is None or key <= span.to[0])
