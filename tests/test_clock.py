"""Timestamps as PostgreSQL prints them."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model import timestamp_forms, timestamps
from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.page_order import refuse_falling
from supasync_core.model.table import Table


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


FORMS: tuple[Callable[[int], str], ...] = (
    timestamps.to_text,
    lambda at: timestamps.to_text(at).replace("Z", "+00:00"),
    lambda at: timestamps.to_text(at + 7_200_000_000).replace("Z", "+02:00"),
)


@given(
    st.lists(st.tuples(st.integers(0, 2_000_000_000_000_000), st.sampled_from(FORMS)), min_size=1),
    st.integers(0, 2_000_000_000_000_000) | st.none(),
)
def test_a_page_that_goes_back_in_time_is_refused(
    rows: list[tuple[int, Callable[[int], str]]], bound: int | None
) -> None:
    table = Table(name="events", key=("id",), timestamp=("at",))
    page = Batch(json.dumps([{"id": 1, "at": form(at)} for at, form in rows]).encode())
    span = Span(Keyset("at"), start=None if bound is None else timestamps.to_text(bound))
    moments = [*([] if bound is None else [bound]), *(at for at, _ in rows)]
    falls = any(at <= max(moments[:i], default=at) - 1_000_000 for i, at in enumerate(moments))
    with pytest.raises(SchemaError) if falls else nullcontext():
        refuse_falling(table, Window((span,), 10), page)


def test_infinities_follow_each_other() -> None:
    table = Table(name="events", key=("id",), timestamp=("at",))
    texts = ["-infinity", "-infinity", "2026-01-01", "infinity", "infinity"]
    rows = [{"id": i, "at": text} for i, text in enumerate(texts)]
    refuse_falling(table, Window((Span(Keyset("at")),), 10), Batch(json.dumps(rows).encode()))


def test_rows_that_come_by_key_may_go_back_in_time() -> None:
    table = Table(name="events", key=("id",), timestamp=("at",))
    page = Batch(b'[{"id": 1, "at": "2026-01-02"}, {"id": 2, "at": "2026-01-01"}]')
    refuse_falling(table, Window((Span(Keyset("at")),), 10, by_key=True), page)
    with pytest.raises(SchemaError):
        refuse_falling(table, Window((Span(Keyset("at")),), 10), page)


@pytest.mark.parametrize("value", ["now", "", 7, True, {"a": 1}, "\u0662026-01-01", "2026-01-01\u3000"])
def test_what_is_no_timestamp_stops_a_page_in_its_order(value: object) -> None:
    table = Table(name="events", key=("id",), timestamp=("at",))
    rows = [{"id": 1, "at": "2026-01-01"}, {"id": 2, "at": value}, {"id": 3, "at": "2026-01-01"}]
    with pytest.raises(SchemaError, match="is not a timestamp"):
        refuse_falling(table, Window((Span(Keyset("at")),), 10), Batch(json.dumps(rows).encode()))


@pytest.mark.parametrize("text", ["", "yesterday", "12:00", "7", "2024-13", "2024-13-45", "2024-00-01"])
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a timestamp"):
        timestamps.parse(text)
