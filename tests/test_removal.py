"""Rows are removed from a real project under guards, and brought back from a real staging."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supasync_core.model.batch import Key
from supasync_core.model.errors import SchemaError, StateError
from supasync_core.model.table import Table
from supasync_core.staging.staging_file import Staging
from supasync_core.sync import removal
from supasync_core.sync.removal import DeletePlan, Place
from tests.servers.postgres import Cluster
from tests.supasync_rest.rig import SCHEMA_SQL, Rig, rig

AT = "2026-05-01T12:00:00Z"
SQL = """
create table parents (id int primary key, name text, price numeric, doc json);
create table children (id int primary key, parent int references parents on delete cascade,
  friend int references children);
create table pairs (tenant int, code text, primary key (tenant, code));
grant all on parents, children, pairs to service_role;
"""
PARENTS = Table(name="parents", timestamp=())
CHILDREN = Table(name="children", timestamp=(), depends_on=("parents",))
PAIRS = Table(name="pairs", key=("tenant", "code"), timestamp=())


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Rig]:
    with rig(cluster, SQL + SCHEMA_SQL) as running:
        yield running


@pytest.fixture
def project(shared: Rig) -> Rig:
    """Forty parents, of which the last ten have a child each."""
    shared.run("truncate parents, children, pairs")
    shared.run(
        "insert into parents select n, 'p' || n, 1.50, '{ \"a\": 1.10 }' from generate_series(1, 40) n"
    )
    shared.run("insert into children select n, n, null from generate_series(31, 40) n")
    return shared


@pytest.fixture
def place(project: Rig, tmp_path: Path) -> Iterator[Place]:
    with closing(Staging(tmp_path / "staging.duckdb")) as staging, closing(project.sink()) as sink:
        yield Place(
            sink=sink, sink_ref="new", source_ref="old", tables=(PARENTS, CHILDREN, PAIRS), evidence=staging
        )


def see(place: Place, table: Table, *keys: Key) -> None:
    place.evidence.sighted("old", table, dict.fromkeys(keys))
    place.evidence.keep_sighted("old", table)


def ids(project: Rig, table: str) -> list[int]:
    return [row[0] for row in project.run(f"select id from {table} order by 1")]  # noqa: S608 - a fixed name


def weighed(place: Place, table: Table, *keys: str) -> DeletePlan:
    return removal.weigh(place, table, [(key,) for key in keys], ceiling=100)


def test_rows_that_old_was_never_seen_to_have_are_left_alone(place: Place, project: Rig) -> None:
    see(place, PARENTS, ("1",), ("2",))
    plan = weighed(place, PARENTS, "1", "2", "3")
    assert (plan.keys, plan.unproven) == ((("1",), ("2",)), (("3",),))
    removal.remove(place, [plan], AT)
    assert ids(project, "parents")[0] == 3


def test_what_another_project_had_proves_nothing(place: Place) -> None:
    place.evidence.sighted("elsewhere", PARENTS, {("1",): None})
    place.evidence.keep_sighted("elsewhere", PARENTS)
    assert weighed(place, PARENTS, "1").keys == ()


def test_more_rows_than_the_ceiling_are_refused_as_a_whole(place: Place, project: Rig) -> None:
    see(place, PARENTS, ("1",), ("2",), ("3",))
    plan = removal.weigh(place, PARENTS, [("1",), ("2",), ("3",)])
    assert plan.ceiling == 2  # 5 % of 40
    assert "the limit is 2" in (plan.refused or "")
    (done,) = removal.remove(place, [plan], AT)[1]
    assert done.error is not None
    assert len(ids(project, "parents")) == 40


@pytest.mark.parametrize(("rows", "ceiling"), [(0, 1), (10, 1), (40, 2), (1000, 50), (1_000_000, 100)])
def test_the_ceiling_is_the_smaller_of_100_rows_and_5_percent_but_always_one(rows: int, ceiling: int) -> None:
    assert removal.ceiling_of(rows) == ceiling


def test_children_go_first_and_undo_brings_parents_first(place: Place, project: Rig) -> None:
    see(place, PARENTS, ("40",))
    see(place, CHILDREN, ("40",))
    project.run("update children set friend = 40 where id = 40")
    before = project.run("select p::text from parents p order by id"), ids(project, "children")
    plans = [weighed(place, PARENTS, "40"), weighed(place, CHILDREN, "40")]
    _, done = removal.remove(place, plans, AT)
    assert [(each.table.name, each.removed, each.error) for each in done] == [
        ("children", 1, None),
        ("parents", 1, None),
    ]
    chosen, back = removal.undo(place)
    assert chosen.rows == {"public.children": 1, "public.parents": 1}
    assert [(each.table.name, each.written) for each in back] == [("parents", 1), ("children", 1)]
    assert (project.run("select p::text from parents p order by id"), ids(project, "children")) == before
    with pytest.raises(StateError, match="no removal"):
        removal.undo(place)


def test_a_row_is_held_by_rows_that_a_cascade_would_remove_unasked(place: Place, project: Rig) -> None:
    see(place, PARENTS, ("1",), ("40",))
    (done,) = removal.remove(place, [weighed(place, PARENTS, "1", "40")], AT)[1]
    assert (done.removed, done.held, done.holder) == (1, (("40",),), "children")
    assert (ids(project, "parents")[0], ids(project, "parents")[-1]) == (2, 40)
    assert len(ids(project, "children")) == 10


def test_a_held_row_of_a_table_that_refers_to_itself_holds_its_own_parent(place: Place, project: Rig) -> None:
    project.run("update children set friend = id + 1 where id in (31, 32)")  # 31 -> 32 -> 33
    see(place, CHILDREN, ("32",), ("33",), ("34",))
    (done,) = removal.remove(place, [weighed(place, CHILDREN, "32", "33", "34")], AT)[1]
    assert (done.removed, done.held) == (1, (("32",), ("33",)))


def test_undo_leaves_a_row_alone_that_is_there_again(place: Place, project: Rig) -> None:
    see(place, PARENTS, ("1",), ("2",))
    removal.remove(place, [weighed(place, PARENTS, "1", "2")], AT)
    project.run("insert into parents values (1, 'written since')")
    (back,) = removal.undo(place)[1]
    assert (back.written, back.present) == (1, 1)
    assert project.run("select name from parents where id <= 2 order by id") == [("written since",), ("p2",)]


def test_a_named_removal_can_be_undone_after_a_later_one(place: Place, project: Rig) -> None:
    see(place, PARENTS, ("1",), ("2",))
    first, _ = removal.remove(place, [weighed(place, PARENTS, "1")], AT)
    removal.remove(place, [weighed(place, PARENTS, "2")], "2026-05-02T12:00:00Z")
    assert removal.undo(place, first)[0].id == first
    assert ids(project, "parents")[:2] == [1, 3]
    with pytest.raises(StateError, match="no removal 12"):
        removal.undo(place, "12")


def test_keys_of_several_columns_and_any_text(place: Place, project: Rig) -> None:
    project.run("""insert into pairs values (1, 'a,"b\\)'), (1, ''), (2, 'null')""")
    keys = [("1", 'a,"b\\)'), ("2", "null")]
    see(place, PAIRS, *keys)
    (done,) = removal.remove(place, [removal.weigh(place, PAIRS, keys, 9)], AT)[1]
    assert done.removed == 2
    assert project.run("select tenant, code from pairs") == [(1, "")]
    removal.undo(place)
    assert len(project.run("select 1 from pairs")) == 3


def test_what_is_no_key_is_refused_before_anything_is_looked_up(place: Place) -> None:
    with pytest.raises(SchemaError, match="not a key"):
        removal.weigh(place, PAIRS, [("1",)])


def test_the_rows_are_in_the_staging_before_the_delete_is_sent(place: Place, project: Rig) -> None:
    see(place, PARENTS, ("1",))
    project.run("create function stop() returns trigger language plpgsql as $$ begin raise 'no'; end $$")
    project.run("create trigger stop before delete on parents for each row execute function stop()")
    try:
        (done,) = removal.remove(place, [weighed(place, PARENTS, "1")], AT)[1]
    finally:
        project.run("drop function stop cascade")
    assert "refuses to delete" in str(done.error)
    (kept,) = place.evidence.changes("removed", "new")
    assert kept.rows == {"public.parents": 1}
    (back,) = removal.undo(place)[1]
    assert (back.written, back.present) == (0, 1)


def test_nothing_is_removed_while_new_does_not_tell_its_foreign_keys(place: Place, project: Rig) -> None:
    """A composite key that cascades, or one of another schema, is in no description."""
    see(place, PARENTS, ("1",))
    junk = """create function supasync_ready_structure(tables jsonb) returns jsonb language sql stable as
        $$ select '%s'::jsonb $$; grant execute on function supasync_ready_structure to service_role"""
    answers = ("[]", "{}", '{"references":[{}],"referring":[]}', '{"references":5,"referring":[]}')
    project.run("alter function supasync_ready_structure(jsonb) rename to away")
    try:
        for told in (None, *answers):
            if told:
                project.run(junk % told)
            project.server.reload()
            (done,) = removal.remove(place, [weighed(place, PARENTS, "1")], AT)[1]
            assert done.removed == 0
            assert done.error is not None
            assert "parents: NEW does not show its foreign keys" in str(done.error)
            assert "supasync schema sql" in (done.error.hint or "")
            if told:
                project.run("drop function supasync_ready_structure(jsonb)")
    finally:
        project.run("alter function away(jsonb) rename to supasync_ready_structure")
        project.server.reload()
    assert ids(project, "parents")[0] == 1


def test_a_row_that_was_put_back_is_not_removed_by_the_next_look(place: Place, project: Rig) -> None:
    see(place, PARENTS, ("1",), ("2",))
    removal.remove(place, [weighed(place, PARENTS, "1", "2")], AT)
    removal.undo(place)
    assert ids(project, "parents")[:2] == [1, 2]
    plan = weighed(place, PARENTS, "1", "2")
    assert (plan.keys, plan.unproven) == ((), (("1",), ("2",)))
    see(place, PARENTS, ("2",))  # OLD has it again, and may delete it again
    assert weighed(place, PARENTS, "1", "2").keys == (("2",),)
