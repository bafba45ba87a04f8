"""Page after page of one keyset, until there is nothing more."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.page_order import Onward
from supasync_core.model.table import Table
from supasync_core.model.wording import counted

ALL = Span(Keyset(None))
"""Every row, in the order of the key."""


_NULLS = "a row with NULL in a column of the key cannot be told apart: declare another key"
_ROWS_LEFT = (
    "is an index of the key damaged, or does something on the way drop rows? If neither is, begin again"
)


class Paged(Protocol):
    """What gives pages: a source, a sink, or what reads a source for a strategy."""

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window, as `Side.read` has it."""
        ...


class Counting(Paged, Protocol):
    """What also counts."""

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows, as `Side.count` has it."""
        ...


def whole(side: Counting, table: Table) -> Iterator[Batch]:
    """Every row of the table once, in the order of the key, held against the side's own count.

    SchemaError, after the last page, where that counts more: such rows do not lie behind any key. Rows may
    come and go meanwhile, so where fewer came than were counted, the keys alone are read and counted again.
    """
    onward = Onward(table, None)
    window, total, seen = Window((ALL,), table.page_size, counted=True), 0, 0
    while (batch := side.read(table, window)).count:
        total, seen = total or batch.total or 0, seen + batch.count
        window = Window((replace(ALL, after=onward.behind(batch)),), table.page_size)
        yield batch
        del batch  # there is room for the next page once nobody holds this one
    if seen < (total or batch.total or 0) and side.count(table) > seen:
        _refuse_left(side, table)


def _refuse_left(side: Counting, table: Table) -> None:
    """SchemaError where rows have no place in the order of the key, or some do not come."""
    narrow = table.narrowed(table.key)
    nulls = tuple(Span(Keyset(None, nulls=(name,))) for name in table.key)
    if left := side.count(narrow, Window(nulls, limit=1)):
        text = f"{counted(left, 'row has', 'rows have')} NULL in ({', '.join(table.key)})"
        raise table.schema_error(
            f"{text} and {'does' if left == 1 else 'do'} not come in its order", hint=_NULLS
        )
    before = side.count(narrow)
    came = sum(page.count for page in pages(side, narrow))
    if (left := min(before, side.count(narrow)) - came) > 0:
        told = counted(left, "more row is counted than comes", "more rows are counted than come")
        raise table.schema_error(f"{told} in the order of the key", hint=_ROWS_LEFT)


def pages(side: Paged, table: Table, span: Span = ALL) -> Iterator[Batch]:
    """Every row of the span once, in its order, however rows move meanwhile.

    Only an empty page is the end: a server may cut any page below the limit that was asked for
    (PostgREST documentation, "db-max-rows"). TransientError where the pages go round in a circle.
    """
    onward = Onward(table, span.keyset.column)
    while (batch := side.read(table, Window((span,), table.page_size))).count:
        span = replace(span, start=None, after=onward.behind(batch))
        yield batch
        del batch  # there is room for the next page once nobody holds this one
