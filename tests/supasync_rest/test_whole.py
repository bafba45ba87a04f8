"""A table without a key is read as it was at one moment, whatever is written while its pages are read."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.errors import TransientError
from supasync_core.model.row_key import ROW_KEY, row_keys
from supasync_core.model.table import Table
from supasync_rest.paging import RestPages
from tests.servers.postgres import Cluster
from tests.supasync_rest.rig import TABLES, Rig, rig

TABLE = Table(name="keyless", key=(ROW_KEY,), strategy="snapshot", deletes="report", page_size=4)
ALL = Window((Span(Keyset(None)),), 1000, counted=True)
START = "truncate keyless; insert into keyless select 'r' || (g % 7), g / 2 from generate_series(1, 14) g"
MOVES = [
    "update keyless set n = n where ctid = (select max(ctid) from keyless)",
    "update keyless set n = 100 where ctid = (select max(ctid) from keyless)",
    "delete from keyless where ctid = (select min(ctid) from keyless)",
    "insert into keyless values ('new', 1)",
    "vacuum keyless",
    "vacuum full keyless",
]
UPDATED, _, DELETED, _, _, REWRITTEN = MOVES


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Rig]:
    with rig(cluster, TABLES) as running:
        yield running


def shown(page: Batch) -> Counter[tuple[str, str]]:
    return Counter((row["name"], row["n"]) for row in page.rows)


def held(project: Rig) -> Counter[tuple[str, str]]:
    return Counter((name, str(n)) for name, n in project.run("select name, n from keyless"))


@settings(deadline=None, max_examples=40)
@given(moves=st.lists(st.tuples(st.integers(1, 12), st.sampled_from(MOVES)), max_size=6))
@example(moves=[(5, UPDATED), (11, DELETED), (11, REWRITTEN)])
def test_what_is_read_was_there_at_one_moment(project: Rig, moves: list[tuple[int, str]]) -> None:
    project.run(START)
    source = project.source()
    moments = [held(project)]
    asked = 0

    def disturbed(table: Table, window: Window) -> Batch:
        nonlocal asked
        asked += 1
        page = RestPages.read(source, table, window)
        for at, move in moves:
            if at == asked:
                project.run(move)
                moments.append(held(project))
        return page

    source._keyless.read = disturbed  # noqa: SLF001 - what happens between two requests cannot be timed otherwise
    found = shown(source.read(TABLE, ALL))
    assert found in moments


def test_a_table_that_never_rests_is_left_for_a_later_run(project: Rig) -> None:
    project.run(START)
    source = project.source()

    def disturbed(table: Table, window: Window) -> Batch:
        project.run("update keyless set n = n + 1")
        return RestPages.read(source, table, window)

    source._keyless.read = disturbed  # noqa: SLF001 - as above
    with pytest.raises(TransientError, match="rows were written during each attempt to read it as a whole"):
        source.read(TABLE, ALL)


def test_pages_are_ordered_by_key_and_rows_are_found_by_it(project: Rig) -> None:
    project.run(START)
    source = project.source()
    whole = source.read(TABLE, ALL)
    keys = [row[ROW_KEY] for row in whole.rows]
    assert (keys, whole.total, len(set(keys))) == (sorted(keys), 14, 14)
    (found,) = source.rows(TABLE, (ROW_KEY,), [(keys[3],), ("none",)])
    assert [row[ROW_KEY] for row in found.rows] == [keys[3]]
    narrow = replace(TABLE, columns=(ROW_KEY, "xmin"))
    assert list(source.read(narrow, ALL).rows[0]) == [ROW_KEY, "xmin"]
    assert source.count(TABLE) == 14


TEXTS = st.text(max_size=3)


@given(rows=st.lists(st.dictionaries(TEXTS, TEXTS, max_size=3), max_size=12))
def test_equal_rows_have_different_keys_and_the_same_ones_whatever_their_order(
    rows: list[dict[str, str]],
) -> None:
    keys = list(row_keys(rows))
    assert len(set(keys)) == len(rows)
    assert sorted(row_keys(reversed(rows))) == sorted(keys)
    firsts = {key.partition("-")[0] for key in keys}
    assert len(firsts) == len({tuple(sorted(row.items())) for row in rows})
