"""Which test of its contract a liar has to fail."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T", bound=type)

CAUGHT_BY: dict[type, str] = {}
SESSIONS: dict[type, str] = {}
"""The liars of which each needs a PostgreSQL."""


def lie(caught_by: str, liars: dict[type, str] = CAUGHT_BY) -> Callable[[T], T]:
    """Mark a class that breaks the promise of this test; its docstring says how."""

    def mark(liar: T) -> T:
        liars[liar] = caught_by
        return liar

    return mark
