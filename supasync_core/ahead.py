"""Read the next page while the last one is written."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The items in their order; one more is fetched by a thread of its own while the last is in use."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as pool:
        upcoming: Future[list[T]] = pool.submit(_take, items)
        while item := upcoming.result():
            upcoming = pool.submit(_take, items)
            yield item[0]


def _take(items: Iterator[T]) -> list[T]:
    """The next item in a list, an empty list at the end."""
    try:
        return [next(items)]
    except StopIteration:
        return []
