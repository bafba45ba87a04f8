"""When a size is reached: as sure as the history allows, and not surer."""

from hypothesis import assume, given
from hypothesis import strategies as st

from supasync_core import clock
from supasync_core.usage.forecast import Forecast, forecast

DAY = 86_400_000_000
NOW = int(clock.parse("2026-11-25T12:00:00Z"))
MB = 1_000_000


def line(days: int, last: int, growth: int, per_day: int = 4) -> list[tuple[int | float, int]]:
    """Sizes that grew evenly until now."""
    step = DAY // per_day
    return [(NOW - i * step, last - growth * i // per_day) for i in range(days * per_day, -1, -1)]


def test_the_sentence_is_the_promised_one() -> None:
    points = [
        (moment, number + (day % 3 - 1) * 9 * MB)
        for day, (moment, number) in enumerate(line(14, 390 * MB, 10 * MB, 1))
    ]
    found = forecast(points, 500 * MB, NOW)
    assert found.sentence("OLD").startswith("OLD reaches 500 MB in about 1")
    assert Forecast("soon", NOW, 500 * MB, 14, 11, 9, 13).sentence("OLD") == (
        "OLD reaches 500 MB in about 11 days (Dec 4 to Dec 8)"
    )


@given(st.integers(4, 30), st.integers(1 * MB, 50 * MB), st.integers(1, 4))
def test_an_even_growth_is_continued(days: int, growth: int, ahead: int) -> None:
    found = forecast(line(days, 1000 * MB, growth), 1000 * MB + ahead * growth, NOW)
    assert (found.kind, found.days) == ("soon", ahead)
    assert found.latest is not None
    assert found.earliest < found.days < found.latest


sizes = st.lists(st.integers(0, 10**9), min_size=0, max_size=40)


@given(sizes, st.integers(1, 2 * 10**9))
def test_whatever_was_recorded_the_answer_is_ordered_and_does_not_depend_on_the_order(
    numbers: list[int], limit: int
) -> None:
    points: list[tuple[int | float, int]] = [(NOW - i * DAY // 2, number) for i, number in enumerate(numbers)]
    found = forecast(points, limit, NOW)
    if found.kind == "soon":
        assert 0 <= found.earliest <= found.days
        assert found.latest is None or found.days < found.latest <= 4 * found.history + 1
        assert found.days <= 4 * found.history + 1
    assert forecast(points[::-1], limit, NOW) == found
    assert found.sentence("OLD")


@given(st.integers(4, 30), st.integers(1 * MB, 50 * MB), st.integers(2, 9))
def test_a_nearer_limit_is_not_reached_later(days: int, growth: int, ahead: int) -> None:
    far = forecast(line(days, 1000 * MB, growth), 1000 * MB + ahead * growth, NOW)
    near = forecast(line(days, 1000 * MB, growth), 1000 * MB + (ahead - 1) * growth, NOW)
    assume(far.kind == near.kind == "soon")
    assert near.days <= far.days


def test_too_little_history_is_said() -> None:
    for points in ([], line(0, 100 * MB, MB), line(2, 100 * MB, MB)):
        found = forecast(points, 500 * MB, NOW)
        assert found.kind == "unknown"
        assert "too little history" in found.sentence("OLD")


def test_what_is_beyond_the_history_is_not_dated() -> None:
    found = forecast(line(5, 100 * MB, MB), 500 * MB, NOW)
    assert found.sentence("OLD") == "OLD does not reach 500 MB within 19 days, if it grows as it did"


def test_what_does_not_grow_is_said() -> None:
    assert forecast(line(9, 100 * MB, 0), 500 * MB, NOW).kind == "steady"
    assert forecast(line(9, 100 * MB, -MB), 500 * MB, NOW).kind == "steady"


def test_one_vacuum_does_not_turn_the_growth_round() -> None:
    points = [
        (moment, number - (80 * MB if moment > NOW - 2 * DAY else 0))
        for moment, number in line(20, 300 * MB, 5 * MB)
    ]
    assert forecast(points, 300 * MB, NOW).kind == "soon"


def test_what_is_reached_is_reached() -> None:
    assert forecast([(NOW, 501 * MB)], 500 * MB, NOW).sentence("OLD") == "OLD has reached 500 MB"
