"""A column of dates as the timestamp: a day is settled when it is over, and not before."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.model import timestamps
from supasync_core.model.table import Table
from supasync_core.testing.memory_source import Pair
from supasync_tables.incremental import Incremental

DAY = 86_400


def pair_of(page_size: int = 3) -> Pair:
    return Pair(Incremental(), Table(name="events", timestamp=("updated_at",), page_size=page_size))


def put(pair: Pair, key: int, zone: float = 0) -> None:
    """A row of today's date, as it is in a time zone so many hours ahead of UTC."""
    today = timestamps.to_text(pair.source.now + round(zone * 3600) * 1_000_000)[:10]
    row = {"id": str(key), "updated_at": today, "created_at": None, "version": str(pair.source.now)}
    pair.source.stored[str(key)] = row


def test_rows_of_the_same_day_with_a_lower_key_and_updates_arrive() -> None:
    pair = pair_of()
    put(pair, 5)
    for key in (4, 5, 3, 5):
        pair.source.advance(3600)
        pair.run()
        put(pair, key)
    pair.source.advance(3600)
    pair.run()
    assert pair.sink == pair.source.stored


def test_days_that_are_over_are_not_read_for_ever() -> None:
    pair = pair_of()
    for key in range(20):
        put(pair, key)
    pair.source.advance(3 * DAY)
    sent = []
    for _ in range(4):
        sent.append(pair.run())
        pair.source.advance(3600)
    assert sent == [20, 20, 0, 0]


def test_a_day_that_an_earlier_version_settled_too_early_is_read_again() -> None:
    pair = pair_of()
    put(pair, 5)
    pair.source.advance(3600)
    pair.run()
    row = {"updated_at": pair.state.keyset("updated_at")}
    early = replace(
        row["updated_at"],
        cursor=pair.table.place(pair.source.stored["5"], "updated_at"),
        moved_at=timestamps.to_text(pair.source.now),
        settled=True,
    )
    pair.state = pair.state.with_keyset("updated_at", early)
    put(pair, 4)
    pair.source.advance(5 * DAY)
    pair.run()
    assert pair.sink == pair.source.stored
    pair.source.advance(3600)
    assert pair.run() == 2
    pair.source.advance(3600)
    assert pair.run() == 0


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 9), st.floats(0, 30_000), st.none() | st.integers(0, 9)), max_size=40
    ),
    zone=st.sampled_from([-12, -5, 0, 2, 14]),
    page_size=st.integers(1, 4),
)
def test_no_change_of_a_day_is_lost(
    steps: list[tuple[int, float, int | None]], zone: float, page_size: int
) -> None:
    pair = pair_of(page_size)
    for key, pause, die_after in steps:
        put(pair, key, zone)
        pair.source.advance(pause)
        if die_after != 9:
            pair.run(die_after=die_after)
    pair.source.advance(timedelta(days=3).total_seconds())
    pair.run()
    assert pair.sink == pair.source.stored
