"""What a run notes of a source whose pages take long: see the keys of `slow_pages`."""

import pytest

from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.table import Table
from supasync_core.sync.slow_pages import SlowPages
from supasync_core.testing.memory_source import MemorySource

TABLE = Table(
    name="posts", schema="app", table="Post", timestamp=("updated_at", "created_at"), key=("a", "b")
)
SECOND = Keyset("created_at", ("updated_at",))


def notes(keyset: Keyset, takes: float, *, uncounted: int = 0) -> list[str]:
    """After two pages of a keyset."""
    pages = SlowPages(MemorySource(takes=takes, uncounted=uncounted))
    for counted in (True, False):
        pages.read(TABLE, Window((Span(keyset),), 10, counted=counted))
    return list(pages.notes(TABLE))


def test_a_slow_page_is_noted_once_with_the_statement() -> None:
    (told,) = notes(SECOND, 3.5)
    assert told.startswith("posts: a page in the order of created_at took 3.5 s; if OLD has no index for it")
    statement = (
        'create index concurrently on "app"."Post" ("created_at", "a", "b") where "updated_at" is null;'
    )
    assert told.endswith(statement)


@pytest.mark.parametrize(("keyset", "takes"), [(Keyset("updated_at"), 1.9), (Keyset(None), 9.0)])
def test_a_quick_page_and_one_by_key_are_not(keyset: Keyset, takes: float) -> None:
    assert notes(keyset, takes) == []


def test_a_count_that_took_too_long_is_noted() -> None:
    assert notes(Keyset(None), 1, uncounted=1) == [
        "posts: OLD did not count its rows in time; they were read until no more came"
    ]
