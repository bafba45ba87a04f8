"""Page after page of one keyset, until there is nothing more."""

from collections.abc import Iterator
from dataclasses import replace

from supasync_core.backend import Source
from supasync_core.batch import Batch, Span, Window
from supasync_core.tables import Table


def pages(source: Source, table: Table, span: Span) -> Iterator[Batch]:
    """Every row of the span once, in its order, however rows move meanwhile.

    Only an empty page is the end: a server may cut any page below the limit that was asked for
    (PostgREST documentation, "db-max-rows").
    """
    while (batch := source.read(table, Window((span,), table.page_size))).count:
        yield batch
        span = replace(span, start=None, after=table.place(batch.rows[-1], span.keyset.column))
