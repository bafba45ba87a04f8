"""A side whose pages come round is left after a few of them; one whose pages go on is read as ever."""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.api.pages import pages
from supasync_core.model.batch import Batch, Keyset, Span
from supasync_core.model.errors import TransientError
from supasync_core.model.page_order import Onward
from supasync_core.model.table import Table
from tests.hostile.server import answer, serving
from tests.hostile.test_answers import source

TABLE = Table(name="users", key=("id",))


def page(number: int) -> bytes:
    return json.dumps([{"id": f"k{number}", "updated_at": f"2024-01-{number + 1:02}T00:00:00"}]).encode()


@pytest.mark.parametrize("length", [1, 2, 3, 7])
@pytest.mark.parametrize("column", ["updated_at", None])
def test_pages_that_come_round_end(length: int, column: str | None, tmp_path: Path) -> None:
    numbers = itertools.count()

    def said(_: bytes) -> Iterator[bytes]:
        yield answer(page(next(numbers) % length))

    with serving(said) as url, closing(source(url, tmp_path)) as old, pytest.raises(TransientError) as told:
        for _ in pages(old, TABLE, Span(Keyset(column))):
            pass
    assert told.value.table == "users"
    assert next(numbers) < 40
    assert "again" in str(told.value)


def test_a_server_that_heeds_no_cursor_ends(tmp_path: Path) -> None:
    """It gives the rows up to the one it was asked to go on behind, for ever."""
    asked: list[str] = []

    def said(request: bytes) -> Iterator[bytes]:
        asked.append(unquote(request.split(b" ")[1].decode()))
        found = re.search(r"k(\d+)", asked[-1])
        yield answer(page((int(found[1]) * 5 + 3) % 25 if found else 0))

    with serving(said) as url, closing(source(url, tmp_path)) as old, pytest.raises(TransientError):
        for _ in pages(old, TABLE, Span(Keyset(None))):
            pass
    assert len(asked) < 200


def batch(place: int) -> Batch:
    return Batch(f'[{{"id":{place}}}]'.encode())


@given(st.integers(0, 40), st.integers(1, 40))
def test_every_circle_is_found(before: int, length: int) -> None:
    onward = Onward(TABLE)
    places = itertools.chain(range(before), itertools.cycle(range(before, before + length)))
    met = map(onward.behind, map(batch, itertools.islice(places, 6 * (before + length) + 4)))
    with pytest.raises(TransientError):
        list(met)


@given(st.lists(st.integers(), unique=True))
def test_places_that_differ_are_no_circle(places: list[int]) -> None:
    onward = Onward(TABLE)
    assert [onward.behind(batch(place)).key for place in places] == [(str(place),) for place in places]
