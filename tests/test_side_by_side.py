"""Tables and batches side by side: what waits for what, and in which order things are confirmed."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.api.strategy import Piece
from supasync_core.concurrency.rwlock import ReadWriteLock
from supasync_core.concurrency.scheduler import run_in_dependency_order
from supasync_core.model.batch import Batch
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.sync.pipeline import EVERY_KEY, InFlight, Page, PendingBatch


@dataclass
class Diary:
    """Who was inside when."""

    inside: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, name: str, seconds: float = 0.002) -> None:
        with self.lock:
            self.inside.append(name)
            self.most = max(self.most, len(self.inside))
        time.sleep(seconds)
        with self.lock:
            self.inside.remove(name)
            self.ended.append(name)


@given(
    parents=st.lists(st.sets(st.integers(0, 7), max_size=3), min_size=1, max_size=8),
    workers=st.integers(1, 4),
)
@settings(max_examples=40, deadline=None)
def test_parents_end_before_their_children_begin(parents: list[set[int]], workers: int) -> None:
    tables = [
        Table(name=f"t{i}", depends_on=tuple(f"t{k}" for k in sorted(each) if k < i))
        for i, each in enumerate(parents)
    ]
    diary = Diary()

    def work(table: Table) -> None:
        assert set(table.depends_on) <= set(diary.ended)
        diary.work(table.name)

    run_in_dependency_order(tables, workers, work, lambda: None)
    assert sorted(diary.ended) == sorted(table.name for table in tables)
    assert diary.most <= workers


@pytest.mark.parametrize("workers", [1, 3])
def test_what_one_table_raises_ends_all_once_the_others_have_stopped(workers: int) -> None:
    diary, stopped = Diary(), threading.Event()

    def work(table: Table) -> None:
        if table.name == "bad":
            raise ValueError("bad")
        while workers > 1 and not stopped.is_set():
            time.sleep(0.001)
        diary.work(table.name)

    tables = [Table(name="bad"), *(Table(name=f"t{i}") for i in range(5))]
    with pytest.raises(ValueError, match="bad"):
        run_in_dependency_order(tables, workers, work, stopped.set)
    assert stopped.is_set()
    assert len(diary.ended) == (2 if workers > 1 else 0)
    assert not diary.inside


def test_who_passes_a_gate_alone_is_alone() -> None:
    gate, diary = ReadWriteLock(), Diary()

    def shared() -> None:
        with gate.shared():
            assert "alone" not in diary.inside
            diary.work("together")

    def exclusive() -> None:
        with gate.exclusive():
            assert not diary.inside
            diary.work("alone")

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(exclusive if i % 4 == 0 else shared) for i in range(40)]
    for each in done:
        each.result()
    assert diary.most > 1


def _pending(keys: Iterable[int | str] | None) -> PendingBatch:
    batch = Batch(json.dumps([{"id": key} for key in keys or ()]).encode())
    page = Page(Piece(batch, TableState()), batch)
    return PendingBatch((page,), EVERY_KEY if keys is None else frozenset(keys))


def _fly(waiting: list[PendingBatch], most: int, send: Callable[[Batch], None]) -> list[PendingBatch]:
    landed: list[PendingBatch] = []
    with ThreadPoolExecutor(4) as pool:
        in_flight = InFlight(pool, most)
        for pending in waiting:
            in_flight.waiting = pending
            landed += in_flight.room()
            in_flight.start(send)
        landed += in_flight.rest()
    return landed


@given(
    batches=st.lists(st.none() | st.sets(st.integers(0, 9), min_size=1, max_size=3), max_size=10),
    most=st.integers(1, 4),
)
@settings(max_examples=40, deadline=None)
def test_two_versions_of_a_row_are_never_on_their_way_at_once(
    batches: list[set[int] | None], most: int
) -> None:
    """And what is confirmed is confirmed in the order of reading, whatever arrives first."""
    diary = Diary()
    waiting = [_pending(keys) for keys in batches]

    def send(batch: Batch) -> None:
        keys = {row["id"] for row in batch.rows}
        with diary.lock:
            assert keys.isdisjoint(key for name in diary.inside for key in name.split())
        diary.work(" ".join(sorted(keys)), seconds=0.001 * (len(keys) % 3))

    landed = _fly(waiting, most, send)
    assert [pending.pages for pending in landed] == [pending.pages for pending in waiting]
    for pending in landed:
        pending.sent.result()
    assert diary.most <= most


@given(pages=st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=3), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_pages_that_wait_for_room_go_as_one_batch_and_each_row_goes_once_and_in_order(
    pages: list[set[int]],
) -> None:
    go, sent = threading.Event(), list[list[str]]()

    def send(batch: Batch) -> None:
        assert go.wait(5)
        assert batch.keys(("id",)) == Batch(batch.body).keys(("id",))
        sent.append([row["id"] for row in Batch(batch.body).rows])

    landed: list[PendingBatch] = []
    with ThreadPoolExecutor(1) as pool:
        in_flight = InFlight(pool, 1)
        for pending in map(_pending, [[99], *pages]):
            if not in_flight.joins(pending, 6):
                if in_flight.waiting and in_flight.queue:
                    go.set()
                landed += in_flight.room()
                in_flight.start(send)
                in_flight.waiting = pending
            if in_flight.has_room():
                in_flight.start(send)
        go.set()
        landed += in_flight.room()
        in_flight.start(send)
        landed += in_flight.rest()
    assert [page.batch for each in landed for page in each.pages] == [
        page.batch for pending in map(_pending, [[99], *pages]) for page in pending.pages
    ]
    assert [key for batch in sent for key in batch] == [str(key) for each in [[99], *pages] for key in each]
    assert all(len(set(batch)) == len(batch) <= 6 for batch in sent)
    assert len(pages) < 2 or not pages[0].isdisjoint(pages[1]) or len(sent) <= len(pages)


def test_a_batch_that_arrives_early_makes_room_and_is_confirmed_in_its_turn() -> None:
    """The first one is answered once the third has been sent; with a longer lead it is not waited for."""
    third = threading.Event()
    waiting = [_pending([i]) for i in range(5)]

    def send(batch: Batch) -> None:
        if batch.rows[0]["id"] == "0":
            assert third.wait(5)
        elif batch.rows[0]["id"] == "2":
            third.set()

    assert [pending.pages for pending in _fly(waiting, 2, send)] == [pending.pages for pending in waiting]


def test_so_many_batches_wait_at_most_for_an_earlier_one_and_none_is_sent_behind_one_that_failed() -> None:
    go, sent = threading.Event(), []

    def send(batch: Batch) -> None:
        sent.append(key := batch.rows[0]["id"])
        if key == "0":
            assert go.wait(5)
        if key == "bad":
            raise ValueError(key)

    with ThreadPoolExecutor(4) as pool:
        for rest, most in ((["1", "2", "3"], 3), (["bad"], 1)):
            sent.clear()
            go.clear()
            in_flight = InFlight(pool, 2)
            for key in ["0", *rest]:
                in_flight.waiting = _pending([key])
                in_flight.start(send)
            time.sleep(0.05)
            in_flight.waiting = _pending(["next"])
            room = pool.submit(list, in_flight.room())
            time.sleep(0.05)
            assert not room.done()
            assert len(sent) == most + 1
            go.set()
            assert len(room.result(5)) == most + 1


def test_a_piece_without_rows_is_confirmed_in_its_place() -> None:
    gone = threading.Event()
    waiting = [
        _pending([1]),
        PendingBatch((Page(Piece(None, TableState(future_rows=7)), None),)),
        _pending([2]),
    ]

    def send(batch: Batch) -> None:
        if batch.rows[0]["id"] == "1":
            assert gone.wait(5)
        else:
            gone.set()

    assert [pending.pages for pending in _fly(waiting, 2, send)] == [pending.pages for pending in waiting]
