"""A server's answers are told from those that a cache has kept: by Age, and by how its clock goes on."""

from email.utils import formatdate

import pytest

from supasync_core.api.kept_answers import APART, ServerClock, earliest_date

NOON = 1_780_000_000.0


class Here:
    """This machine's seconds, and what a server answers at them."""

    def __init__(self) -> None:
        self.clock = ServerClock()

    def answered(self, second: float, date: float, **headers: str) -> str | None:
        """What is said of an answer that was asked for and came at this second."""
        return self.clock.kept({"date": formatdate(NOON + date, usegmt=True), **headers}, second, second)


@pytest.mark.parametrize("off", [0.0, -86_400.0, 7_200.0])
def test_a_clock_that_is_off_is_believed_as_long_as_it_goes_on(off: float) -> None:
    here = Here()
    seconds = (0.0, 0.5, 61.0, 3_600.0, 90_000.0)
    assert [here.answered(each, off + each) for each in seconds] == [None] * 5


def test_an_answer_that_is_dated_before_an_earlier_one_is_a_caches() -> None:
    here = Here()
    assert here.answered(0.0, 0.0) is None
    assert here.answered(1.0, 1.0 - APART) is None  # another server of that address, with another clock
    told = here.answered(2.0, 2.0 - 3_600.0)
    assert told == "a cache answers in its place (Date: 1h behind an earlier answer's)"
    assert here.answered(3.0, 3.0) is None


def test_a_date_that_stands_while_minutes_pass_is_a_caches() -> None:
    here = Here()
    assert here.answered(0.0, -7_200.0) is None
    assert here.answered(60.0, -7_200.0) is None
    assert here.answered(200.0, -7_200.0) is not None


def test_an_answer_that_took_long_is_none_of_a_cache() -> None:
    here = Here()
    assert here.answered(0.0, 0.0) is None
    assert here.clock.kept({"date": formatdate(NOON + 11, usegmt=True)}, 10.0, 900.0) is None


@pytest.mark.parametrize(("age", "kept"), [("0", False), ("", False), ("00", False), ("0, 9", True)])
def test_an_age_says_it(age: str, kept: bool) -> None:  # noqa: FBT001 - a case
    assert (Here().answered(0.0, 0.0, age=age) is not None) is kept


def test_of_two_dates_the_earlier_one_counts() -> None:
    both = ", ".join(formatdate(at, usegmt=True) for at in (NOON, NOON - 60))
    assert earliest_date({"date": both}) == NOON - 60
    assert earliest_date({"date": "yesterday (((((, Fri"}) is None
    assert earliest_date({}) is None
