"""What sources and sinks promise alike, as tests: what they hold is read as it is."""

# ruff: noqa: S101, PLR2004, D102 - these are tests, though they are shipped: a name says what is tested

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Barrier
from typing import ClassVar

import pytest

from supasync_core.api.backend import Side
from supasync_core.api.pages import pages
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Span, Window
from supasync_core.model.table import Table
from supasync_core.testing.sample_table import (
    ALL,
    EVENTS,
    UPDATED,
    event,
    events,
    exact_rows,
    ids,
    inexact,
    is_moment,
    moment,
)

_THREADS = 4
_ROUNDS = 4
_MOST_PAGES = 100
"""Of a reading of few rows: one that takes more never comes to its end."""


class SideContract:
    """What sources and sinks promise alike. ``holding`` makes one whose events are the rows of a batch."""

    parallel: ClassVar[bool] = False
    """Set it where the backend is registered as ``parallel``: several threads then use it at once."""

    @pytest.fixture
    def holding(self) -> Callable[[Batch], Side]:
        raise NotImplementedError

    def test_values_are_read_as_they_are(self, holding: Callable[[Batch], Side]) -> None:
        """Numbers with all their digits, texts with every character, json as it was written."""
        side = holding(exact_rows())
        assert inexact(_whole(side)) == []
        assert inexact(_looked_up(side, EVENTS, [str(row["id"]) for row in exact_rows().rows])) == []

    def test_values_are_the_same_in_a_choice_of_columns(self, holding: Callable[[Batch], Side]) -> None:
        """Columns that are chosen or left out are, and every other cell keeps its text, read or looked up.

        A side that decodes rows to leave a column out prints 1.10 as 1.1, 1e2 as 100.0, a large integer as a
        float, or a timestamp without its fraction.
        """
        rows, plain = _reprintable(), Table(name="events", timestamp=())
        side, keys = holding(rows), [str(row["id"]) for row in rows.rows]
        whole, looked_up = _cells(_whole(side, plain)), _cells(_looked_up(side, plain, keys))
        columns = [*rows.columns]
        choices = [replace(plain, exclude=(name,)) for name in columns if name != "id"]
        for table in (*choices, replace(plain, columns=("id", "amount", "payload"))):
            expected = table.columns or [name for name in columns if name not in table.exclude]
            for before, after in (
                (whole, _cells(_whole(side, table))),
                (looked_up, _cells(_looked_up(side, table, keys))),
            ):
                assert after == {
                    key: {name: cells[name] for name in expected} for key, cells in before.items()
                }

    def test_a_timestamp_keeps_its_moment_and_a_zone(self, holding: Callable[[Batch], Side]) -> None:
        """A text without a zone is another moment to each reader; a microsecond counts."""
        stamps = [
            "2024-05-01T14:00:00+02:00",
            "2024-05-01T12:00:00.000001+00:00",
            "2024-05-01T06:30:00-05:30",
        ]
        rows = ({"id": str(n), "updated_at": json.dumps(text)} for n, text in enumerate(stamps))
        found = {str(row["id"]): row["updated_at"] for row in _whole(holding(events(*rows))).rows}
        assert [text for n, text in enumerate(stamps) if not is_moment(found[str(n)], text)] == [], found

    def test_rows_are_found_by_their_values(self, holding: Callable[[Batch], Side]) -> None:
        """By whole values and whole tuples, of any column; a value that nothing has finds nothing."""
        labels = ["", "a,b", 'a"b', "(a)", "a.b", "a*", "null", "a", "ä", "A"]
        rows = [event(n) | {"label": json.dumps(label)} for n, label in enumerate(labels)]
        side = holding(events(*rows, event(11), event(100)))
        for n, label in enumerate(labels):
            assert _found(side, ["label"], [[label]]) == [n], label
        assert _found(side, ["id"], [["1"], ["100"], ["77"]]) == [1, 100]
        assert _found(side, ["label", "id"], [["a", "0"], ["", "7"], ["ä", "8"]]) == [8]
        assert _found(side, ["id"], [["77"]]) == _found(side, ["id"], []) == []

    def test_many_rows_are_found_at_once(self, holding: Callable[[Batch], Side]) -> None:
        """More than one request may name."""
        side = holding(events(*(event(n) for n in range(700))))
        assert _found(side, ["id"], [[str(n)] for n in range(1, 900, 2)]) == list(range(1, 700, 2))

    def test_counts_are_those_of_the_rows(self, holding: Callable[[Batch], Side]) -> None:
        """Of the table and of a window, whatever its limit."""
        side = holding(events(*(event(n, f"12:{n:02}") for n in range(7)), event(7)))
        assert side.count(EVENTS) == 8
        assert side.count(EVENTS, Window((Span(UPDATED, start=moment("12:02")),), limit=2)) == 5
        assert side.count(EVENTS, Window((Span(ALL),), limit=2)) == 8

    def test_a_page_is_no_longer_than_its_limit(self, holding: Callable[[Batch], Side]) -> None:
        """And has a row where there is any."""
        side = holding(events(*(event(n, "12:00") for n in range(5))))
        assert 0 < side.read(EVENTS, Window((Span(UPDATED),), 3)).count <= 3
        assert side.read(EVENTS, Window((Span(UPDATED),), 1)).count == 1

    def test_other_threads_may_use_it(self, holding: Callable[[Batch], Side]) -> None:
        """Several at once where it is ``parallel``, else one after the other: each gets its own answers."""
        side = holding(events(*(event(n, f"12:{n:02}") for n in range(_THREADS))))

        def ask(number: int) -> list[list[int]]:
            later = Window((Span(UPDATED, start=moment(f"12:{number:02}")),), 9)
            return [ids(side.read(EVENTS, later)), _found(side, ["id"], [[str(number)]])]

        expected = [[list(range(n, _THREADS)), [n]] for n in range(_THREADS)]
        for answers in in_threads(ask, parallel=self.parallel):
            assert answers == expected


def walk(side: Side, span: Span, limit: int = 2) -> list[int]:
    """The ids of all rows of the span, page after page; a reading that does not end fails."""
    found: list[int] = []
    for number, batch in enumerate(pages(side, replace(EVENTS, page_size=limit), span)):
        assert number < _MOST_PAGES, f"{_MOST_PAGES} pages of few rows: they do not end"
        found += ids(batch)
    return found


def in_threads(work: Callable[[int], object], *, parallel: bool) -> Iterator[list[object]]:
    """What the work gives for each number, several rounds of it: at once, or one thread after the other."""
    together = Barrier(_THREADS if parallel else 1)

    def begun(number: int) -> object:
        together.wait(timeout=60)
        return work(number)

    with _often(), ThreadPoolExecutor(_THREADS if parallel else 1) as pool:
        for _ in range(_ROUNDS if parallel else 1):
            yield list(pool.map(begun, range(_THREADS)))


@contextmanager
def _often() -> Iterator[None]:
    """Threads take turns as often as they can, so that what they share by mistake shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def _whole(side: Side, table: Table = EVENTS) -> Batch:
    return side.read(table, Window((Span(ALL),), 100))


def _reprintable() -> Batch:
    """The exact rows, and values that have another usual form."""
    return events(
        *map(raw_json.cells, exact_rows().rows.texts),
        event(101) | {"amount": "1.10", "payload": "1.10", "updated_at": '"2024-05-01T12:00:00.1+00:00"'},
        event(102) | {"amount": "100", "payload": "1e2", "created_at": '"2024-05-01T12:00:00.000001+00:00"'},
        event(103) | {"amount": "9007199254740993", "payload": "[9007199254740993, -0.0, 1E-7]"},
    )


def _cells(batch: Batch) -> dict[str, dict[str, str]]:
    """The raw JSON text of every cell, by the row's id."""
    return {
        str(row["id"]): raw_json.cells(text) for row, text in zip(batch.rows, batch.rows.texts, strict=True)
    }


def _looked_up(side: Side, table: Table, keys: Sequence[str]) -> Batch:
    found = side.rows(table, ["id"], [[key] for key in keys])
    return Batch(raw_json.join(text for batch in found for text in batch.rows.texts))


def _found(side: Side, columns: Sequence[str], values: Sequence[Sequence[str]]) -> list[int]:
    return sorted(each for batch in side.rows(EVENTS, columns, values) for each in ids(batch))
