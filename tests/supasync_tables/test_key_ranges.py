"""A large table is read in ranges of keys at once; a small one, and one that cannot be divided, is not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from supasync_core.api.strategy import Readers
from supasync_core.model.backfill_state import KeyRange
from supasync_core.model.batch import Batch, Key, Window
from supasync_core.model.errors import RefusedError, TransientError
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.project.live_source import live
from supasync_core.testing.memory_source import MemorySource, Pair
from supasync_tables.incremental import Incremental
from supasync_tables.key_ranges import AHEAD

TABLE = Table(name="events", page_size=3, overlap=timedelta(seconds=60))
HOUR = 3600


@dataclass
class Watched(MemorySource):
    """Notes the bounds that are asked for."""

    asked: list[tuple[Key, int]] = field(default_factory=list)

    def key_behind(self, table: Table, after: Key, rows: int) -> Key | None:
        self.asked.append((after, rows))
        return super().key_behind(table, after, rows)


def pair_of(rows: int, readers: int = 2, source: MemorySource | None = None) -> Pair:
    """Rows of a day ago and older, so that a row which is passed over is not read by its timestamp."""
    pair = Pair(Incremental(), TABLE, source or Watched(), readers=Readers(readers))
    for key in range(rows):
        pair.source.write(f"{key * key:09}", stamp=pair.source.now - (24 + key) * HOUR * 10**6, commit_at=0)
    return pair


def bounds(pair: Pair) -> list[tuple[Key, int]]:
    assert isinstance(pair.source, Watched)
    return pair.source.asked


@pytest.mark.parametrize("readers", [1, 2, 3])
def test_all_rows_come_however_many_read_them(readers: int) -> None:
    pair = pair_of(150, readers)
    assert pair.run() == 150
    assert pair.sink == pair.source.stored
    assert pair.state.backfill is None
    assert bool(bounds(pair)) == (readers > 1)


def test_a_small_table_costs_no_request_more() -> None:
    pair, alone = pair_of(50, readers=3), pair_of(50, readers=1)
    pair.run()
    alone.run()
    assert not bounds(pair)
    assert pair.source.pages == alone.source.pages


def test_each_reader_goes_on_until_enough_of_its_pages_wait() -> None:
    pair = pair_of(300, readers=3)
    pieces = pair.plugin.read(pair.job())
    taken = [next(pieces) for _ in range(9)]
    assert 3 < pair.source.pages - len(taken) <= 3 * AHEAD
    known = taken[-1].state.backfill
    assert known is not None
    assert known.rows == 27, "the state claims no row that was not handed on"
    for piece in taken:
        pair.sink.update({str(row["id"]): dict(row) for row in piece.batch.rows} if piece.batch else {})
    pair.state = taken[-1].state
    pair.run()
    assert pair.sink == pair.source.stored


def test_ranges_have_pages_of_rows_and_get_smaller_towards_the_end() -> None:
    pair = pair_of(400)
    pair.run()
    sizes = [rows for _, rows in bounds(pair)]
    assert sizes[0] == 32 * 3
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 4 * 3


def test_each_range_goes_on_where_it_was_with_fewer_readers_and_with_more() -> None:
    for readers in (1, 2, 5):
        pair = pair_of(150, readers=3)
        pair.run(die_after=9)
        known = pair.state.backfill
        assert known is not None
        assert len(known.ranges) == 3
        assert (known.rows, known.total) == (27, 150)
        assert known.ranges[0].behind > ("0",)
        confirmed = set(pair.sink)
        pair.readers, before = Readers(readers), pair.source.rows_read
        pair.run()
        assert pair.sink == pair.source.stored
        first = 150 - len(confirmed)
        assert pair.source.rows_read - before - first <= 3, "no range is read again from its beginning"


def test_changed_rows_that_a_scan_goes_on_with_are_read_once_by_one_reader() -> None:
    pair = pair_of(300, readers=3)
    for _ in range(2):
        pair.run()
        pair.source.advance(HOUR)
    pair.source.takes = 2  # seconds for a page, so that the key is scanned
    for key in (*range(20), *range(150, 300)):
        pair.source.write(f"{key * key:09}", stamp=pair.source.now, commit_at=0)
    pair.run(die_after=3)
    assert pair.state.backfill is not None
    bounds(pair).clear()
    before = pair.source.rows_read
    pair.run()
    assert pair.sink == pair.source.stored
    assert (bounds(pair), pair.source.rows_read - before < 2 * 170) == ([], True), (
        "the scan, then by timestamp"
    )


def test_a_state_of_one_place_goes_on_in_ranges_behind_it() -> None:
    pair = pair_of(150, readers=1)
    pair.run(die_after=5)
    assert pair.state.backfill is not None
    assert pair.state.backfill.ranges == ()
    behind = pair.state.backfill.behind
    pair.readers = Readers(3)
    pair.run()
    assert pair.sink == pair.source.stored
    assert bounds(pair)[0][0] > behind


def test_ranges_whose_ends_were_deleted_are_read_to_an_empty_page() -> None:
    pair = pair_of(150, readers=3)
    pair.run(die_after=6)
    assert pair.state.backfill is not None
    for each in pair.state.backfill.ranges:
        del pair.source.stored[each.to[0]]
    pair.run()
    assert pair.source.stored.items() <= pair.sink.items()
    assert pair.state.backfill is None


def test_a_page_of_a_range_that_did_not_come_is_made_good() -> None:
    """It looks like the range's end, in the first run and in one that goes on."""
    for died, page in ((0, 6), (9, 2), (9, 5), (9, 14)):
        pair = pair_of(150, readers=3)
        if died:
            pair.run(die_after=died)
        last = pair.source.pages + page

        def lose(pair: Pair = pair, last: int = last) -> None:
            pair.source.lost = int(pair.source.pages + 1 == last)

        pair.source.between_pages = lose
        pair.run()
        pair.source.between_pages = lambda: None
        for _ in range(2):
            pair.source.advance(HOUR)
            pair.run()
        assert pair.sink == pair.source.stored, (died, page)


def test_open_ranges_that_cannot_be_counted_are_read_and_named() -> None:
    pair = pair_of(150, readers=3)
    pair.run(die_after=9)

    def starved(_table: Table, _window: Window | None = None) -> int:
        raise TransientError("events: made up: canceling statement due to statement timeout")

    pair.source.count = starved  # type: ignore[assignment,method-assign]
    assert any("open ranges of keys were not counted" in note for note in notes(pair))
    assert pair.sink == pair.source.stored


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_bound_that_is_not_found_in_time_leaves_the_rest_to_one_reader(after: int) -> None:
    pair = pair_of(300)
    found = pair.source.key_behind

    def starved(table: Table, key: Key, rows: int) -> Key | None:
        if len(bounds(pair)) >= after:
            raise TransientError("events: made up: canceling statement due to statement timeout")
        return found(table, key, rows)

    pair.source.key_behind = starved  # type: ignore[assignment,method-assign]
    told = notes(pair)
    assert [note for note in told if "one reader reads the rest" in note] == told[:1]
    assert pair.sink == pair.source.stored


def notes(pair: Pair) -> list[str]:
    """What a run says; its pages go into the sink."""
    told = []
    for piece in pair.plugin.read(pair.job()):
        pair.sink.update({str(row["id"]): dict(row) for row in piece.batch.rows} if piece.batch else {})
        told += [piece.note] if piece.note else []
        pair.state = piece.state
    return told


def test_a_refusal_while_a_bound_is_looked_for_stops_the_table() -> None:
    pair = pair_of(150)

    def refused(_table: Table, _key: Key, _rows: int) -> Key | None:
        raise RefusedError("OLD is over its quota")

    pair.source.key_behind = refused  # type: ignore[assignment,method-assign]
    with pytest.raises(RefusedError):
        pair.run()


def test_a_bound_that_does_not_move_on_is_none() -> None:
    pair = pair_of(150)
    pair.source.key_behind = lambda _table, key, _rows: key  # type: ignore[assignment,method-assign]
    assert pair.run() == 150
    assert pair.sink == pair.source.stored


@pytest.mark.parametrize("ends", [("000000400", "000000081"), ("1", "2", "3", "4", "5", "6", "7", "8", "9")])
def test_ends_of_ranges_that_hold_no_row_are_asked_for_a_few_times(ends: tuple[str, ...]) -> None:
    pair, named = pair_of(300, readers=3), iter(ends * 100)
    pair.source.uncounted = 1
    asked: list[Key] = []

    def invented(_table: Table, key: Key, _rows: int) -> Key | None:
        asked.append(key)
        return (next(named),)

    pair.source.key_behind = invented  # type: ignore[assignment,method-assign]
    pair.source.most_pages = 200
    told = notes(pair)
    assert len(asked) < 9
    assert [note for note in told if "no row of OLD lies before the end" in note] == told[:1]
    assert pair.sink == pair.source.stored


def test_ends_of_ranges_pass_over_rows_that_are_marked_as_deleted() -> None:
    """Ranges of those alone would hold no row, as if their ends were invented."""
    table = replace(TABLE, soft_delete="deleted_at")
    pair, alone = pair_of(300), pair_of(200)
    for number, row in enumerate(pair.source.stored.values()):
        row["deleted_at"] = "2020-01-01T00:00:00Z" if 50 <= number < 150 else None
    pair.table = table
    pair.source, source = live(pair.source, [table]), pair.source  # type: ignore[assignment]
    assert notes(pair) == []
    assert len(pair.sink) == 200
    assert isinstance(source, Watched)
    alone.run()
    assert [rows for _, rows in source.asked] == [rows for _, rows in bounds(alone)]


def test_what_is_pending_is_what_the_open_ranges_and_the_rest_hold() -> None:
    pair = pair_of(150, readers=3)
    pair.run(die_after=9)
    pending = pair.plugin.pending(pair.job())
    assert pair.source.count(pair.table, pending) == 150 - len(pair.sink)
    assert pair.state.backfill is not None
    ranges = tuple(KeyRange(each.behind, (each.to[0] + "x" * 200,)) for each in pair.state.backfill.ranges)
    pair.state = TableState(backfill=replace(pair.state.backfill, ranges=ranges))
    (span,) = pair.plugin.pending(pair.job()).spans
    assert span.after is not None
    assert (span.after.key, span.to) == (ranges[0].behind, None), "no address names so many long keys"


@dataclass
class Slow(MemorySource):
    """The first page that a thread reads of a range waits for those of two others."""

    meeting: threading.Barrier = field(default_factory=lambda: threading.Barrier(3))
    turn: threading.Lock = field(default_factory=threading.Lock)
    met: set[int] = field(default_factory=set)

    def read(self, table: Table, window: Window) -> Batch:
        if window.spans[0].to is not None and threading.get_ident() not in self.met:
            self.met.add(threading.get_ident())
            self.meeting.wait(60)
        with self.turn:
            return super().read(table, window)

    def key_behind(self, table: Table, after: Key, rows: int) -> Key | None:
        with self.turn:
            return super().key_behind(table, after, rows)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


def test_threads_read_their_ranges_at_once(threads: ThreadPoolExecutor) -> None:
    source = Slow()
    pair = pair_of(300, source=source)
    pair.readers = Readers(3, threads)
    pair.run()
    assert len(source.met) == 3
    assert pair.sink == source.stored


def test_what_one_reader_meets_ends_the_table_and_all_readers(threads: ThreadPoolExecutor) -> None:
    source = Slow()
    pair = pair_of(300, source=source)
    pair.readers = Readers(3, threads)
    read = source.read

    def refused(table: Table, window: Window) -> Batch:
        if source.pages > 20:
            raise RefusedError("OLD is over its quota")
        return read(table, window)

    source.read = refused  # type: ignore[method-assign]
    with pytest.raises(RefusedError):
        pair.run()
    assert pair.sink.items() < source.stored.items()
    source.read = read  # type: ignore[method-assign]
    pair.run()
    assert pair.sink == source.stored
