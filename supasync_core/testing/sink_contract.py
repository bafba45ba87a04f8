"""What every sink promises, as tests."""

# ruff: noqa: S101, PLR2004, D102 - these are tests, though they are shipped: a name says what is tested

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from supasync_core.api.backend import Buffered, Side, Sink
from supasync_core.api.pages import pages
from supasync_core.api.registration import Fence
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Span, Window
from supasync_core.model.errors import LockedError, TableError
from supasync_core.testing.sample_table import ALL, EVENTS, event, events, ids
from supasync_core.testing.side_contract import SideContract, in_threads


class SinkContract(SideContract):
    """What every sink promises. ``opened`` opens the same sink again; it has no events at first."""

    @pytest.fixture
    def opened(self) -> Callable[[], Sink]:
        raise NotImplementedError

    @pytest.fixture
    def sink(self, opened: Callable[[], Sink]) -> Sink:
        """The sink that a test writes to."""
        return opened()

    @pytest.fixture
    def fenced(self) -> Callable[[Fence], Sink] | None:
        """Opens the same sink with a fence, so that a lost lease can be tried; None leaves that out."""
        return None

    @pytest.fixture
    def stored(self, sink: Sink, opened: Callable[[], Sink]) -> Callable[[], Batch]:
        """What another process would find: the sink is closed, and opened again."""

        def read() -> Batch:
            sink.close()
            found = pages(opened(), EVENTS)
            return Batch(raw_json.join(text for batch in found for text in batch.rows.texts))

        return read

    @pytest.fixture
    def holding(self, sink: Sink, opened: Callable[[], Sink]) -> Callable[[Batch], Side]:
        def hold(batch: Batch) -> Side:
            assert sink.upsert(EVENTS, batch) == batch.count
            sink.close()
            return opened()

        return hold

    def test_a_batch_is_written(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """The number that comes back is that of its rows."""
        assert sink.upsert(EVENTS, events(event(1), event(2))) == 2
        assert sink.count(EVENTS) == 2
        assert sorted(ids(stored())) == [1, 2]

    def test_upserting_twice_keeps_one_row(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """A run after a failed one writes the same rows again."""
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
        sink.upsert(EVENTS, events(event(1) | {"amount": "1.50"}))
        sink.upsert(EVENTS, Batch(b'[{"id":1,"label":"new"}]'))
        (row,) = stored().rows
        assert (row["label"], row["amount"]) == ("new", "1.50")

    def test_the_last_of_several_rows_with_one_key_wins(
        self, sink: Sink, stored: Callable[[], Batch]
    ) -> None:
        """A page that is read in two orders may hold a row twice."""
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
        with pytest.raises(TableError):
            sink.upsert(EVENTS, events({"id": "null"}))
        assert sink.upsert(EVENTS, events(event(1))) == 1
        assert ids(stored()) == [1]

    def test_a_value_belongs_to_the_column_of_its_name(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """Rows of one batch may have their columns in another order."""
        sink.upsert(EVENTS, Batch(b'[{"id":1,"label":"a","amount":1},{"amount":7,"label":"b","id":2}]'))
        assert {row["id"]: (row["label"], row["amount"]) for row in stored().rows} == {
            "1": ("a", "1"),
            "2": ("b", "7"),
        }

    def test_batches_of_other_threads_are_written(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """Several at once where it is ``parallel``, else one after the other."""

        def write(number: int) -> int:
            return sink.upsert(EVENTS, events(*(event(n) for n in range(number * 10, number * 10 + 5))))

        for written in in_threads(write, parallel=self.parallel):
            assert written == [5, 5, 5, 5]
        assert sorted(ids(stored())) == [n * 10 + i for n in range(4) for i in range(5)]

    def test_excluded_columns_are_not_written(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """Not even where the batch still has them."""
        sink.upsert(EVENTS, events(event(1)))
        new = events({"id": "1", "label": '"new"', "amount": "2.50", "payload": '{"a" : 1.50}'})
        sink.upsert(replace(EVENTS, exclude=("label",)), new)
        found = stored()
        (row,) = found.rows
        assert (row["label"], row["amount"]) == ("row 1", "2.50")
        assert raw_json.cells(found.rows.texts[0])["payload"] == '{"a" : 1.50}'

    def test_it_can_be_read_page_by_page(self, sink: Sink) -> None:
        """So that both sides can be compared; a page of a key range ends with the range's last row."""
        assert sink.upsert(EVENTS, events(*(event(n, "12:00") for n in (1, 2, 3, 10)))) == 4
        seen = [each for batch in pages(sink, replace(EVENTS, page_size=3)) for each in ids(batch)]
        assert sorted(seen) == [1, 2, 3, 10]
        until = Span(ALL, to=(str(seen[1]),))
        assert ids(sink.read(EVENTS, Window((until,), 9))) == seen[:2]

    def test_a_column_that_it_does_not_have_is_not_passed_over(
        self, sink: Sink, stored: Callable[[], Batch]
    ) -> None:
        """It is refused, or added: rows that lack a column look like whole ones."""
        try:
            sink.upsert(EVENTS, Batch(b'[{"id":1,"label":"a","colour":"red"}]'))
        except TableError:
            return
        assert [row.get("colour") for row in stored().rows] == ["red"]

    def test_without_the_lease_nothing_is_written(
        self, sink: Sink, fenced: Callable[[Fence], Sink] | None, stored: Callable[[], Batch]
    ) -> None:
        """The fence is asked before each write: another run may have written newer rows."""
        if fenced is None:
            return
        sink.upsert(EVENTS, events(event(1)))
        sink.close()
        late = fenced(Fence(ask=_lost))
        with pytest.raises(LockedError):
            late.upsert(EVENTS, events(event(2)))
        with pytest.raises(LockedError):
            late.delete(EVENTS, [("1",)])
        late.close()
        assert ids(stored()) == [1]

    def test_rows_are_deleted_by_key(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """The number that comes back is that of the rows that were there."""
        sink.upsert(EVENTS, events(*(event(n) for n in (1, 2, 3, 4, 5, 20, 22, 42))))
        assert sink.delete(EVENTS, [("2",), ("4",), ("77",)]) == 2
        assert sorted(ids(stored())) == [1, 3, 5, 20, 22, 42]

    def test_without_a_key_nothing_is_deleted(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """A list that happens to be empty never means every row."""
        sink.upsert(EVENTS, events(event(1)))
        assert sink.delete(EVENTS, []) == 0
        assert ids(stored()) == [1]

    @pytest.mark.parametrize("key", [(), ("1", "2"), ("1\0",)])
    def test_what_is_no_key_deletes_nothing(
        self, sink: Sink, stored: Callable[[], Batch], key: tuple[str, ...]
    ) -> None:
        """It is refused as a whole, before anything is deleted."""
        sink.upsert(EVENTS, events(event(1), event(2)))
        with pytest.raises(TableError):
            sink.delete(EVENTS, [("2",), key])
        assert sorted(ids(stored())) == [1, 2]

    def test_keys_of_any_text_are_deleted_exactly(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        """Commas, quotes, dots and brackets mean nothing; the empty text is a key like any other."""
        by_label = replace(EVENTS, key=("label", "id"))
        labels = ["", "a,b", 'a"b', "a.b", "(a)", "a\\b", "ä", "*", "null", "a%2Cb", "'", "a"]
        rows = [{**event(n), "label": json.dumps(label)} for n, label in enumerate(labels)]
        sink.upsert(EVENTS, events(*rows))
        for n, label in enumerate(labels):
            assert sink.delete(by_label, [(label, "99"), (label, str(n))]) == 1, label
        assert stored().count == 0

    def test_many_keys_are_deleted(self, sink: Sink, stored: Callable[[], Batch]) -> None:
        sink.upsert(EVENTS, events(*(event(n) for n in range(900))))
        assert sink.delete(EVENTS, [(str(n),) for n in range(899)]) == 899
        assert ids(stored()) == [899]

    def test_what_is_flushed_is_there_before_it_is_closed(
        self, sink: Sink, opened: Callable[[], Sink]
    ) -> None:
        """A sink that is `Buffered` loses what it holds with its process, and the run's state is saved."""
        sink.upsert(EVENTS, events(event(1), event(2)))
        sink.delete(EVENTS, [("2",)])
        if isinstance(sink, Buffered):
            sink.flush()
            other = opened()
            assert [each for batch in pages(other, EVENTS) for each in ids(batch)] == [1]
            other.close()

    def test_an_empty_batch_writes_nothing(self, sink: Sink) -> None:
        assert sink.upsert(EVENTS, Batch(b"[]")) == 0


def _lost() -> None:
    raise LockedError("another run has the lease")
