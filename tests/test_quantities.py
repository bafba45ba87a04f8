"""Durations and sizes: read by one grammar, printed in one form."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.quantities import format_duration, format_size, parse_duration, parse_size
from tests.servers.command import run

HOUR = timedelta(hours=1)


@given(st.integers(0, 36_500 * 86_400))
def test_a_printed_duration_reads_back(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1h30m", 1.5 * HOUR),
        ("90m", 1.5 * HOUR),
        ("1d", 24 * HOUR),
        ("0s", timedelta(0)),
        *((text, None) for text in ("", "15", "soon", "30m1h", "1.5h", "-1h", "1 h", "36501d", "999999999d")),
    ],
)
def test_durations_are_days_hours_minutes_and_seconds_in_this_order(
    text: str, length: timedelta | None
) -> None:
    assert parse_duration(text) == length


def test_a_duration_is_cut_to_its_largest_parts() -> None:
    length = timedelta(days=2, hours=1, seconds=5)
    assert (format_duration(length, 2), format_duration(length)) == ("2d1h", "2d1h5s")


@pytest.mark.parametrize(
    ("text", "number"),
    [("500MB", 500 * 10**6), ("1.5 gb", 1_500_000_000), ("1kB", 1000), ("0MB", None), ("5", None)],
)
def test_sizes_count_in_thousands(text: str, number: int | None) -> None:
    assert parse_size(text) == number


def test_sizes_are_printed_in_the_largest_unit() -> None:
    sizes = [0, 999, 1000, 1_500_000, 5 * 10**9, 5 * 10**15]
    assert [*map(format_size, sizes)] == ["0 bytes", "999 bytes", "1.0 kB", "1.5 MB", "5.0 GB", "5,000.0 TB"]


def test_options_have_the_grammar_of_tables_yaml(demo_made: Path) -> None:
    assert run(demo_made, "schedule", "cron", "--every", "2h").returncode == 0
    for every, said in (("1h30m", "divide an hour or a day evenly"), ("soon", "1h30m")):
        refused = run(demo_made, "schedule", "cron", "--every", every)
        assert refused.returncode == 2
        assert said in refused.stderr
    assert run(demo_made, "status", "--max-age", "1h30m").returncode == 0
