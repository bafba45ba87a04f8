"""Keys are counted to the last one, whether they fit into one set or not, and however often it is asked."""

import json
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.batch import Batch
from supasync_core.model.table import Table
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
