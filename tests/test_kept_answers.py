"""A server's answers are told from those that a cache has kept: by Age, and by how its clock goes on."""

from concurrent.futures import ThreadPoolExecutor
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


RETRIES = (0.0, 1.0, 3.0, 7.0, 15.0)
"""When a question is asked by the pauses of rows and accounts; those of files are a half to a quarter."""
PACES = (1.0, 0.5, 0.25)


@pytest.mark.parametrize("pace", PACES)
def test_a_clock_that_is_behind_and_goes_on_is_believed_before_retries_end(pace: float) -> None:
    """One node's clock is ahead, or a server's was set back: hours of answers were refused for it."""
    here = Here()
    assert here.answered(0.0, 3_600.0) is None
    told = [here.answered(at, at) is None for at in (10.3 + each * pace for each in RETRIES)]
    assert told[:2] == [False, False]
    assert told[-1]
    assert here.answered(30.0, 3_630.0) is None  # that node again
    with ThreadPoolExecutor(1) as other:
        assert other.submit(here.answered, 30.5, 30.5).result() is None
    assert here.answered(30.5, -600.0) is not None


@pytest.mark.parametrize("pace", PACES)
def test_answers_of_a_cache_do_not_pass_for_a_clock_that_goes_on(pace: float) -> None:
    """They were kept as far apart as they are asked for now: an earlier run had the same pace."""
    for apart in (1.5, 2.0, 3.0, 5.0, 16.0, 60.0):
        here = Here()
        assert here.answered(0.0, 3_600.0) is None
        for question in range(3):
            first = 10 + question * (15 * pace + apart)
            kept = 10 + question * apart
            assert all(here.answered(first + each * pace, kept) for each in RETRIES)
    here = Here()
    assert here.answered(0.0, 3_600.0) is None
    for second in (10.0, 14.0, 18.0, 22.0):  # the retry of each comes from the server
        assert here.answered(second, second)
        assert here.answered(second + 1, 3_601 + second) is None


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
