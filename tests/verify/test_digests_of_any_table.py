"""Whatever columns, key and values: equal tables have equal digests, and every change is found."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from psycopg import sql

from supasync_core.verify import digest_walk
from tests.e2e.test_any_table import Filled, tables, values
from tests.e2e.test_any_table import Pair as Ends
from tests.e2e.test_values import SCHEMA
from tests.e2e.workspace import ENDS, between
from tests.servers.postgres import Cluster
from tests.verify.conftest import Pair

PROVEN = ("bigint", "numeric", "boolean", "text", "character(5)", "uuid", "date")
Change = tuple[int, int, str | None]
SMALL = {"LEAST": 1, "FIRST": 3, "OF_PART": 2, "DEEPER": 4, "FEW": 1}


@pytest.fixture(scope="module")
def ends(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    """Two ends that compute digests."""
    declared = f"{ENDS}tables:\n  texts: {{strategy: snapshot}}\n"
    with between(cluster, tmp_path_factory.mktemp("any"), SCHEMA, SCHEMA, declared) as space:
        space.ready()
        space.old.run(space.supasync("schema", "sql", "--old").out)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in SMALL.items():
                patch.setattr(digest_walk, name, value)
            urls = [end.cluster.url(end.database) for end in (space.old, space.new)]
            with (
                psycopg.connect(urls[0], autocommit=True) as old,
                psycopg.connect(urls[1], autocommit=True) as new,
            ):
                yield Ends(space, old, new)


@st.composite
def changed(draw: st.DrawFn) -> tuple[Filled, list[Change]]:
    """A table, and changes: which row, which column, to which text; the first column's is a delete."""
    filled = draw(tables(PROVEN))
    kinds = [kind for _, kind in filled.columns]
    places = range(len(filled.key), len(kinds))
    cell = st.sampled_from([0, *places]).flatmap(
        lambda at: st.tuples(st.just(at), st.none() | values(kinds[at]) if at else st.none())
    )
    which = st.integers(0, len(filled.rows) - 1)
    found = draw(st.lists(st.builds(lambda row, new: (row, *new), which, cell), max_size=4))
    return filled, found


def apply(connection: psycopg.Connection, table: str, filled: Filled, change: Change) -> None:
    """Make one change on one side."""
    row, at, text = change
    name = sql.Identifier(table)
    cast = sql.SQL("{} = {}::text::{}")
    same = sql.SQL(" and ").join(
        cast.format(sql.Identifier(column), filled.rows[row][place], sql.SQL(filled.columns[place][1]))
        for place, column in enumerate(filled.key)
    )
    if not at:
        connection.execute(sql.SQL("delete from {} where {}").format(name, same))
        return
    column, kind = filled.columns[at]
    update = sql.SQL("update {} set {} where {}")
    new = cast.format(sql.Identifier(column), text, sql.SQL(kind))
    connection.execute(update.format(name, new, same))


def differing(ends: Ends, table: str, filled: Filled) -> dict[tuple[str, ...], set[str]]:
    """By key, the columns that differ in PostgreSQL's own text; none of a row that one side alone has."""
    names = [name for name, _ in filled.columns]
    shown = sql.SQL("to_jsonb({}) #>> '{{}}'")
    key = sql.SQL(", ").join(shown.format(sql.Identifier(each)) for each in filled.key)
    cells = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(each)) for each in names)
    query = sql.SQL("select array[{}], array[{}] from {}").format(key, cells, sql.Identifier(table))
    old, new = ({tuple(name): each for name, each in side.execute(query)} for side in (ends.old, ends.new))
    found: dict[tuple[str, ...], set[str]] = {}
    for each in old.keys() | new.keys():
        if old.get(each) != new.get(each):
            both = zip(names, old.get(each, []), new.get(each, []), strict=False)
            found[each] = {name for name, mine, theirs in both if mine != theirs}
    return found


@settings(
    max_examples=16, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(drawn=changed(), side=st.sampled_from(["old", "new"]))
def test_equal_tables_are_equal_and_every_change_is_found(
    ends: Ends, drawn: tuple[Filled, list[Change]], side: str
) -> None:
    filled, changes = drawn
    table = ends.fill(filled)
    copied = sql.SQL("copy {} to stdout").format(sql.Identifier(table))
    with ends.old.cursor().copy(copied) as rows:
        data = b"".join(rows)
    with ends.new.cursor().copy(sql.SQL("copy {} from stdin").format(sql.Identifier(table))) as into:
        into.write(data)
    declared = filled.settings(table)
    verdict = Pair(ends.space).one(table, declared)
    assert (verdict.method, verdict.equal) == ("digests", True), verdict
    for change in changes:
        try:
            apply(getattr(ends, side), table, filled, change)
        except psycopg.Error:
            reject()
    expected = differing(ends, table, filled)
    verdict = Pair(ends.space).one(table, declared)
    if verdict.method != "digests":  # a key of a thousand digits
        assert (verdict.method, "too long" in str(verdict.read_because)) == ("whole rows", True)
        assert set(verdict.changed) <= expected.keys()
        return
    found = {key: set(names) for key, names in verdict.changed.items()}
    found |= {key: set() for key in (*verdict.missing, *verdict.extra)}
    spelled = {name for name, kind in filled.columns if kind == "json"}
    assert verdict.unlooked == 0
    for key in expected.keys() | found.keys():
        apart = expected.get(key, set()) - found.get(key, set())
        assert found.get(key, set()) <= expected[key], (key, verdict)
        assert apart <= spelled, (key, verdict)
