"""What `reconcile clear` takes: all that is in the way, all that refers to it, and nothing else."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.reconcile.clear import BlockingRows
from tests.servers.postgres import Cluster
from tests.supasync_rest.rig import SCHEMA_SQL, Rig, rig

SQL = """
create table parents (id int primary key, mark int unique);
create table children (id int primary key, parent int references parents, above int references children);
grant all on parents, children to service_role;
"""
PARENTS = Table(name="parents", timestamp=())
CHILDREN = Table(name="children", timestamp=(), depends_on=("parents",))
Rows = tuple[Mapping[int, int], Mapping[int, tuple[int | None, int | None]]]


@st.composite
def sides(draw: st.DrawFn) -> Rows:
    """Parents with a unique mark each, and children that refer to some of them and to each other."""
    ids = st.integers(1, 6)
    marks = draw(st.lists(st.integers(1, 6), unique=True, max_size=6))
    parents = dict(zip(draw(st.permutations(range(1, 7))), marks, strict=False))
    known = draw(st.sets(ids, max_size=5))
    parent = st.sampled_from([*parents, None])
    above = st.sampled_from([*known, None])
    return parents, {key: (draw(parent), draw(above)) for key in known}


@pytest.fixture(scope="module")
def ends(cluster: Cluster) -> Iterator[tuple[Rig, Rig]]:
    with rig(cluster, SQL + SCHEMA_SQL) as old, rig(cluster, SQL + SCHEMA_SQL) as new:
        yield old, new


def fill(end: Rig, rows: Rows) -> None:
    end.run("truncate parents, children")
    parents, children = rows
    for key, mark in parents.items():
        end.run(f"insert into parents values ({key}, {mark})")  # noqa: S608 - numbers
    for key in children:
        end.run(f"insert into children values ({key})")  # noqa: S608 - as above
    for key, (parent, above) in children.items():
        values = f"parent = {parent or 'null'}, above = {above or 'null'}"
        end.run(f"update children set {values} where id = {key}")  # noqa: S608 - as above


@example(
    old=({1: 1}, {1: (1, 1), 2: (1, 1)}),
    new=({}, {1: (None, 3), 2: (None, 1), 3: (None, 1)}),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=sides(), new=sides())
def test_all_that_is_in_the_way_is_taken_with_all_that_refers_to_it_and_nothing_else(
    ends: tuple[Rig, Rig], old: Rows, new: Rows
) -> None:
    fill(ends[0], old)
    fill(ends[1], new)
    with closing(ends[0].source()) as source, closing(ends[1].sink()) as sink:
        parts: Any = SimpleNamespace(
            source=source,
            sink=sink,
            settings=SimpleNamespace(tables=(PARENTS, CHILDREN)),
            transforms=lambda _: [],
        )
        found = BlockingRows(cast("Migration", parts), State("old"))
        found.find((PARENTS, CHILDREN))
    gone = {int(key) for (key,) in found.rows.get("parents", {})}
    going = {int(key) for (key,) in found.rows.get("children", {})}
    refer = {key for key, (parent, above) in new[1].items() if parent in gone or above in going}
    for place, name in enumerate(("parents", "children")):
        theirs: Mapping[int, Any] = old[place]
        mine: Mapping[int, Any] = new[place]
        taken = {int(key): there for (key,), there in found.rows.get(name, {}).items()}
        assert set(taken) <= set(mine)
        assert all(there == (key in theirs) for key, there in taken.items())
        assert all(key not in theirs or (name == "children" and key in refer) for key in taken)
        if name not in found.empty:
            assert set(mine) - set(theirs) <= set(taken)
    assert refer <= going
