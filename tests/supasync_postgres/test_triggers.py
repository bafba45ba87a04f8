"""NEW's triggers do not fire for copied rows, and foreign keys hold, whatever the role may turn off."""

from collections.abc import Iterator

import pytest

from supasync_core.model.batch import Batch
from supasync_core.model.errors import RowError
from supasync_core.model.table import Table
from supasync_core.schema.scripts import script
from tests.servers.hosted import OWNER
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import READY, Place, place

pytestmark = pytest.mark.server  # two of them name their fixture as a parameter
TABLES = """
create table parents (id int, half int, primary key (id, half));
create table items (id int primary key, label text, parent int, half int, above int references items,
  foreign key (parent, half) references parents);
create table codes (id int primary key, code text unique);
create table coded (id int primary key, code text references codes (code) on update cascade);
create table strict (id int primary key, a int, b int,
  foreign key (a, b) references parents (id, half) match full);
create function shout() returns trigger language plpgsql as
  $$ begin new.label := 'touched'; return new; end $$;
create trigger shout before insert or update on items for each row execute function shout();
"""
ITEMS = Table(name="items")


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Place]:
    with place(cluster, TABLES + READY) as opened:
        yield opened


@pytest.fixture
def project(shared: Place) -> Iterator[Place]:
    """The role may not set session_replication_role."""
    shared.run("truncate parents, items, codes, coded, strict; insert into parents values (1, 1)")
    opened = Place(shared.hosted)
    with opened.opened:
        yield opened


@pytest.fixture
def replica(project: Place) -> Iterator[Place]:
    """The role may, as Supabase's postgres."""
    name, cluster = project.hosted.database, project.hosted.cluster
    cluster.execute(name, f"grant set on parameter session_replication_role to {OWNER}")
    yield project
    cluster.execute(name, f"revoke set on parameter session_replication_role from {OWNER}")


def rows(*texts: str) -> Batch:
    return Batch(f"[{','.join(texts)}]".encode())


def item(number: object, parent: object, half: object, above: object) -> str:
    return f'{{"id":{number},"parent":{parent},"half":{half},"above":{above}}}'


def test_a_role_that_may_turns_triggers_off_for_its_own_writes(replica: Place) -> None:
    sink = replica.sink()
    sink.upsert(ITEMS, rows('{"id":1,"label":"a","above":null}', '{"id":2,"label":"b","above":1}'))
    assert replica.run("select label from items order by id") == [("a",), ("b",)]
    assert [each.kind for each in sink.remarks([ITEMS])] == []
    replica.run("alter table items enable always trigger shout")
    try:
        [remark] = sink.remarks([ITEMS])
    finally:
        replica.run("alter table items enable trigger shout")
    assert "the trigger shout of NEW fires for copied rows" in remark.text
    replica.run("update items set id = id")
    assert replica.run("select distinct label from items") == [("touched",)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((3, "null", "null", 9), (("above",), "(9)", "items_above_fkey", "items")),
        ((3, 1, 2, "null"), (("parent", "half"), "(1, 2)", "items_parent_half_fkey", "parents")),
    ],
)
@pytest.mark.parametrize("mode", ["project", "replica"])
def test_a_row_without_a_parent_is_refused_alike(
    request: pytest.FixtureRequest, mode: str, row: tuple[object, ...], told: tuple[object, ...]
) -> None:
    found: Place = request.getfixturevalue(mode)
    batch = rows(*(item(*each) for each in ((1, 1, 1, "null"), (2, "null", "null", 1), row)))
    with pytest.raises(RowError) as refused:
        found.sink().upsert(ITEMS, batch)
    error = refused.value
    assert error.sqlstate == "23503"
    assert (error.columns, error.value, error.constraint, error.other) == told
    assert found.run("select count(*) from items") == [(0,)]


@pytest.mark.parametrize("mode", ["project", "replica"])
def test_rows_with_parents_or_none_arrive(request: pytest.FixtureRequest, mode: str) -> None:
    found: Place = request.getfixturevalue(mode)
    batch = rows(item(5, 1, 1, 6), item(6, "null", "null", 6), item(7, 4, "null", "null"))
    assert found.sink().upsert(ITEMS, batch) == 3
    assert found.sink().upsert(ITEMS, batch) == 3
    assert found.run("select id, above, parent from items order by id") == [
        (5, 6, 1),
        (6, 6, None),
        (7, None, 4),
    ]


def test_what_a_foreign_key_does_on_update_still_happens(replica: Place) -> None:
    codes, coded = Table(name="codes"), Table(name="coded")
    sink = replica.sink()
    sink.upsert(codes, rows('{"id":1,"code":"a"}'))
    sink.upsert(coded, rows('{"id":1,"code":"a"}'))
    sink.upsert(codes, rows('{"id":1,"code":"b"}'))
    assert replica.run("select code from coded") == [("b",)]
    with pytest.raises(RowError):
        sink.upsert(Table(name="strict"), rows('{"id":1,"a":1}'))


def test_a_guard_knows_a_direct_connection(project: Place) -> None:
    project.run(script("triggers-guard", [ITEMS]))
    try:
        project.sink().upsert(ITEMS, rows('{"id":1,"label":"a"}'))
        assert project.run("select label from items") == [("a",)]
        assert [each.kind for each in project.sink().remarks([ITEMS])] == []
        project.run(script("triggers-writes", []).replace("supasync.writes", "an.older"))
        [remark] = project.sink().remarks([ITEMS])
        assert "its guarded triggers fire for rows of a direct connection" in remark.text
        project.run("insert into items (id, label) values (2, 'b')")
        assert project.run("select label from items where id = 2") == [("touched",)]
    finally:
        project.run(script("triggers-unguard", [ITEMS]))
