"""Room for pages: who waits, for how long, and what frees it."""

import threading
from collections.abc import Callable

from supasync_core.concurrency.memory_budget import BytesHeld
from supasync_core.model.batch import Batch


def _page(size: int) -> Batch:
    return Batch(b" " * size)


def _started(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_page_waits_until_nobody_holds_the_one_before() -> None:
    held = BytesHeld(most=100, patience=30)
    pages = [_page(80)]
    held.reserve(80)
    held.arrived(80, pages[0])
    asked = threading.Event()

    def ask() -> None:
        held.reserve(80)
        asked.set()

    waiting = _started(ask)
    assert not asked.wait(0.1)
    pages.clear()
    assert asked.wait(10)
    waiting.join()


def test_a_page_larger_than_all_room_is_read_when_nothing_else_is_held() -> None:
    assert BytesHeld(most=100, patience=0).reserve(1000)


def test_pages_that_fit_are_held_side_by_side() -> None:
    held = BytesHeld(most=100, patience=0)
    assert held.reserve(50)
    assert held.reserve(50)
    assert not held.reserve(1)


def test_small_pages_do_not_pass_a_large_one_that_waits() -> None:
    held = BytesHeld(most=100, patience=30)
    held.reserve(50)
    order: list[str] = []

    def ask(name: str, size: int) -> None:
        held.reserve(size)
        order.append(name)
        held.arrived(size, None)

    large = _started(lambda: ask("large", 90))
    while not held.waiting:
        pass
    small = _started(lambda: ask("small", 20))
    held.arrived(50, None)
    large.join()
    small.join()
    assert order == ["large", "small"]


def test_what_did_not_come_needs_no_room() -> None:
    held = BytesHeld(most=100, patience=0)
    held.reserve(100)
    held.arrived(100, None)
    assert held.reserve(100)
