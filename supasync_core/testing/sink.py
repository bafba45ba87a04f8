"""What every sink promises, as tests."""

# ruff: noqa: S101, PLR2004 - these are tests, though they are shipped

from collections.abc import Callable
from dataclasses import replace

import pytest

from supasync_core.backend import Sink
from supasync_core.batch import Batch
from supasync_core.errors import TableError
from supasync_core.testing.events import EVENTS, EXACT, event, events, ids, same_cell


class SinkContract:
    """What every sink promises. ``sink`` has no events yet; ``stored`` reads what it holds, in any order."""

    @pytest.fixture
    def sink(self) -> Sink:
        """Supply this."""
        raise NotImplementedError

    @pytest.fixture
    def stored(self, sink: Sink) -> Callable[[], Batch]:
        """Supply this."""
        raise NotImplementedError

    def test_a_batch_is_written(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """The number that comes back is that of its rows."""
        assert sink.upsert(EVENTS, events(event(1), event(2))) == 2
        assert sorted(ids(stored())) == [1, 2]
        assert sink.count(EVENTS) == 2

    def test_upserting_twice_keeps_one_row(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """A run that is made good writes the same rows again."""
        batch = events(event(1), event(2))
        assert [sink.upsert(EVENTS, batch), sink.upsert(EVENTS, batch)] == [2, 2]
        assert sorted(ids(stored())) == [1, 2]

    def test_the_latest_version_replaces_the_row(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """NULL replaces a value too."""
        sink.upsert(EVENTS, events(event(1, "12:00")))
        sink.upsert(EVENTS, events({"id": "1", "amount": "2.50"}))
        (row,) = stored().rows
        assert (row["label"], row["amount"], row["updated_at"]) == (None, "2.50", None)

    def test_other_columns_of_the_row_stay(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """A row is replaced in the batch's columns alone."""
        sink.upsert(EVENTS, events(event(1) | {"amount": "1.50"}))
        sink.upsert(EVENTS, Batch(b'[{"id":1,"label":"new"}]'))
        (row,) = stored().rows
        assert (row["label"], row["amount"]) == ("new", "1.50")

    def test_the_last_of_several_rows_with_one_key_wins(
        self, sink: Sink, stored: Callable[[], Batch]
    ) -> None:
        """A page read in two orders may hold a row twice."""
        batch = events(event(1) | {"label": '"first"'}, event(2), event(1) | {"label": '"last"'})
        assert sink.upsert(EVENTS, batch) == 3
        assert {row["id"]: row["label"] for row in stored().rows} == {"1": "last", "2": "row 2"}

    def test_all_rows_are_written_or_none(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """A batch with a row that cannot be written leaves everything as it was."""
        sink.upsert(EVENTS, events(event(1)))
        with pytest.raises(TableError):
            sink.upsert(EVENTS, events(event(2), {"id": "null"}, {"id": "1", "label": '"changed"'}))
        assert [(row["id"], row["label"]) for row in stored().rows] == [("1", "row 1")]

    def test_a_sink_works_on_after_a_refusal(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """The next batch is written as if nothing had been."""
        with pytest.raises(TableError):
            sink.upsert(EVENTS, events({"id": "null"}))
        assert sink.upsert(EVENTS, events(event(1))) == 1
        assert ids(stored()) == [1]

    @pytest.mark.parametrize("case", EXACT)
    def test_values_are_written_as_they_are(self, sink: Sink, stored: Callable[[], Batch], case: str) -> None:
        """Nothing is rounded, trimmed or printed anew."""
        column, text = EXACT[case]
        sink.upsert(EVENTS, events(event(1) | {column: text}))
        assert same_cell(stored(), column, text)

    def test_excluded_columns_are_not_written(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """Not even where the batch still has them."""
        sink.upsert(EVENTS, events(event(1)))
        sink.upsert(replace(EVENTS, exclude=("label",)), events({"id": "1", "label": '"new"', "amount": "2"}))
        (row,) = stored().rows
        assert (row["label"], row["amount"]) == ("row 1", "2")

    def test_an_empty_batch_writes_nothing(self, sink: Sink) -> None:
        """And is no error."""
        assert sink.upsert(EVENTS, Batch(b"[]")) == 0
