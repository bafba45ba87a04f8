"""Page after page of one keyset, until there is nothing more; and whether that was all there is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from supasync_core.api.backend import Source
from supasync_core.api.table_plugin import Job
from supasync_core.model.batch import Batch, Span, Window
from supasync_core.model.page_order import Onward
from supasync_core.model.table import Table


def pages(source: Source, table: Table, span: Span) -> Iterator[Batch]:
    """Every row of the span once, in its order, however rows move meanwhile.

    Only an empty page is the end: a server may cut any page below the limit that was asked for
    (PostgREST documentation, "db-max-rows").
    """
    onward = Onward(table, span.keyset.column)
    while (batch := source.read(table, Window((span,), table.page_size))).count:
        span = replace(span, start=None, after=onward.behind(batch))
        yield batch
        del batch  # there is room for the next page once nobody holds this one


def holds_everything(page: Batch) -> bool:
    """Whether the page is the whole window: by its own count, which saw the same rows, or as it is empty.

    A page whose count took too long has none, and says nothing of what lies behind it. Where an empty one has
    none, a table that was never read to its end is counted: see `supasync_core.sync.table_copy`.
    """
    return page.count == (page.total or 0)


def shortfall(job: Job, counted: int | None, seen: int, spans: Sequence[Span], within: int) -> int:
    """How many rows did not come, now that each keyset was read to an empty page.

    Where fewer came than were counted first they are counted once more, for rows may have been deleted
    meanwhile: in these spans, against those of the rows seen that lie ``within`` them.
    """
    if counted is None or seen >= counted:
        return 0
    return max(0, job.source.count(job.table, Window(tuple(spans), job.table.page_size)) - within)
