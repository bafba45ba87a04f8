"""Rows that OLD deletes and inserts again under a new id, as a role that is switched off and on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLES = """
create table public.roles (id bigint primary key, person int not null, role text not null,
  updated_at timestamptz not null default now(), unique (person, role));
create table public.grants (id bigint primary key, role bigint references public.roles,
  updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
CONFIG = ENDS + ("tables:\n  roles: {deletes: mirror, overlap: 0s}\n  grants: {depends_on: roles}\n")
GRANT, NO_GRANT = "insert into public.grants values ({0}, {0})", "delete from public.grants where id = {}"
TOGGLED = "delete from public.roles where id = {0}; insert into public.roles values ({1}, {2}, 'admin')"


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, ROLES + TABLES, ROLES + TABLES, CONFIG) as made:
        made.old.run("insert into public.roles select g, g, 'admin' from generate_series(1, 30) g")
        made.ready()
        assert made.supasync("sync").code == 0
        yield made


def test_a_run_makes_room_where_deletes_are_mirrored_time_after_time(space: Workspace) -> None:
    for before, after in ((7, 107), (107, 207), (207, 307)):
        space.old.run(TOGGLED.format(before, after, 7))
        space.old.run(GRANT.format(after))
        done = space.supasync("sync")
        assert done.code == 0, done.err
        assert "roles: 1 row was removed from NEW: OLD has inserted the same row under a new key" in done.err
        assert "health: good" in space.supasync("status").out
        space.old.run(NO_GRANT.format(after))
        space.new.run(NO_GRANT.format(after))
    space.assert_equal("roles")
    assert {request["method"] for request in space.old.server.requests()} <= {"GET", "HEAD"}


def test_many_at_once_take_few_requests(space: Workspace) -> None:
    for number in range(1, 16):
        space.old.run(TOGGLED.format(number, 100 + number, number))
    space.requests()
    done = space.supasync("sync")
    assert done.code == 0, done.err
    space.assert_equal("roles")
    assert space.requests() < 130


def test_a_row_that_nothing_shows_to_have_come_from_old_is_left_and_named(space: Workspace) -> None:
    space.new.run("insert into public.roles values (900, 90, 'admin')")
    space.old.run("insert into public.roles values (90, 90, 'admin')")
    assert space.supasync("sync").code == 3
    assert "900" in {row[0] for row in space.new.rows("select id::text from public.roles")}
    status = space.supasync("status").out
    assert "health: good" not in status
    line = "roles: 1 row of OLD is blocked by a row that exists only in NEW: supasync reconcile clear"
    assert line in status


def test_what_others_refer_to_stays_and_is_named(space: Workspace) -> None:
    space.old.run("insert into public.grants values (1, 7)")
    assert space.supasync("sync").code == 0
    space.old.run("delete from public.grants")
    space.old.run(TOGGLED.format(7, 107, 7))
    done = space.supasync("sync")
    assert done.code == 3
    assert "roles: 1 row stays in NEW that OLD has replaced: rows of grants refer to them" in done.err
    assert len(space.new.texts("grants")) == 1


@pytest.mark.parametrize("deletes", ["ignore", "report"])
def test_else_it_is_one_line_in_status_with_the_command_that_clears_it(
    space: Workspace, deletes: str
) -> None:
    space.write("tables.yaml", CONFIG.replace("mirror", deletes))
    space.old.run(TOGGLED.format(7, 107, 7))
    assert space.supasync("sync").code == 3
    for _ in range(2):
        assert space.supasync("sync").code == 0, "an alert comes once"
        status = space.supasync("status").out
        assert "health: good" not in status
        assert "roles: 1 row of OLD is blocked by a row that exists only in NEW" in status
        assert "supasync reconcile clear" in status
        assert "and OLD has no such row" in space.supasync("quarantine", "list").out
    told = space.supasync("status", "--json").json
    assert {"table": "roles", "rows": 1} in told["kept_out"]
    done = space.supasync("reconcile", "clear", "--apply")
    assert done.code == 0, done.err
    assert "roles: 1 row of NEW that OLD does not have: 7" in done.out
    assert space.supasync("sync").code == 0
    assert "health: good" in space.supasync("status").out
    space.assert_equal("roles")


def test_a_staging_that_fails_fails_no_run(space: Workspace) -> None:
    space.old.run(TOGGLED.format(7, 107, 7))
    staging = next(space.folder.glob(".supasync/*.duckdb"))
    staging.write_bytes(b"garbage" * 1000)
    done = space.supasync("sync")
    assert done.code == 3
    assert "1 row was refused" in done.err
    assert "no row was removed" in done.err
    assert len(space.new.texts("roles")) == 30


def test_rows_that_an_earlier_version_set_aside_are_looked_at_by_the_next_run(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("mirror", "ignore"))
    space.old.run(TOGGLED.format(7, 107, 7))
    assert space.supasync("sync").code == 3
    earlier = "state #- '{quarantine,roles,0,columns}' #- '{quarantine,roles,0,blockers}'"
    space.new.run(f"update sync_metadata set state = {earlier} where state is not null")  # noqa: S608
    assert "blocked by" not in space.supasync("status").out
    shown = space.supasync("reconcile", "clear").out
    assert "roles: an earlier version quarantined some rows: run supasync sync once before this" in shown
    assert space.supasync("sync").code == 0
    assert "roles: 1 row of OLD is blocked by" in space.supasync("status").out
    assert space.supasync("reconcile", "clear", "--apply").code == 0
    assert space.supasync("sync").code == 0
    space.assert_equal("roles")
