"""The cursor rule: what is committed within the overlap of its timestamp is never lost."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.model import timestamps
from supasync_core.model.table import Table
from supasync_core.testing.memory_source import Pair
from supasync_tables.incremental import Incremental

OVERLAP = 900
TABLE = Table(name="events", timestamp=("updated_at", "created_at"), page_size=3)


def pair_of(table: Table = TABLE) -> Pair:
    return Pair(Incremental(), table)


def test_a_first_load_of_one_page_is_one_request() -> None:
    pair = pair_of()
    for key in range(3):
        pair.write(key)
    assert pair.run() == 3
    assert pair.source.pages == 1


def test_ties_across_page_borders_are_all_read() -> None:
    pair = pair_of()
    for key in range(50):
        pair.write(key)
    pair.run()
    assert pair.sink == pair.source.stored


def test_an_idle_table_settles_and_then_reads_nothing() -> None:
    pair = pair_of()
    for key in range(50):
        pair.write(key, ago=3600)
    sent = []
    for _ in range(4):
        sent.append(pair.run())
        pair.source.advance(3600)
    assert sent == [50, 50, 0, 0]


def test_an_idle_table_with_two_timestamps_settles_in_both_keysets() -> None:
    pair = pair_of(Table(name="events", timestamp=("updated_at", "created_at"), page_size=100))
    for key in range(50):
        pair.write(key, ago=3600 * (key * 7 % 50), created_only=key % 2 == 0)
    sent = []
    for _ in range(4):
        sent.append(pair.run())
        pair.source.advance(3600)
    assert sent[0] == 50
    assert sent[1] < 5
    assert sent[2:] == [0, 0]


def test_a_bulk_update_is_sent_twice_at_most() -> None:
    pair = pair_of()
    for key in range(40):
        pair.write(key, ago=86400)
    for _ in range(3):
        pair.run()
        pair.source.advance(3600)
    for key in range(40):
        pair.write(key)
    sent = 0
    for _ in range(6):
        pair.source.advance(3600)
        sent += pair.run()
    assert sent <= 80
    assert pair.sink == pair.source.stored


def test_one_row_from_the_future_hides_no_other() -> None:
    pair = pair_of()
    pair.write(0, ago=-365 * 86400)
    for key in range(1, 30):
        pair.run()
        pair.source.advance(3600)
        pair.write(key)
    pair.run()
    assert pair.sink == pair.source.stored


def test_rows_of_the_last_seconds_are_not_from_the_future_and_those_of_next_year_are() -> None:
    pair = pair_of()
    pair.write(1, ago=-1.5)
    pair.run()
    assert pair.state.future_rows == 0
    pair.write(2, ago=-365 * 86400)
    pair.run()
    assert pair.state.future_rows == 1


def test_rows_of_a_clock_that_is_hours_behind_or_ahead_arrive() -> None:
    for skew in (8 * 3600, -8 * 3600):
        pair = pair_of()
        for key in range(30):
            pair.write(key, ago=skew, late=key % 7 * 60)
            pair.source.advance(1800)
            pair.run()
        pair.source.advance(2 * OVERLAP)
        pair.run()
        assert pair.sink == pair.source.stored


def test_a_slow_transaction_behind_the_cursor_is_found() -> None:
    pair = pair_of()
    pair.write(1, late=800)
    pair.source.advance(1)
    pair.write(2)
    pair.source.advance(60)
    pair.run()
    assert set(pair.sink) == {"2"}
    pair.source.advance(3600)
    pair.run()
    assert pair.sink == pair.source.stored


def test_a_row_that_a_slow_clock_stamps_behind_the_place_of_a_long_read_is_found() -> None:
    pair = pair_of()
    slow = 8 * 3600
    pair.write(0, ago=2 * slow)
    pair.run()
    pair.write(90, ago=slow, late=OVERLAP - 60)
    for key in range(1, 6):
        pair.source.advance(1)
        pair.write(key, ago=slow)
    begun = pair.source.pages
    waiting = [7200.0, 1.0, 1.0]  # the first keyset is being read when the row is committed

    def meanwhile() -> None:
        if pair.source.pages > begun and waiting:
            pair.source.advance(waiting.pop(0))
            pair.write(50, ago=slow)

    pair.source.between_pages = meanwhile
    pair.run()
    assert "90" not in pair.sink
    assert "50" in pair.sink, "the cursor has moved by two hours"
    pair.source.advance(3600)
    pair.run()
    assert pair.sink == pair.source.stored


def test_a_cursor_that_moved_without_a_clock_settles_no_sooner() -> None:
    """The next answer carries a Date again, while a transaction of an app whose clock is slow is open."""
    pair = pair_of()
    slow = 8 * 3600
    pair.write(1, ago=slow)
    pair.write(2, ago=slow + 60, late=600)
    pair.source.dated = False
    pair.run()
    pair.source.dated = True
    for _ in range(3):
        pair.source.advance(400)
        pair.run()
    assert pair.sink == pair.source.stored


def test_rows_without_any_timestamp_are_read_by_every_run() -> None:
    pair = pair_of(Table(name="events", timestamp=("updated_at",), page_size=3))
    for key in range(10):
        pair.write(key, created_only=key % 2 == 0)
    assert [pair.run(), pair.run()] == [10, 10]
    pair.write(0, created_only=True)
    pair.run()
    assert pair.sink == pair.source.stored


def test_a_row_that_gets_its_first_update_moves_from_one_keyset_to_the_other() -> None:
    pair = pair_of()
    for key in range(10):
        pair.write(key, created_only=True)
    pair.run()
    pair.source.advance(3600)
    pair.write(4)
    pair.source.advance(3600)
    pair.run()
    assert pair.sink == pair.source.stored


def test_a_baseline_leaves_out_what_lies_behind_it_and_its_overlap() -> None:
    pair = pair_of(Table(name="events", timestamp=("updated_at",), page_size=3))
    pair.write(1, ago=86400)
    pair.write(2, ago=60)
    pair.state = Incremental().baseline(pair.table, timestamps.to_text(pair.source.now))
    pair.source.advance(3600)
    pair.write(3)
    pair.run()
    assert set(pair.sink) == {"2", "3"}


steps = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 12), st.floats(0, OVERLAP - 30), st.booleans()),
    st.tuples(st.just("ties"), st.integers(0, 8), st.integers(1, 9)),
    st.tuples(st.just("advance"), st.floats(0, 5000)),
    st.tuples(st.just("fast"), st.integers(0, 12), st.floats(0, 60), st.floats(0, OVERLAP - 30)),
    st.tuples(st.just("slow"), st.floats(0, 60)),
    st.tuples(st.just("run"), st.none() | st.integers(0, 4)),
)


def _step(pair: Pair, step: tuple[object, ...], behind: int) -> None:
    match step:
        case ("write", int(key), float(late), bool(created_only)):
            known = pair.source.stored.get(str(key))
            pair.write(key, ago=behind, late=late, created_only=created_only and known is None)
        case ("ties", int(first), int(count)):
            for key in range(first, first + count):
                pair.write(key, ago=behind)
        case ("fast", int(key), float(ahead), float(late)):
            pair.write(key, ago=behind - ahead, late=late)
        case ("slow", float(seconds)):
            pair.source.takes = seconds
        case ("advance", float(seconds)):
            pair.source.advance(seconds)
        case ("run", None):
            pair.run()
        case ("run", int(die_after)):
            pair.run(die_after=die_after)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    schedule=st.lists(steps, max_size=30),
    meanwhile=st.lists(steps.filter(lambda step: step[0] != "run"), max_size=12),
    page_size=st.integers(1, 5),
    behind=st.sampled_from([0, 0, 300, 8 * 3600]),
)
def test_after_an_undisturbed_run_all_that_the_promise_covers_is_there(
    schedule: list[tuple[object, ...]], meanwhile: list[tuple[object, ...]], page_size: int, behind: int
) -> None:
    """Late commits, ties, crashes, an app's clock that is behind, and rows that move while pages are read.

    A writer that commits late overwrites what was committed before it, as two updates of one row do: the
    timestamps of one key need not rise, so only the last version by timestamp is promised.
    """
    pair = pair_of(Table(name="events", timestamp=("updated_at", "created_at"), page_size=page_size))
    waiting = list(meanwhile)

    def between_pages() -> None:
        if waiting:
            _step(pair, waiting.pop(), behind)

    pair.source.between_pages = between_pages
    for step in schedule:
        _step(pair, step, behind)
    pair.source.between_pages, pair.source.takes = (lambda: None), 1
    pair.source.advance(timedelta(hours=2).total_seconds())
    pair.run()
    moved_back = {key for key, row in pair.source.stored.items() if _went_back(pair, key, row)}
    for key in pair.source.stored.keys() - moved_back:
        assert pair.sink[key] == pair.source.stored[key]


def _went_back(pair: Pair, key: str, row: dict[str, str | None]) -> bool:
    """Whether the sink holds a version with a later timestamp: a row whose timestamp moved backward."""
    seen = pair.sink.get(key)
    if seen is None or seen["updated_at"] is None:
        return False
    return row["updated_at"] is None or timestamps.parse(row["updated_at"]) < timestamps.parse(
        seen["updated_at"]
    )
