"""Updates that no timestamp shows: brought by comparing the table with OLD, by the installed command."""

import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from supasync_core.model import timestamps
from supasync_core.schema import scripts
from tests.e2e.workspace import ENDS, Completed, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

GRANT = "grant select, insert, update, delete on all tables in schema public to service_role;"
SCHEMA = """
create table public.teams (id uuid primary key, name text, doc jsonb, created_at timestamptz);
create table public.logs (id bigint primary key, label text);
create table public.odd ("a,b" text, c text, label text, created_at timestamptz, primary key ("a,b", c));
"""
VIEWS = """
create view public.seen as select * from public.teams;
create view public.foreign_rows as select t.*, '0'::text as xmin from public.teams t;
"""
COPIES = """
create table public.seen (like public.teams including all);
create table public.foreign_rows (like public.teams including all);
"""
ODD = ("plain", "", " ", "a\"b'c", "comma, and (brackets)", "back\\slash", "äöü ß", "Z", "z", "null", "1e3")
ODD_ROW = "insert into public.odd values (%s, %s, 'v1', now() - make_interval(hours => %s, mins => 1))"
"""A minute old at least: a cursor stays behind rows younger than OLD's time, known to the second."""
ROWS = """
insert into public.teams select md5(g::text)::uuid, 't' || g, jsonb_build_object('n', g),
  now() - g * interval '1 hour' from generate_series(1, 30) g;
insert into public.logs select g, 'l' || g from generate_series(1, 30) g;
"""
TABLES = """defaults: {overlap: 5m, page_size: 4}
tables:
  teams: {timestamp: created_at}
  logs: {strategy: append}
  odd: {key: ["a,b", c], timestamp: created_at}
"""


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("comparison")
    with between(
        cluster, folder, ROLES + SCHEMA + VIEWS + GRANT, ROLES + SCHEMA + COPIES + GRANT, ENDS + TABLES
    ) as space:
        space.old.run(ROWS)
        with psycopg.connect(space.old.cluster.url(space.old.database)) as connection:
            for n, first in enumerate(ODD):
                row = [first, first[::-1], n]
                connection.execute(ODD_ROW, row)
        yield space.ready().keep()


@pytest.fixture
def space(made: Workspace) -> Workspace:
    return made.again()


def later(space: Workspace, by: timedelta = timedelta(hours=25)) -> None:
    """Let so much time have passed since all that NEW's state and records know."""

    def shifted(known: Any) -> Any:
        names = ("loaded_at", "walked_at", "began_at", "verified_at", "seen")
        return known and {**known, **{n: timestamps.shifted(known[n], -by) for n in names if known.get(n)}}

    with psycopg.connect(space.new.cluster.url(space.new.database)) as connection:
        for seq, state in connection.execute("select seq, state from sync_metadata").fetchall():
            if state:
                state["writing"] = shifted(state["writing"])
                for name, table in state["tables"].items():
                    walk = shifted(table["comparison"])
                    state["tables"][name] = {**shifted(table), "comparison": walk}
            connection.execute(
                "update sync_metadata set state = %s, created_at = created_at - %s where seq = %s",
                [state and Jsonb(state), by, seq],
            )


def synced(space: Workspace, *args: str) -> Completed:
    done = space.supasync("sync", *args)
    assert done.code == 0, done.out + done.err
    return done


def walked(space: Workspace) -> None:
    """The first load, and the first comparison of all tables."""
    synced(space)
    later(space)
    synced(space)


def same(space: Workspace, *tables: str) -> None:
    space.assert_equal(*(tables or ("teams", "logs", "odd")))


def reads(space: Workspace, table: str) -> list[str]:
    """What OLD was asked of the table since both servers were last asked for their requests."""
    asked = [request["path"] for request in space.old.server.requests()]
    return [path for path in asked if f"/{table}?" in path]


def whole(space: Workspace) -> int:
    """How many requests asked OLD for whole rows of teams together with their versions."""
    return sum("name" in path and "xmin" in path for path in reads(space, "teams"))


def test_an_update_behind_an_insert_time_arrives_with_the_next_comparison_that_is_due(
    space: Workspace,
) -> None:
    synced(space)
    space.old.run("update public.teams set name = 'new' where name = 't7'")
    space.old.run("update public.logs set label = 'new' where id = 9")
    space.old.run("update public.odd set label = 'new' where label = 'v1'")
    space.requests()
    synced(space)
    later(space)
    done = synced(space)
    same(space)
    assert "teams: 1 row copied after comparing the table with OLD" in done.err
    assert f"odd: {len(ODD) - 1} rows copied after" in done.err, "the newest one is read again anyway"
    space.old.run("update public.teams set name = 'newer' where name = 't8'")
    synced(space)
    assert ("newer",) not in space.new.rows("select name from public.teams"), "once a day"
    later(space)
    assert synced(space, "--json").json["tables"]["teams"]["brought"] == 1
    same(space)


def test_a_row_that_was_changed_back_is_as_it_was(space: Workspace) -> None:
    walked(space)
    for value in ("b", "t7"):
        space.old.run(f"update public.teams set name = '{value}' where doc ->> 'n' = '7'")  # noqa: S608
        later(space)
        synced(space)
        same(space)


def test_of_a_range_in_which_nothing_changed_only_keys_and_versions_are_read(space: Workspace) -> None:
    walked(space)
    later(space)
    space.requests()
    synced(space)
    assert whole(space) == 1, "what lies behind the last one"
    space.old.run("insert into public.teams values (gen_random_uuid(), 'fresh', null, now())")
    synced(space)
    later(space)
    space.requests()
    synced(space)
    assert whole(space) == 2, "a new row among known ones is looked up by its key"
    same(space)


def test_rows_that_come_and_go_between_two_comparisons_leave_nothing_behind(space: Workspace) -> None:
    walked(space)
    space.old.run(
        "delete from public.teams where (doc ->> 'n')::int % 3 = 0;"
        "delete from public.logs where id in (4, 30);"
        "insert into public.teams select md5('x' || g)::uuid, 'x', null, now() from generate_series(1, 9) g;"
        "insert into public.logs values (31, 'l31'), (40, 'l40');"
        "update public.teams set name = 'u' where (doc ->> 'n')::int % 5 = 0;"
        "update public.logs set label = 'u'"
    )
    later(space)
    synced(space)
    for table in ("teams", "logs"):
        old, new = (set(end.texts(table)) for end in (space.old, space.new))
        assert old <= new, table
    assert len(space.new.rows("select 1 from public.logs")) == 32, "deletes: ignore"


def test_a_row_that_was_not_committed_when_a_log_was_first_read_is_copied_after_the_overlap(
    space: Workspace,
) -> None:
    space.old.run("insert into public.logs select g, 'l' from generate_series(20000, 20100) g")
    with psycopg.connect(space.old.cluster.url(space.old.database)) as slow:
        slow.execute("insert into public.logs values (31, 'slow')")
        synced(space)
    later(space, timedelta(minutes=4))
    synced(space)
    assert ("slow",) not in space.new.rows("select label from public.logs")
    later(space, timedelta(minutes=1))
    synced(space)
    same(space)


def test_a_walk_within_a_share_takes_several_runs_and_ends(space: Workspace) -> None:
    space.old.run("update public.teams set name = repeat(md5(name), 10)")
    space.write(
        "tables.yaml", ENDS + "compare_egress: 2kB\n" + TABLES.replace("page_size: 4", "page_size: 2")
    )
    synced(space)
    space.old.run("update public.teams set doc = '[]'; update public.odd set label = 'v2'")
    runs, shown = 0, ""
    while any(space.new.texts(name) != space.old.texts(name) for name in ("teams", "odd")):
        later(space)
        done = synced(space)
        assert "warning" not in done.err
        assert "egress" not in done.err
        shown = shown or space.supasync("status").out
        runs += 1
        assert runs < 30
    assert runs > 2
    assert "teams: being compared with OLD, " in shown


def test_a_run_that_is_killed_in_the_middle_of_a_walk_goes_on_there(space: Workspace) -> None:
    walked(space)
    space.old.run("update public.teams set name = name || '!'; update public.logs set label = label || '!'")
    later(space)
    held = {"kind": "hold-before", "method": "GET", "path": "/teams.*name.*xmin", "nth": 4}
    space.old.server.misbehave(held)
    with space.command("sync") as process:
        space.old.server.wait_held(seconds=60)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    space.old.server.behave()
    some = space.new.rows("select 1 from public.teams where name like '%!'")
    assert 0 < len(some) < 30
    space.old.run("update public.teams set name = name || '?'")
    later(space, timedelta(minutes=25))
    synced(space)
    later(space)
    synced(space)
    same(space)


@pytest.mark.parametrize("deletes", ["report", "mirror"])
def test_the_same_walk_finds_rows_that_are_deleted_in_old(space: Workspace, deletes: str) -> None:
    space.write("tables.yaml", ENDS + TABLES.replace("created_at}", f"created_at, deletes: {deletes}}}"))
    synced(space)
    later(space)
    synced(space)
    space.old.run(
        "delete from public.teams where name = 't3'; update public.teams set name = 'u' where name = 't4'"
    )
    later(space)
    space.requests()
    done = synced(space)
    paths = reads(space, "teams")
    assert sum("order=id.asc" in path and "xmin" in path and "name" not in path for path in paths) <= 3
    assert "teams: 1 row copied after" in done.err
    if deletes == "mirror":
        assert "teams: 1 row was removed from NEW" in done.err
        same(space)
    else:
        assert "teams: 1 row of NEW is deleted in OLD" in done.err


def test_a_mass_delete_that_a_share_spreads_over_days_is_left_for_a_person(space: Workspace) -> None:
    tables = TABLES.replace("page_size: 4", "page_size: 2, deletes: mirror")
    space.write("tables.yaml", ENDS + tables)
    synced(space)
    later(space)
    synced(space)
    space.old.run("delete from public.teams where (doc ->> 'n')::int % 2 = 0")
    space.write("tables.yaml", ENDS + "compare_egress: 2kB\n" + tables)
    codes = set()
    while 3 not in codes:
        later(space)
        done = space.supasync("sync")
        codes.add(done.code)
    assert codes == {0, 3}, "it took several runs"
    assert "teams: 15 rows would be removed; the limit is 1" in done.err
    assert len(space.new.texts("teams")) == 30


@pytest.mark.parametrize("view", ["seen", "foreign_rows"])
def test_where_old_tells_no_versions_rows_are_read_whole(space: Workspace, view: str) -> None:
    settings = "{timestamp: created_at, columns: [id, name, created_at], overlap: 0s, page_size: 4}"
    space.write("tables.yaml", ENDS + f"tables: {{{view}: {settings}}}\n")
    walked(space)
    for value in ("b", "t7"):
        space.old.run(f"update public.teams set name = '{value}' where doc ->> 'n' = '7'")  # noqa: S608
        later(space)
        done = synced(space)
        assert f"{view}: 1 row copied after" in done.err
        names = f"select name from public.{view} order by id"  # noqa: S608
        assert space.new.rows(names) == space.old.rows(names)


def test_what_olds_function_tells_to_be_unchanged_is_not_read(space: Workspace) -> None:
    space.old.run(scripts.script("horizon"))
    text = ENDS.replace('ROLE_KEY}"}\nsink', 'ROLE_KEY}", horizon: true}\nsink')
    space.write("tables.yaml", text + TABLES)
    time.sleep(1.1)
    walked(space)
    for _ in range(2):
        later(space)
        space.requests()
        synced(space)
        assert space.requests() <= 4
    space.old.run("update public.teams set name = 'u' where name = 't4'")
    later(space)
    synced(space)
    same(space)


def test_what_a_comparison_costs_is_shown_by_usage(space: Workspace) -> None:
    walked(space)
    with psycopg.connect(space.new.cluster.url(space.new.database)) as connection:
        connection.execute("update sync_metadata set created_at = now() - interval '1 second'")
    purposes = space.supasync("usage", "--json").json["purposes"]
    assert purposes["OLD"]["compare"]["received"] > 0


def test_never_compares_nothing(space: Workspace) -> None:
    space.write("tables.yaml", ENDS + TABLES.replace("overlap: 5m", "overlap: 5m, compare_every: never"))
    walked(space)
    space.old.run("update public.teams set name = 'u' where name = 't4'")
    later(space)
    synced(space)
    assert ("u",) not in space.new.rows("select name from public.teams")


def test_the_old_name_works_and_each_command_names_the_new_one(space: Workspace) -> None:
    space.write("tables.yaml", ENDS + TABLES.replace("created_at}", "created_at, verify_every: 12h}"))
    done = space.supasync("sync", "--json")
    assert done.code == 0
    assert done.err.count("verify_every is now called compare_every") == 1
    assert "compare_every" not in done.out
    space.old.run("update public.teams set name = 'u' where name = 't4'")
    later(space, timedelta(hours=13))
    synced(space)
    same(space)
