"""Whether the pages that were read were all there is."""

from collections.abc import Sequence

from supasync_core.api.strategy import Job
from supasync_core.model.batch import Batch, Span, Window


def holds_everything(page: Batch) -> bool:
    """Whether the page is the whole window: by its own count, which saw the same rows, or as it is empty.

    A page that is as full as it was asked for is never the end where its count came in a header, and one that
    is said to be partial neither: a proxy that computes the count from the body (``0-999/1000``) hides all
    other pages.
    A page whose count took too long has none, and says nothing of what lies behind it. Where an empty one has
    none, a table that was never read to its end is counted: see `supasync_core.sync.table_copy`.
    """
    full = page.partial or (page.asked is not None and page.count >= page.asked)
    return page.count == (page.total or 0) and not (full and page.count)


def shortfall(
    job: Job, counted: int | None, seen: int, spans: Sequence[Span], within: int, *others: Sequence[Span]
) -> int:
    """How many rows did not come, now that each keyset was read to an empty page.

    Where fewer came than were counted first they are counted again, because rows may have been deleted
    meanwhile: in these spans, and in those of the ``others``, against those of the rows seen that lie
    ``within`` them. Each group is a request, and no row may lie in two of them.
    """
    if counted is None or seen >= counted:
        return 0
    groups = (Window(tuple(group), job.table.page_size) for group in (spans, *others))
    return max(0, sum(job.source.count(job.table, window) for window in groups) - within)
