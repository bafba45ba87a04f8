"""When a size is reached: as sure as the history allows, and not surer."""

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from supasync_core.model import timestamps
from supasync_core.usage.forecast import COVERAGE, Forecast, forecast

DAY = 86_400_000_000
NOW = int(timestamps.parse("2026-11-25T12:00:00Z"))
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
        "OLD reaches 500 MB in about 11 days (Dec 4, 2026 to Dec 8, 2026)"
    )


@given(st.integers(8, 30), st.integers(1 * MB, 50 * MB), st.integers(1, 4))
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
        assert found.latest is None or found.days < found.latest <= 2 * found.history + 1
        assert found.days <= 2 * found.history + 1
    assert forecast(points[::-1], limit, NOW) == found
    assert found.sentence("OLD")


@given(st.integers(8, 30), st.integers(1 * MB, 50 * MB), st.integers(2, 9))
def test_a_nearer_limit_is_not_reached_later(days: int, growth: int, ahead: int) -> None:
    far = forecast(line(days, 1000 * MB, growth), 1000 * MB + ahead * growth, NOW)
    near = forecast(line(days, 1000 * MB, growth), 1000 * MB + (ahead - 1) * growth, NOW)
    assume(far.kind == near.kind == "soon")
    assert near.days <= far.days


def test_too_little_history_is_said() -> None:
    for points in ([], line(0, 100 * MB, MB), line(6, 100 * MB, MB)):
        found = forecast(points, 500 * MB, NOW)
        assert found.kind == "unknown"
        assert "too little history" in found.sentence("OLD")


@pytest.mark.parametrize("grown", [(0,) * 9, (0, 0, 70, 0, 0, 0, 0, 90, 0), (30, 0, 2, 50, 1, 0, 3, 0, 9)])
def test_a_growth_that_is_uneven_or_none_needs_two_weeks_of_history(grown: tuple[int, ...]) -> None:
    points = [(NOW - (9 - day) * DAY, (100 + sum(grown[:day])) * MB) for day in range(10)]
    found = forecast(points, 500 * MB, NOW)
    assert found.kind == "unknown"
    assert "(9.0 days of sizes, 14 are needed)" in found.sentence("OLD")


def test_what_is_beyond_the_history_is_not_dated() -> None:
    found = forecast(line(15, 100 * MB, MB), 500 * MB, NOW)
    assert found.sentence("OLD") == "OLD does not reach 500 MB within 30 days at its present pace"


def test_what_does_not_grow_is_said() -> None:
    assert forecast(line(15, 100 * MB, 0), 500 * MB, NOW).kind == "steady"
    assert forecast(line(15, 100 * MB, -MB), 500 * MB, NOW).kind == "steady"


def test_one_vacuum_does_not_turn_the_growth_round() -> None:
    points = [
        (moment, number - (80 * MB if moment > NOW - 2 * DAY else 0))
        for moment, number in line(20, 300 * MB, 5 * MB)
    ]
    assert forecast(points, 300 * MB, NOW).kind == "soon"


def test_what_is_reached_is_reached() -> None:
    assert forecast([(NOW, 501 * MB)], 500 * MB, NOW).sentence("OLD") == "OLD has reached 500 MB"


def compound(rng: random.Random) -> Iterator[float]:
    """5 % a day."""
    size = rng.uniform(20, 300) * MB
    while True:
        yield size
        size *= 1.05


def now_and_then(rng: random.Random) -> Iterator[float]:
    """Growth on a quarter of the days."""
    size, step = rng.uniform(50, 300) * MB, rng.uniform(5, 30) * MB
    while True:
        yield size
        size += step * rng.uniform(0.5, 1.5) * (rng.random() < 0.25)


def noise_of_days(rng: random.Random) -> Iterator[float]:
    """A growth that strays by three times itself from day to day."""
    size, step = rng.uniform(200, 400) * MB, rng.uniform(2, 10) * MB
    while True:
        yield size
        size += rng.gauss(step, 3 * step)


def noise_of_sizes(rng: random.Random) -> Iterator[float]:
    """Sizes that lie off an even growth by five days of it."""
    size, step = rng.uniform(200, 400) * MB, rng.uniform(2, 10) * MB
    while True:
        yield size + rng.gauss(0, 5 * step)
        size += step


def sudden(rng: random.Random) -> Iterator[float]:
    """26 flat days, then 50 MB a day."""
    size = rng.uniform(50, 300) * MB
    for _ in range(27):
        yield size
    while True:
        size += 50 * MB
        yield size


KINDS = [
    (compound, 8, 31, 30),
    (now_and_then, 8, 31, 30),
    (noise_of_days, 8, 31, 30),
    (noise_of_sizes, 8, 31, 30),
    (sudden, 30, 31, 8),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "least", "most", "ahead"), KINDS)
def test_the_band_holds_the_day_in_as_many_cases_as_is_stated(
    kind: Callable[[random.Random], Iterator[float]], least: int, most: int, ahead: int
) -> None:
    """A thousand seeded histories of different lengths; the limit is the size on one of the days to come."""
    told = held = 0
    for seed in range(1000):
        rng = random.Random(seed)  # noqa: S311 - a game
        days = rng.randrange(least, most + 1)
        true = [size for size, _ in zip(kind(rng), range(days + 500), strict=False)]
        seen = [(NOW - (days - day) * DAY, round(size)) for day, size in enumerate(true[: days + 1])]
        limit = round(max(*true[: days + 1], true[days + rng.randint(1, ahead)])) + 1
        day = next((day for day, size in enumerate(true[days:]) if size >= limit), 500)
        found = forecast(seen, limit, NOW)
        told += found.kind != "unknown"
        match found.kind:
            case "soon" | "open":
                held += found.earliest <= day <= (500 if found.latest is None else found.latest)
            case "later" | "steady":
                held += day > found.days
    assert told >= 500
    assert held >= COVERAGE * told
