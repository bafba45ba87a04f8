"""Page after page of one keyset, until there is nothing more."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.page_order import Onward
from supasync_core.model.table import Table

ALL = Span(Keyset(None))
"""Every row, in the order of the key."""


class Paged(Protocol):
    """What gives pages: a source, a sink, or what reads a source for a strategy."""

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window, as `Side.read` has it."""
        ...


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
