"""When a table is compared, by what: judged from the settings and the state alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from supasync_core.model import timestamps
from supasync_core.model.batch import Keyset
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.state import Deletes, TableState
from supasync_core.model.table import NEVER, Table
from supasync_core.project.migration import Migration
from supasync_core.sync.comparison.due import wanted

DAY = 86_400_000_000
LOADED = timestamps.parse("2026-01-01T00:00:00Z")


class Blind:
    """A project of which only one thing is asked: whether runs see updates."""

    def __init__(self, *kinds: str, column: str | None = "updated_at") -> None:
        self.kinds, self.column = kinds, column

    def strategy(self, _table: Table) -> "Blind":
        return self

    def keysets(self, _table: Table) -> tuple[Keyset, ...]:
        return (Keyset(self.column),)

    def unseen(self, _table: Table) -> tuple[str, ...]:
        """As the table's plugin says."""
        return self.kinds


def want(*kinds: str, **settings: Any) -> Any:
    return wanted(cast("Migration", Blind("deletes", *kinds)), Table(name="t", **settings))


@pytest.mark.parametrize(
    ("kinds", "settings", "found"),
    [
        ((), {}, None),
        (("updates",), {}, (True, False, 24)),
        ((), {"deletes": "report"}, (False, True, 24)),
        (("updates",), {"deletes": "mirror", "compare_every": timedelta(hours=6)}, (True, True, 6)),
        ((), {"compare_every": timedelta(hours=2)}, (True, False, 2)),
        (("updates",), {"compare_every": NEVER, "deletes": "mirror"}, None),
        (
            (),
            {"key": ("supasync_row",), "deletes": "mirror", "compare_every": timedelta(hours=2)},
            (False, True, 2),
        ),
    ],
)
def test_a_table_is_compared_where_that_finds_what_runs_do_not_see(
    kinds: tuple[str, ...], settings: dict[str, Any], found: tuple[bool, bool, int] | None
) -> None:
    made = want(*kinds, **settings)
    assert (made and (made.values, made.deletes, made.every / timedelta(hours=1))) == found


def test_the_first_comparison_that_counts_begins_an_overlap_after_the_first_load() -> None:
    made = want("updates", overlap=timedelta(minutes=15))
    state = TableState(comparison=Comparison(loaded_at=timestamps.to_text(LOADED)))
    early, late = LOADED + 14 * 60_000_000, LOADED + 15 * 60_000_000
    assert not made.is_due(state, early)
    assert made.is_due(state, late)
    walked = Comparison(loaded_at=timestamps.to_text(LOADED), walked_at=timestamps.to_text(early))
    state = TableState(comparison=walked, deletes=Deletes(timestamps.to_text(early)))
    assert made.is_due(state, late), "one that began before may have missed what was committed since"
    state = replace(state, comparison=replace(walked, walked_at=timestamps.to_text(late)))
    assert not made.is_due(state, late + 1)
    assert made.is_due(state, early + DAY)


def test_a_walk_under_way_goes_on_and_an_old_state_is_due() -> None:
    made = want("updates", deletes="report")
    assert made.is_due(TableState(), LOADED), "deletes are looked for from the first run on"
    under_way = Comparison(loaded_at=timestamps.to_text(LOADED), began_at=timestamps.to_text(LOADED))
    assert made.is_due(TableState(comparison=under_way, deletes=Deletes(timestamps.to_text(LOADED))), LOADED)


def test_an_unchanged_table_needs_no_walk_unless_something_is_unsure() -> None:
    made = want("updates", deletes="mirror")
    late = timestamps.to_text(LOADED + DAY)
    known = Comparison(loaded_at=timestamps.to_text(LOADED), walked_at=late, fingerprint="v1")
    state = TableState(comparison=known, deletes=Deletes(late))
    assert made.is_unchanged(state, "v1")
    assert not made.is_unchanged(state, "v2")
    assert not made.is_unchanged(state, None)
    assert not made.is_unchanged(state.unsure(), "v1"), "older rows may be in NEW"
    assert not made.is_unchanged(replace(state, deletes=Deletes(late, 1)), "v1"), (
        "rows that were held are tried again"
    )
    assert not made.is_unchanged(replace(state, comparison=replace(known, began_at=late)), "v1")


def test_what_is_read_by_a_number_is_compared_although_updates_are_seen() -> None:
    def by(column: str | None) -> object:
        return wanted(cast("Migration", Blind("deletes", column=column)), Table(name="t"))

    assert by("row_version")
    assert by("id")
    assert by("updated_at") is None
    assert by(None) is None
