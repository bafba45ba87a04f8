"""Ranges and sums over versions: what they say never depends on pages, and any change shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.comparison_state import Range
from supasync_core.sync.comparison.ranges import MOST, Ahead, joined, number_of, printed

KEYS = st.lists(st.tuples(st.text(max_size=3)), min_size=1, max_size=12, unique=True)


def _ranges(keys: list[tuple[str]], versions: dict[tuple[str], str], bounds: set[int]) -> list[Range]:
    found: list[Range] = []
    total = rows = 0
    for i, key in enumerate(keys):
        total, rows = total + number_of(key, versions[key]), rows + 1
        if i in bounds or i == len(keys) - 1:
            found.append((key, printed(total), rows))
            total = rows = 0
    return found


@pytest.mark.slow
@given(keys=KEYS, data=st.data())
def test_ranges_that_are_joined_or_read_through_sum_up_all_their_rows(
    keys: list[tuple[str]], data: st.DataObject
) -> None:
    versions = {key: data.draw(st.text("0123456789", min_size=1, max_size=4)) for key in keys}
    bounds = data.draw(st.sets(st.integers(0, len(keys) - 1)))
    ranges = _ranges(keys, versions, bounds)
    whole = printed(sum(number_of(key, versions[key]) for key in keys))
    assert Ahead(ranges).through(None) == whole
    assert Ahead(joined(ranges)).through(keys[-1]) == whole
    ahead = Ahead(ranges)
    assert [ahead.through(key) for key in keys if key in ahead] == [text for _, text, _ in ranges]
    assert not ahead


@given(keys=KEYS, data=st.data())
def test_a_row_that_was_written_added_or_deleted_changes_the_sum(
    keys: list[tuple[str]], data: st.DataObject
) -> None:
    versions = dict.fromkeys(keys, "7")
    (before,) = _ranges(keys, versions, set())
    chosen = data.draw(st.sampled_from(keys))
    changed = versions | {chosen: "8"}
    assert _ranges(keys, changed, set()) != [before]
    rest = [key for key in keys if key != chosen]
    assert [text for _, text, _ in _ranges(rest, versions, set())] != [before[1]]


def test_ever_more_ranges_are_joined_to_ranges_of_about_one_size() -> None:
    ranges: list[Range] = []
    for number in range(20_000):
        ranges.append(((str(number),), printed(number), 1000))
        if len(ranges) > MOST:
            ranges = joined(ranges)
    assert MOST / 4 < len(ranges) <= MOST
    assert max(rows for _, _, rows in ranges) < 8 * 20_000_000 / MOST
    assert sum(rows for _, _, rows in ranges) == 20_000_000
    assert Ahead(ranges).through(None) == printed(sum(range(20_000)))
