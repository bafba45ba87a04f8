"""Timestamps as PostgreSQL prints them."""

from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model import timestamp_forms, timestamps


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_datetime_is_the_instant_that_python_knows(moment: datetime) -> None:
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert timestamps.parse(moment.isoformat()) == micros
    assert timestamps.parse(timestamps.to_text(micros)) == micros


@given(st.integers(-210_866_803_200_000_000, 9_224_318_015_999_999_999))
def test_every_instant_of_postgresql_survives_its_text(micros: int) -> None:
    assert timestamps.parse(timestamps.to_text(micros)) == micros


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2024-03-01T10:00:00+00:00", "2024-03-01 10:00:00Z"),
        ("2024-03-01T15:30:00+05:30", "2024-03-01T10:00:00Z"),
        ("2024-03-01T09:00:00.1-01", "2024-03-01T10:00:00.100000Z"),
        ("0044-03-15T12:00:00.5+00:00 BC", "0044-03-15T12:00:00.5Z BC"),
        ("12000-01-01T00:00:00.000001+00:00", "12000-01-01T00:00:00.000001"),
        ("2024-03-01", "2024-03-01T00:00:00Z"),
    ],
)
def test_spellings_of_one_instant_are_equal(text: str, same: str) -> None:
    assert timestamps.parse(text) == timestamps.parse(same)


def test_the_infinities_are_beyond_everything() -> None:
    assert (timestamps.parse("-infinity"), timestamps.parse("infinity")) == (-inf, inf)
    assert timestamps.to_text(inf) == "infinity"


def test_a_shift_keeps_the_kind_of_the_text() -> None:
    assert timestamps.shifted("2024-03-01T00:00:00", -timedelta(minutes=15)) == "2024-02-29T23:45:00"
    assert (
        timestamps.shifted("2024-03-01T00:00:00.000001+00:00", -timedelta(seconds=1))
        == "2024-02-29T23:59:59.000001+00:00"
    )


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2024-03-01", "2024-02-29"),
        ("2024-03-01 00:10:00+02:00", "2024-02-29 23:55:00+02:00"),
        ("2024-03-01T00:10:00.5Z", "2024-02-29T23:55:00.5Z"),
        ("2024-03-01 00:10:00", "2024-02-29 23:55:00"),
        ("infinity", "infinity"),
    ],
)
def test_a_shift_keeps_the_form_of_the_text(text: str, moved: str) -> None:
    assert timestamps.shifted(text, -timedelta(minutes=15)) == moved
    if text != "infinity":
        assert timestamp_forms.forms([moved]) == timestamp_forms.forms([text])


def test_a_day_has_ended_when_it_is_over_everywhere() -> None:
    assert timestamps.ended("2024-03-01") == timestamps.parse("2024-03-02T12:00:00Z")
    assert timestamps.ended("2024-03-01T00:00:00") == timestamps.parse("2024-03-01T00:00:00Z")


@pytest.mark.parametrize("text", ["", "yesterday", "12:00", "7", "2024-13", "2024-13-45", "2024-00-01"])
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a timestamp"):
        timestamps.parse(text)
