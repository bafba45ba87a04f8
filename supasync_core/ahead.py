"""Read the next pages while the last ones are written."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T], most: int = 1) -> Iterator[T]:
    """The items in their order; a thread of its own fetches up to so many more while one is in use."""
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
    upcoming: deque[Future[list[T]]] = deque()
    try:
        while True:
            while len(upcoming) < most:
                upcoming.append(pool.submit(_take, items))
            item = upcoming.popleft().result()
            if not item:
                return
            upcoming.append(pool.submit(_take, items))
            yield item[0]
    finally:
        pool.shutdown(cancel_futures=True)


def _take(items: Iterator[T]) -> list[T]:
    """The next item in a list, an empty list at the end."""
    try:
        return [next(items)]
    except StopIteration:
        return []
