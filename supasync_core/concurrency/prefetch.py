"""Read the next pages while the last ones are written."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetch(
    items: Iterator[T], most: int = 1, meanwhile: Callable[[Future[list[T]]], None] | None = None
) -> Iterator[T]:
    """The items in their order; a thread of its own fetches up to so many more while one is in use.

    ``meanwhile`` is called with the future of an item before it is waited for. No item is held here once it
    is handed over.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
    upcoming: deque[Future[list[T]]] = deque()
    try:
        while True:
            while len(upcoming) <= most:
                upcoming.append(pool.submit(_take, items))
            if meanwhile:
                meanwhile(upcoming[0])
            item = upcoming.popleft().result()
            if not item:
                return
            yield item.pop()
    finally:
        pool.shutdown(cancel_futures=True)


def _take(items: Iterator[T]) -> list[T]:
    """The next item in a list, an empty list at the end."""
    try:
        return [next(items)]
    except StopIteration:
        return []
