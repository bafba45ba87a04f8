"""Keys are counted to the last one, whether they fit into one set or not, and however often it is asked."""

import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.batch import Batch
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Column, Shape, Table
from supasync_core.sync import tally

TABLE = Table(name="people")


WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5)


def batch(keys: list[int] | list[str]) -> Batch:
    """One row for each."""
    return Batch(json.dumps([{"id": key} for key in keys]).encode())


@given(
    read=st.sampled_from([WHOLE, st.text("ab")]).flatmap(lambda kind: st.lists(st.lists(kind), min_size=1)),
    most=st.sampled_from([0, 3, 1000]),
)
def test_so_many_different_keys_were_met(read: list[list[int]] | list[list[str]], most: int) -> None:
    *pages, later = read
    met = {key for page in pages for key in page}
    keys = tally.Keys()
    with patch.object(tally, "_AT_ONCE", most):
        for page in pages:
            keys.add(TABLE, batch(page))
        assert keys.count() == keys.count() == len(met)
        keys.add(TABLE, batch(later))
        assert keys.count() == len(met | {*later})


def judged(*pages: list[int], at_first: int, now: int, primary: bool) -> None:
    """A load of these pages, of a table that had so many rows with its first page, and has so many now."""
    source = SimpleNamespace(count=lambda _: now, shape=lambda _: Shape((Column("id", key=primary),)))
    sink = SimpleNamespace(count=lambda _: len({key for page in pages for key in page}))
    migration: Any = SimpleNamespace(source=source, sink=sink)
    counted = tally.Tally(migration, TABLE, whole=True, mark=None)
    for page in pages:
        counted.sent(batch(page))
    counted.finished(at_first, left_out=0, aside=())


@pytest.mark.parametrize("primary", [True, False])
def test_rows_that_come_while_a_table_is_loaded_repeat_no_key(primary: bool) -> None:  # noqa: FBT001
    judged([1, 2, 3], [4, 9], [9], at_first=4, now=7, primary=primary)


def test_a_key_that_is_there_twice_is_told_where_the_source_does_not_rule_it_out() -> None:
    with pytest.raises(SchemaError, match=r"OLD has 5 rows, and they have 4 different keys \(id\)"):
        judged([1, 2, 2], [3, 4], at_first=5, now=5, primary=False)
    judged([1, 2, 2], [3, 4], at_first=5, now=5, primary=True)
