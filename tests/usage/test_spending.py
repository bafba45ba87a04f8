"""Records added up by month and project, projected, and compared with budgets."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.api.kept_records import spending
from supasync_core.api.state_store import Spending
from supasync_core.model import timestamps
from supasync_core.model.budget import Budgets, Share
from supasync_core.model.cost import Cost
from supasync_core.model.quantities import format_size
from supasync_core.usage.spending import month_of, projected, shares, used

HOUR = 3_600_000_000
BEGIN = timestamps.parse("2026-11-01T00:00:00Z")
instants = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))  # noqa: DTZ001 - hypothesis wants naive ones


def hourly(count: int, first: int = 1, requests: int = 7, received: int = 4000) -> list[Spending]:
    """A record every hour from the month's beginning; the first one costs so many times more."""
    return [
        Spending(
            timestamps.to_text(BEGIN + hour * HOUR),
            {
                "OLD": {
                    "read": {
                        "requests": requests * (1 if hour else first),
                        "sent": 1,
                        "received": received * (1 if hour else first),
                    }
                }
            },
        )
        for hour in range(count)
    ]


@given(instants)
def test_a_month_begins_on_its_first_and_ends_with_the_next_ones(moment: datetime) -> None:
    now = int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000
    begin, end = month_of(now)
    assert begin <= now < end
    assert timestamps.to_text(begin).endswith("-01T00:00:00Z")
    assert month_of(end)[0] == end
    assert 28 <= (end - begin) / (24 * HOUR) <= 31


def test_an_even_month_is_projected_to_what_it_comes_to() -> None:
    for hours in (24, 100, 500):
        found = projected(hourly(hours), "OLD", BEGIN + hours * HOUR)
        assert found
        assert abs(found.requests - 720 * 7) <= 7
        assert abs(found.received - 720 * 4000) <= 4000


@pytest.mark.parametrize("hours", [24, 25, 36, 47, 48, 49, 71, 24 * 9, 24 * 20])
def test_a_first_load_does_not_count_as_a_usual_day(hours: int) -> None:
    found = projected(hourly(hours, first=1000), "OLD", BEGIN + hours * HOUR)
    assert found
    assert abs(found.requests - (719 * 7 + 7000)) <= 7


def test_nor_does_a_first_load_that_comes_after_setup_or_in_several_runs() -> None:
    at = BEGIN + 96 * HOUR
    setup = Spending(timestamps.to_text(at), {"OLD": {"check": {"requests": 5, "sent": 1, "received": 900}}})
    parts = hourly(70)
    for i, times in ((20, 5000), (21, 900)):
        read = {"requests": 7 * times, "sent": 1, "received": 4000 * times}
        parts[i] = Spending(parts[i].created_at, {"OLD": {"read": read}})
    spendings = [setup, *(replace(each, created_at=shifted(each, 97)) for each in parts)]
    early = projected(spendings[:30], "OLD", at + 30 * HOUR)
    assert early is None
    found = projected(spendings, "OLD", at + 70 * HOUR)
    assert found
    assert abs(found.received - (4000 * (720 - 96) + 4000 * 5900)) <= 4000 * 24


def shifted(spending: Spending, hours: int) -> str:
    return timestamps.to_text(timestamps.parse(spending.created_at) + hours * HOUR)


def one_day_a_week(weeks: int) -> list[Spending]:
    """A record every hour, that costs a hundred times as much on each seventh day."""
    return [
        replace(each, costs={"OLD": {"read": {"requests": 100 if day_in_a_week(i) == 6 else 1}}})
        for i, each in enumerate(hourly(24 * 7 * weeks))
    ]


def day_in_a_week(hour: int) -> int:
    return hour // 24 % 7


def test_a_weekly_pattern_is_continued() -> None:
    for weeks in (2, 3, 4):
        hours = 24 * 7 * weeks
        found = projected(one_day_a_week(weeks), "OLD", BEGIN + hours * HOUR)
        assert found
        month = sum(100 if day_in_a_week(hour) == 6 else 1 for hour in range(720))
        assert abs(found.requests - month) <= 24
    one = projected(one_day_a_week(1), "OLD", BEGIN + 7 * 24 * HOUR)
    assert one
    assert abs(one.requests - 24 * 106 / 7 * 30) <= 24


def test_one_day_of_many_weeks_does_not_become_a_pattern() -> None:
    spendings = hourly(24 * 21)
    spendings[24 * 16] = replace(spendings[24 * 16], costs={"OLD": {"read": {"requests": 70_000}}})
    found = projected(spendings, "OLD", BEGIN + 24 * 21 * HOUR)
    assert found
    assert abs(found.requests - (719 * 7 + 70_000)) <= 7


def test_before_a_whole_day_nothing_is_projected() -> None:
    assert projected([], "OLD", BEGIN) is None
    assert projected(hourly(23), "OLD", BEGIN + 23 * HOUR) is None


def test_records_that_say_nothing_or_nonsense_cost_nothing() -> None:
    at = timestamps.to_text(BEGIN)
    odd = [Spending(at), Spending(at, {"OLD": 7}), Spending(at, {"OLD": {"read": {"requests": "7"}}})]
    assert used(odd, "OLD") == Cost()
    assert used(odd + hourly(1), "OLD").requests == 7


def test_last_months_records_are_not_this_months() -> None:
    now = timestamps.parse("2026-12-01T05:00:00Z")
    spendings = [*hourly(720), Spending("2026-12-01T01:00:00Z", {"OLD": {"read": {"requests": 3}}})]
    found = {(share.project, share.what): share for share in shares(spendings, Budgets(requests=10), now)}
    assert found["OLD", "requests"].used == 3
    assert found["NEW", "requests"].used == 0
    assert found["OLD", "database"].used is None


def test_it_is_spoken_of_from_sixty_percent() -> None:
    def at(number: int) -> Share:
        return Share(project="OLD", what="requests", used=number, budget=50_000)

    assert [at(number).warns for number in (29_999, 30_000, 60_000)] == [False, True, True]
    assert at(31_500).sentence == "OLD has used 63 % of 50,000 requests a month (31,500)"
    egress = Share(project="OLD", what="egress", used=4_200_000_000, budget=5_000_000_000)
    assert egress.sentence == "OLD has used 84 % of 5.0 GB egress a month (4.2 GB)"


@given(st.integers(0, 10**16))
def test_a_size_is_printed_in_the_unit_in_which_it_is_shortest(number: int) -> None:
    text, unit = format_size(number).split(" ")
    factor = 1000 ** ("bytes", "kB", "MB", "GB", "TB").index(unit)
    assert abs(float(text.replace(",", "")) * factor - number) <= factor * 0.0501


def test_a_record_of_a_clock_that_is_ahead_is_no_day_of_history() -> None:
    for hours in (0.01, 1, 30):
        assert projected(hourly(1), "OLD", int(BEGIN - hours * HOUR)) is None


def test_sizes_that_are_no_sizes_are_left_out() -> None:
    odd = {"OLD": "x", "a": True, "b": -1, "c": 1.5, "d": 10**30, "NEW": 7}
    assert spending("2026-01-01T00:00:00Z", {}, odd).sizes == {"NEW": 7}
    assert spending("2026-01-01T00:00:00Z", {}, [odd]).sizes == {}


def test_no_run_has_cost_less_than_nothing_or_without_an_end() -> None:
    """A record is data that others may write: a debt in it would pay for what a budget stops."""
    for odd in (-(10**12), 10**30, 1e300, float("inf"), True, "5", None):
        assert Cost.from_json({"requests": odd, "sent": 1, "received": odd}) == Cost(0, 1, 0)
