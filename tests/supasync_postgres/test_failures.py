"""What a database refuses becomes one sentence with what to do, and a lost connection loses nothing."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from supasync_core.api.pages import pages
from supasync_core.api.registration import Fence
from supasync_core.api.state_store import Claim
from supasync_core.model.batch import Batch, Span, Window
from supasync_core.model.errors import (
    LargeAnswerError,
    LockedError,
    RefusedError,
    RowError,
    SchemaError,
    TakenOverError,
    TransientError,
)
from supasync_core.model.table import Table
from supasync_core.testing.sample_table import ALL
from supasync_postgres import database, sink, store
from supasync_postgres.transaction import Statement
from tests.servers import printing
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import READY, Place, place

TABLES = """
create table items (id bigint primary key, label text, parent bigint references items);
create table numbered (id bigint generated always as identity primary key, n int,
  twice int generated always as (n * 2) stored);
create table full_disk (id int primary key);
create function no_room() returns trigger language plpgsql as
  $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$;
create trigger no_room before insert on full_disk for each row execute function no_room();
create table hidden (id int primary key);
alter table hidden enable row level security;
create table guarded (id int primary key);
create schema apart; create table apart.rows (id int primary key);
"""
ITEMS = Table(name="items")
WHOLE = Window((Span(ALL),), 100)


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Place]:
    with place(cluster, TABLES + printing.SQL + READY) as opened:
        yield opened


@pytest.fixture
def project(shared: Place) -> Iterator[Place]:
    shared.run("truncate items, numbered, sync_metadata restart identity")
    opened = Place(shared.hosted)
    with opened.opened:
        yield opened


def rows(*texts: str) -> Batch:
    return Batch(f"[{','.join(texts)}]".encode())


def test_a_source_cannot_write_whatever_it_is_asked(project: Place) -> None:
    session = project.source().sql()
    assert session.read_only
    for sql in ("insert into items (id) values (1)", "commit; insert into items (id) values (1)"):
        with pytest.raises((RefusedError, SchemaError)):
            session.query(sql)
    with pytest.raises(SchemaError, match="read-write mode"), session.transaction():
        session.query("set transaction read write")
    where = "true); commit; insert into public.items (id) values (7); select (true"
    with pytest.raises(SchemaError):
        project.source().read(Table(name="items", where=where), WHOLE)
    assert project.run("select count(*) from items") == [(0,)]


def test_a_session_of_a_sink_writes_in_a_transaction(project: Place) -> None:
    session = project.sink().sql()
    with session.transaction():
        session.query("insert into public.items (id) values (%s)", [5])
        assert session.query("select count(*) from public.items") == [(1,)]
    with pytest.raises(SchemaError), session.transaction():
        assert session.query("insert into public.items (id) values (6) returning id, 1 / (id - 6)") == []
    assert project.run("select id from items") == [(5,)]
    assert project.ledger.as_json()["NEW"]["sql"]["received"] > 0


def test_rows_that_are_refused_name_the_key_and_the_constraint(project: Place) -> None:
    with pytest.raises(RowError) as refused:
        project.sink().upsert(ITEMS, rows('{"id":1,"label":"a","parent":null}', '{"id":2,"parent":9}'))
    assert (refused.value.sqlstate, refused.value.columns, refused.value.value) == (
        "23503",
        ("parent",),
        "(9)",
    )
    assert (refused.value.other, refused.value.constraint) == ("items", "items_parent_fkey")
    assert project.run("select count(*) from items") == [(0,)]


def test_identity_columns_take_the_numbers_of_old_and_generated_ones_are_left_out(project: Place) -> None:
    numbered = Table(name="numbered")
    sink = project.sink()
    for n in (4, 5):
        assert sink.upsert(numbered, rows(f'{{"id":70,"n":{n},"twice":999}}')) == 1
    assert project.run("select id, n, twice from numbered") == [(70, 5, 10)]
    assert sink.computed(numbered) == {"twice"}
    assert list(project.notes) == ["numbered: NEW computes twice itself"]


def test_a_full_disk_is_one_sentence(project: Place) -> None:
    with pytest.raises(RefusedError, match="NEW has no room left on its disk") as refused:
        project.sink().upsert(Table(name="full_disk"), rows('{"id":1}'))
    assert refused.value.exit_code == 3


def test_a_read_only_new_stays_read_only(project: Place) -> None:
    owner, name = project.user, project.hosted.database
    project.hosted.cluster.execute(name, f"alter role {owner} set default_transaction_read_only = on")
    try:
        with pytest.raises(RefusedError, match="NEW is read-only"):
            project.sink().upsert(ITEMS, rows('{"id":1}'))
    finally:
        project.hosted.cluster.execute(name, f"alter role {owner} reset default_transaction_read_only")


@pytest.fixture
def limited(project: Place) -> Iterator[Place]:
    """A role that may do little, and whom row level security would hide rows from."""
    name, cluster = project.hosted.database, project.hosted.cluster
    cluster.execute(name, "drop role if exists limited; create role limited login")
    cluster.execute(name, "grant select on items, hidden to limited")
    opened = Place(project.hosted, "limited")
    with opened.opened:
        yield opened
    cluster.execute(name, "revoke all on items, hidden from limited; drop role limited")


def test_a_table_without_rights_is_named_with_the_grant(limited: Place) -> None:
    with pytest.raises(RefusedError, match="does not let the user") as refused:
        limited.sink().upsert(ITEMS, rows('{"id":1}'))
    said = 'run there: grant select, insert, update, delete on "public"."items" to that user'
    assert refused.value.hint == said
    for sql, right in (
        ("select from apart.rows", 'usage on schema "apart"'),
        ("select from public.guarded", 'select, insert, update, delete on "guarded"'),
        ("select pg_read_file('x')", 'execute on function "pg_read_file"'),
    ):
        with pytest.raises(RefusedError) as refused:
            limited.sink().sql().query(sql)
        assert refused.value.hint == f"run there: grant {right} to that user"
    with pytest.raises(SchemaError, match=r"has no table public\.guarded, or does not show it"):
        limited.source().count(Table(name="guarded"))


def test_rows_that_security_would_hide_are_an_error_and_never_left_out(limited: Place) -> None:
    with pytest.raises(RefusedError, match="would hide rows by row level security"):
        limited.source().count(Table(name="hidden"))


@pytest.fixture
def with_password(project: Place) -> Iterator[Place]:
    """A role whom the server asks for its password."""
    cluster, name = project.hosted.cluster, project.hosted.database
    cluster.execute(name, "drop role if exists locked; create role locked login password 'right-one'")
    settings = cluster.data / "pg" / "pg_hba.conf"
    before = settings.read_text()
    settings.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{before}")
    cluster.execute(name, "select pg_reload_conf()")
    time.sleep(0.1)
    opened = Place(project.hosted, "locked")
    with opened.opened:
        yield opened
    settings.write_text(before)
    cluster.execute(name, "select pg_reload_conf()")
    cluster.execute(name, "drop role locked")


def test_a_wrong_password_is_one_sentence_without_it(with_password: Place) -> None:
    url = with_password.url.replace("locked@", "locked:wrong-one@")
    with_password.settings["url"] = url
    with pytest.raises(RefusedError, match="OLD does not accept the password") as refused:
        with_password.source().count(ITEMS)
    assert refused.value.reason == "key"
    assert "wrong-one" not in f"{refused.value} {refused.value.hint}"
    assert with_password.waits == []


def test_a_database_or_server_that_is_not_there_is_said(project: Place) -> None:
    project.settings["url"] = project.hosted.cluster.url("nowhere", project.user)
    with pytest.raises(RefusedError, match="has no such database"):
        project.source().count(ITEMS)
    project.settings["url"] = "postgresql://someone@127.0.0.1:1/postgres"
    with pytest.raises(TransientError, match="OLD cannot be reached") as unreachable:
        project.source().count(ITEMS)
    assert (unreachable.value.reason, project.waits) == ("unreachable", [1, 2, 4, 8])


def test_an_older_server_is_refused(project: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OLDEST", 990000)
    with pytest.raises(RefusedError, match=r"its PostgreSQL is version \d+, and supasync needs 12 or later"):
        project.source().count(ITEMS)


def test_a_database_of_another_project_is_refused(project: Place) -> None:
    project.settings |= {
        "url": "postgresql://postgres.abcdefghij@eu.pooler.supabase.com/postgres",
        "project": "https://klmnopqrst.supabase.co",
    }
    with pytest.raises(RefusedError, match=r"a database of abcdefghij.*project: is klmnopqrst"):
        project.source()
    project.settings["project"] = "https://api.shop.example"
    assert project.source().database.address.project == "abcdefghij.supabase.co", "a domain tells nothing"


def ended(project: Place, wanted: str) -> None:
    """End the connections of supasync that run this, once there is one."""
    query = (
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'supasync' "
        "and datname = current_database() and query like %s"
    )
    for _ in range(200):
        with psycopg.connect(project.hosted.cluster.url(project.hosted.database)) as connection:
            if connection.execute(query, [wanted]).fetchall():
                return
        time.sleep(0.02)
    raise AssertionError("no such connection")


def test_a_connection_that_was_lost_between_pages_is_opened_again(project: Place) -> None:
    project.run("insert into items select n from generate_series(1, 3) n")
    source = project.source()
    assert source.count(ITEMS) == 3
    ended(project, "%")
    assert source.read(ITEMS, WHOLE).count == 3
    assert project.waits == [1]


def test_a_connection_that_is_lost_in_the_middle_of_a_write_loses_nothing(project: Place) -> None:
    project.run("insert into items (id, label) values (1, 'before')")
    sink = project.sink()
    with psycopg.connect(project.url) as holder:
        holder.execute("update items set label = 'held' where id = 1")
        done: list[int] = []
        writing = threading.Thread(
            target=lambda: done.append(
                sink.upsert(ITEMS, rows('{"id":1,"label":"new"}', '{"id":2,"label":"b"}'))
            )
        )
        writing.start()
        ended(project, "INSERT INTO%")
        holder.rollback()
        writing.join(timeout=60)
    assert done == [2]
    assert project.waits == [1]
    assert project.run("select id, label from items order by id") == [(1, "new"), (2, "b")]


def test_a_write_of_a_run_that_has_lost_its_lease_is_refused_by_the_server(project: Place) -> None:
    project.run(
        "insert into sync_metadata (run_id, sync_status, holder) values "
        "('00000000-0000-0000-0000-000000000001', 'running', 'another')"
    )
    project.fence = Fence(run="00000000-0000-0000-0000-000000000002")
    with pytest.raises(TakenOverError):
        project.sink().upsert(ITEMS, rows('{"id":1}'))
    project.fence = Fence(run="00000000-0000-0000-0000-000000000001")
    assert project.sink().upsert(ITEMS, rows('{"id":1}')) == 1


def test_a_write_that_sleeps_is_ended_by_the_server_and_named_until_then(
    project: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("drop table if exists told; create table told (id int primary key, idle text)")
    project.run(
        "alter table told alter idle set default current_setting('idle_in_transaction_session_timeout')"
    )
    assert project.sink().upsert(Table(name="told"), rows('{"id":1}')) == 1
    assert project.run("select idle from told") == [("10min",)]
    monkeypatch.setattr(sink, "_WRITES", vars(sink)["_WRITES"].replace("600s", "200ms"))
    merged: Any = vars(sink.PostgresSink)["_merged"]

    def asleep(*args: Any) -> Any:
        time.sleep(0 if project.waits else 1)
        return merged(*args)

    monkeypatch.setattr(sink.PostgresSink, "_merged", asleep)
    assert project.sink().upsert(ITEMS, rows('{"id":1}')) == 1
    assert project.waits == [1], "it is written once more, by another connection"
    monkeypatch.setattr(store, "_PATIENCE", 1)
    with psycopg.connect(project.url) as sleeping:
        sleeping.execute(vars(sink)["_SHARED"])
        with pytest.raises(LockedError, match="the write of another run is still open in NEW") as told:
            project.store().begin(Claim(holder="b", source="old", command="sync", baseline=True))
        assert "unless it stopped while it sent rows" in str(told.value.hint)
    assert project.store().begin(Claim(holder="b", source="old", command="sync", baseline=True)).id


def test_a_server_that_never_answers_is_left(project: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.2)
    slow = Statement("SELECT pg_sleep(30)", purpose="read", seconds=0)
    began = time.monotonic()
    with pytest.raises(TransientError, match="OLD did not answer"):
        project.source().database.one(slow)
    assert time.monotonic() - began < 10
    assert project.waits == [1, 2, 4, 8]


def test_a_page_of_large_rows_has_some_megabytes_at_most(project: Place) -> None:
    project.run("insert into items select n, repeat(n::text, 700000) from generate_series(1, 12) n")
    source = project.source()
    seen: list[int] = []
    for batch in pages(source, ITEMS):
        assert len(batch.body) < 6_000_000
        seen += [int(row["id"]) for row in batch.rows]
    assert seen == list(range(1, 13))
    found = list(source.rows(ITEMS, ["id"], [[str(n)] for n in range(1, 13)]))
    assert sum(batch.count for batch in found) == 12
    assert max(len(batch.body) for batch in found) < 6_000_000
    fresh = list(project.source().rows(ITEMS, ["id"], [[str(n)] for n in [*range(1, 13), 99]]))
    assert sorted(int(row["id"]) for batch in fresh for row in batch.rows) == list(range(1, 13))
    assert max(len(batch.body) for batch in fresh) < 6_000_000


def test_one_value_that_many_rows_have_is_looked_up_in_pages(project: Place) -> None:
    project.run("insert into items select n, repeat('x', 700000), null from generate_series(1, 12) n")
    project.run("update items set parent = 1; insert into items (id) values (13)")
    for table in (ITEMS, Table(name="items", columns=("parent", "label"))):
        found = list(project.source().rows(table, ["parent"], [["1"], ["99"]]))
        assert sorted(int(row["id"]) for batch in found for row in batch.rows) == list(range(1, 13))
        assert max(len(batch.body) for batch in found) < 6_000_000
    small = Table(name="items", page_size=5, columns=("id",))
    found = list(project.source().rows(small, ["parent"], [["1"]]))
    assert sum(batch.count for batch in found) == 12


def test_more_than_the_server_can_print_at_once_is_asked_for_in_halves(project: Place) -> None:
    table, source = Table(name="printed_rows"), project.source()
    sizes = [batch.count for batch in pages(source, table)]
    assert sum(sizes) == 12
    assert set(sizes[:-1]) <= {1, 2, 3}
    keys = [[str(n)] for n in range(1, 13)]
    found = [row["id"] for batch in project.source().rows(table, ["id"], keys) for row in batch.rows]
    assert list(map(int, found)) == list(range(1, 13))
    with pytest.raises(LargeAnswerError, match="too large for one answer"):
        source.read(Table(name="unprinted"), WHOLE)
    with pytest.raises(LargeAnswerError, match="too large for one answer"):
        list(source.rows(Table(name="unprinted"), ["id"], keys))
    assert project.waits == []


def test_a_page_that_takes_too_long_is_asked_for_with_fewer_rows(project: Place) -> None:
    table = Table(name="slowly_printed", page_size=100)
    sizes = [batch.count for batch in pages(project.source(), table)]
    assert sizes[0] == 1
    assert sum(sizes) == 12
    assert project.waits == []
