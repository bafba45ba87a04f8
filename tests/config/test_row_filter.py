"""A filter whose answer moves with the clock is refused at its line; a filter of the row alone is not."""

import pytest

from supasync_core.config.document import Mark, Scalar
from supasync_core.config.row_filter import row_filter
from supasync_core.config.value_kinds import Mismatch


@pytest.mark.parametrize(
    "where",
    [
        "publish_at=lte.now",
        "publish_at=lte.now()",
        "publish_at=not.gt.Today",
        "publish_at=gte.%6eow",
        "status=eq.done&day=eq.yesterday",
        "or=(publish_at.is.null,publish_at.lte.now)",
        'and=(publish_at.lte."now")',
        "day=in.(2024-01-01,today)",
        "day=lt.tomorrow 10:00",
        "span=ov.[yesterday,tomorrow)",
        "validity=cs.[2020-01-01,now]",
        "validity=nxl.[now,now]",
        "at < current_localtimestamp()",
        "id < nextval('s')",
        "publish_at <= now()",
        "publish_at <= NOW ( )",
        "day = current_date",
        "day < 'today'",
        "day < 'now'::timestamptz",
        "published < localtimestamp - interval 1 day",
        "age(created_at) < interval 1 day",
        "random() < 0.5",
    ],
)
def test_a_filter_that_depends_on_the_time_is_refused(where: str) -> None:
    with pytest.raises(Mismatch) as caught:
        row_filter(Scalar(Mark(1, 1), where, where))
    assert "depends on when it is read" in caught.value.flaws[0][1]


@pytest.mark.parametrize(
    "where",
    [
        "age=gte.18",
        "and=(age.gte.18,age.lt.65)",
        "now=eq.1",
        "today=is.true",
        "and=(today.eq.1,a.eq.2)",
        "status=like.now",
        "status=eq.nowhere",
        "status=eq.now-ish",
        "current_date=gte.2024-01-01",
        "status LIKE 'today%'",
        "note = 'known'",
        "age(a, b) < interval 1 day",
        "know(a)",
        "archived=is.false",
    ],
)
def test_a_filter_of_the_row_alone_is_taken(where: str) -> None:
    assert row_filter(Scalar(Mark(1, 1), where, where)) == where
