"""Texts of others take no pattern longer than they are long."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from supasync_core.api.blind_spots import is_update_name
from supasync_core.model.batch import Batch
from supasync_core.model.storage_urls import StorageUrls
from supasync_core.system.files import defused
from supasync_rest.description import parse_description
from supasync_rest.messages import Response

TIMER = Path(__file__).with_name("time_patterns.py")


@pytest.mark.slow
def test_every_pattern_is_done_with_what_its_own_letters_repeat() -> None:
    """A process of its own: nothing ends a pattern that has begun."""
    try:
        done = subprocess.run(
            [sys.executable, TIMER], capture_output=True, text=True, timeout=240, check=False
        )
    except subprocess.TimeoutExpired as err:
        lines = (err.stdout or b"").decode().splitlines()
        raise AssertionError(f"no end in {lines[-1:]}") from None
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("SLOW")] == []


def test_a_name_of_any_length_is_judged_at_once() -> None:
    start = time.process_time()
    assert not is_update_name("datetime" * 8 + "x")
    assert not is_update_name("datetime" * 100_000 + "x")
    assert is_update_name("last_datetime_updated")
    assert time.process_time() - start < 1


def test_line_breaks_are_defused_at_once() -> None:
    start = time.process_time()
    assert defused("\n" * 64_000) == "\n" * 64_000
    assert defused("a\n \u200b;\t=1;=2\n3=4") == "a\n \u200b;\t'=1;'=2\n3=4"
    assert defused(";=1") == ";'=1"
    assert time.process_time() - start < 1


def test_urls_are_looked_for_in_any_number_of_backslashes_at_once() -> None:
    urls = StorageUrls("http://127.0.0.1")
    text = b'[{"x":"http://127.0.0.1' + b"\\" * 400_000 + b'"}]'
    start = time.process_time()
    assert urls.counts(Batch(text)) == {}
    assert urls.replaced(text.decode(), "http://127.0.0.2") == text.decode()
    assert time.process_time() - start < 2


def test_a_description_with_a_name_that_postgresql_cannot_have_is_none() -> None:
    def told(table: str, column: str) -> Response:
        body = f'{{"paths":{{}},"definitions":{{"{table}":{{"properties":{{"{column}":{{}}}}}}}}}}'
        return Response(200, {}, body.encode())

    assert parse_description(told("t" * 63, "c" * 63))
    assert parse_description(told("t" * 64, "c")) is None
    assert parse_description(told("t", "é" * 32)) is None
