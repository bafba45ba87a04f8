"""What only the catalog shows of a side, and what it means for a copy."""

from collections.abc import Iterator

import pytest

from supasync_core.model.table import Table
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import READY, Place, place

TABLES = """
create table events (id int primary key);
create table special (extra text) inherits (events);
create table logs (id int, at date, primary key (id, at)) partition by range (at);
create table logs_2026 partition of logs for values from ('2026-01-01') to ('2027-01-01');
create table numbered (id int generated always as identity primary key, parent int references events);
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touched before insert on numbered for each row execute function touch();
"""


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Place]:
    with place(cluster, TABLES + READY) as opened:
        yield opened


def test_rows_of_tables_that_inherit_are_a_problem_and_partitions_are_none(project: Place) -> None:
    found = project.source().remarks([Table(name="events"), Table(name="logs")])
    assert [(each.kind, each.level, each.table) for each in found] == [("inheritance", "problem", "events")]


def test_new_tells_its_triggers_keys_and_references(project: Place) -> None:
    sink, table = project.sink(), Table(name="numbered")
    assert [each.kind for each in sink.remarks([table])] == ["trigger"]
    assert [each.columns for each in sink.references([table]) or ()] == [("parent",)]
    assert [each.columns for each in (sink.uniques([table]) or {})[table.address]] == [("id",)]
    [reference] = sink.references([table]) or ()
    assert sink.orphans(reference, [("7",)]) == {("7",)}


def test_without_its_functions_new_says_so(cluster: Cluster) -> None:
    with place(cluster, "create table items (id int primary key)") as project:
        sink = project.sink()
        assert [each.kind for each in sink.remarks([Table(name="items")])] == ["unknown"]
        assert sink.references([Table(name="items")]) is None


def test_a_server_that_is_not_verified_is_a_warning(project: Place) -> None:
    url = "postgresql://postgres.abcdefghij@eu.pooler.supabase.com/postgres"
    other = Place(project.hosted, settings={"url": url})
    with other.opened:
        assert [each.kind for each in other.source().remarks([])] == ["connection"]
    other = Place(project.hosted, settings={"url": f"{url}?sslrootcert=ca.crt"})
    with other.opened:
        assert other.source().remarks([]) == []


def test_columns_look_as_they_do_over_rest(cluster: Cluster) -> None:
    sql = """
    create type mood as enum ('sad', 'happy'); create domain positive as int check (value > 0);
    create table typed (id bigint primary key, name varchar(20) default 'x', mood mood, n positive,
      list text[], amount numeric(10, 2) not null,
      parent bigint references typed, at timestamptz default now());
    create view shown as select id from typed;
    """
    with place(cluster, sql) as project:
        tables = project.source().tables("public")
        kinds = {column.name: column.type for column in tables["typed"].columns}
        assert kinds == {
            "id": "bigint",
            "name": "character varying",
            "mood": "public.mood",
            "n": "integer",
            "list": "text[]",
            "amount": "numeric",
            "parent": "bigint",
            "at": "timestamp with time zone",
        }
        name, mood = (tables["typed"].column(each) for each in ("name", "mood"))
        assert name
        assert mood
        assert (name.length, name.default, mood.values) == (20, "'x'::character varying", ("sad", "happy"))
        assert (tables["typed"].key, tables["shown"].view) == (("id",), True)
        assert project.source().schemas() is not None
