"""Rows that a query returns, a page at a time: fewer where they are long."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from duckdb import DuckDBPyConnection

MOST: Final = 1000
"""Rows of a page."""
LONG: Final = 8_000_000
"""Characters of a page with more than a row."""
_FIRST: Final = 20
"""Rows that are fetched before anybody knows how long they are."""


def pages(
    found: DuckDBPyConnection, size: Callable[[tuple[Any, ...]], int]
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows; ``size`` is how many characters one has."""
    page = _FIRST
    while rows := found.fetchmany(page):
        yield rows
        page = min(MOST, max(1, LONG * len(rows) // max(1, sum(map(size, rows)))))
