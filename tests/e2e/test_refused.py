"""Rows that NEW refuses: parents are fetched, what cannot be taken is quarantined, the rest goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.users (id bigint primary key, email text unique,
  updated_at timestamptz not null default now());
create table public.jobs (id bigint primary key, user_id bigint references public.users (id), parent_id bigint
  references public.jobs (id), note text, qty integer, updated_at timestamptz not null default now());
create table public.left_side (id bigint primary key, right_id bigint,
  updated_at timestamptz not null default now());
create table public.right_side (id bigint primary key, left_id bigint references public.left_side (id),
  updated_at timestamptz not null default now());
alter table public.left_side add foreign key (right_id) references public.right_side (id);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + (
    "defaults: {page_size: 10}\n"
    "tables:\n"
    "  users:\n"
    "  jobs: {depends_on: [users]}\n"
    "  left_side:\n"
    "  right_side: {depends_on: [left_side]}\n"
)
TABLES = ("users", "jobs", "left_side", "right_side")


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, SCHEMA, SCHEMA, CONFIG) as made:
        yield made.ready()


def test_a_parent_that_is_not_there_yet_is_fetched_with_its_child(space: Workspace) -> None:
    space.old.run("insert into public.users select g, 'u' || g from generate_series(1, 30) g")
    assert space.supasync("sync").code == 0
    space.new.run("delete from public.users where id in (7, 8)")
    space.old.run("insert into public.jobs (id, user_id) select g, 1 + g % 30 from generate_series(1, 30) g")
    done = space.supasync("sync", "--table", "jobs")
    assert done.code == 0, done.err
    space.assert_equal(*TABLES)


def test_a_chain_of_rows_that_refer_to_later_ones_arrives(space: Workspace) -> None:
    space.old.run(
        "insert into public.jobs (id, parent_id, updated_at) select g, nullif(g + 1, 41), "
        "now() - interval '1 day' + g * interval '1 second' from generate_series(40, 1, -1) g"
    )
    done = space.supasync("sync")
    assert done.code == 0, done.err
    space.assert_equal(*TABLES)


def test_rows_of_two_tables_that_refer_to_each_other_arrive(space: Workspace) -> None:
    space.old.run(
        "insert into public.left_side (id) select g from generate_series(1, 15) g;"
        "insert into public.right_side (id, left_id) select g, g from generate_series(1, 15) g;"
        "update public.left_side set right_id = id"
    )
    done = space.supasync("sync")
    assert done.code == 0, done.err
    space.assert_equal(*TABLES)


def test_values_that_moved_from_row_to_row_arrive(space: Workspace) -> None:
    space.old.run("insert into public.users select g, 'u' || g from generate_series(1, 25) g")
    space.supasync("sync")
    space.old.run(
        "update public.users set email = 'free', updated_at = now() + interval '2 seconds' where id = 20;"
        "update public.users set email = 'u20', updated_at = now() + interval '1 second' where id = 3"
    )
    done = space.supasync("sync")
    assert done.code == 0, done.err
    space.assert_equal(*TABLES)


def test_a_deleted_and_recreated_email_is_set_aside_with_the_reason_and_arrives_later(
    space: Workspace,
) -> None:
    space.old.run("insert into public.users select g, 'u' || g from generate_series(1, 25) g")
    space.supasync("sync")
    space.old.run("delete from public.users where id = 5; insert into public.users values (105, 'u5')")
    done = space.supasync("sync")
    assert done.code == 3
    assert "users: 1 row was refused and quarantined" in done.err
    listed = space.supasync("quarantine", "list")
    assert (
        "NEW's row 5 has the same email, and OLD has no such row: deleted there, or made in NEW" in listed.out
    )
    assert space.supasync("sync").code == 0, "an alert comes once"
    assert "1 row is quarantined: supasync quarantine list" in space.supasync("status").out
    done = space.supasync("sync", "--full", "users")
    assert "they were created in NEW, by a trigger or by someone, or OLD has deleted them since" in done.err
    space.new.run("delete from public.users where id = 5")
    done = space.supasync("sync")
    assert done.code == 0
    assert "quarantined" not in space.supasync("status").out
    space.assert_equal(*TABLES)


def test_one_bad_row_is_set_aside_and_the_others_go_on(space: Workspace) -> None:
    space.new.run(
        "alter table public.jobs add check (qty < 100); alter table public.jobs alter note set not null"
    )
    space.old.run(
        "insert into public.jobs (id, note, qty) select g, case when g <> 13 then 'n' end, g * 4 "
        "from generate_series(1, 25) g"
    )
    done = space.supasync("sync")
    assert done.code == 3
    assert len(space.new.texts("jobs")) == 23
    told = space.supasync("quarantine", "list", "--json").json
    assert {(row["table"], *row["key"], row["sqlstate"]) for row in told} == {
        ("jobs", "13", "23502"),
        ("jobs", "25", "23514"),
    }
    space.old.run("update public.jobs set note = 'repaired', qty = 1 where id in (13, 25)")
    assert space.supasync("quarantine", "retry").code == 0
    space.assert_equal(*TABLES)


def test_more_bad_rows_than_the_settings_allow_stop_the_table_which_keeps_what_went_through(
    space: Workspace,
) -> None:
    space.new.run("alter table public.jobs add check (qty < 0)")
    space.old.run(
        "insert into public.jobs (id, qty, updated_at) select g, case when g > 40 then g end, "
        "now() - interval '1 day' + g * interval '1 minute' from generate_series(1, 100) g"
    )
    space.requests()
    done = space.supasync("sync")
    assert done.code == 3
    assert "jobs: failed: jobs: NEW refused more than 20 rows in this run (refused_per_run)" in (
        done.err.replace("failed: NEW", "failed: jobs: NEW")
    )
    assert "refused_per_run: under jobs in tables.yaml" in done.err
    assert space.requests() < 90
    named = {row["key"][0] for row in space.supasync("quarantine", "list", "--json").json}
    assert named == {str(number) for number in range(41, 61)}
    assert len(space.new.texts("jobs")) == 40
    space.new.run("alter table public.jobs drop constraint jobs_qty_check")
    assert space.supasync("sync").code == 0
    assert space.supasync("quarantine", "list").out.strip() == "no row is quarantined"
    space.assert_equal(*TABLES)


def test_a_hundred_bad_rows_among_many_are_named_where_the_settings_allow_it(space: Workspace) -> None:
    limits = "refused_per_run: 120, refused_in_all: 120"
    space.write("tables.yaml", CONFIG.replace("page_size: 10", f"page_size: 500, {limits}"))
    space.new.run("alter table public.jobs add check (qty < 0)")
    space.old.run(
        "insert into public.jobs (id, qty) select g, case when g % 20 = 0 then g end "
        "from generate_series(1, 2000) g"
    )
    done = space.supasync("sync")
    assert (done.code, "jobs: 100 rows were refused and quarantined" in done.err) == (3, True)
    assert len(space.new.texts("jobs")) == 1900
    assert len(space.supasync("quarantine", "list", "--json").json) == 100
    assert space.supasync("status", "--json").json["runs"][0]["records"] == 1900
    space.requests()
    assert space.supasync("sync").code == 0
    assert space.requests() < 250, "rows that are known to be refused are not looked for again"
    space.write("tables.yaml", CONFIG)
    space.old.run("insert into public.jobs (id, qty) values (2001, 1)")
    done = space.supasync("sync")
    assert (done.code, "more than 100 rows in all (refused_in_all)" in done.err) == (3, True)
    space.new.run("alter table public.jobs drop constraint jobs_qty_check")
    assert space.supasync("sync").code == 0
    space.assert_equal(*TABLES)


def test_rows_of_a_refused_parent_wait_and_stop_no_table(space: Workspace) -> None:
    space.new.run("alter table public.users add check (email <> 'bad')")
    space.old.run(
        "insert into public.users values (1, 'bad'), (2, 'good');"
        "insert into public.jobs (id, user_id) select g, 1 + g % 2 from generate_series(1, 60) g"
    )
    done = space.supasync("sync")
    assert (done.code, "jobs: 30 rows wait for a parent that is not in NEW" in done.err) == (3, True), (
        done.err
    )
    assert len(space.new.texts("jobs")) == 30
    assert space.supasync("sync").code == 0, "an alert comes once"
    space.old.run("update public.users set email = 'fine', updated_at = now() where id = 1")
    assert space.supasync("sync").code == 0
    space.assert_equal(*TABLES)


def test_a_dropped_entry_is_forgotten_and_its_row_stays_out(space: Workspace) -> None:
    space.new.run("alter table public.jobs add check (qty < 100)")
    space.old.run("insert into public.jobs (id, qty) values (1, 1), (2, 200)")
    space.supasync("sync")
    assert space.supasync("quarantine", "drop", "jobs", "2").code == 0
    assert space.supasync("quarantine", "list").out.strip() == "no row is quarantined"
    assert space.supasync("quarantine", "drop", "jobs", "3").code == 2


def test_transforms_are_applied_to_fetched_parents(space: Workspace) -> None:
    space.write(
        "mine.py",
        "from supasync_core import hookimpl\n\n"
        "def mask(row):\n    row['email'] = 'masked' + str(row['id'])\n    return row\n\n"
        "@hookimpl\ndef supasync_register_transforms(registry):\n    registry.add('mask', mask)\n",
    )
    text = CONFIG.replace("defaults:", "plugins: [./mine.py]\ndefaults:")
    space.write("tables.yaml", text.replace("  users:\n", "  users: {transform: [mask]}\n"))
    space.old.run(
        "insert into public.users values (1, 'x'); insert into public.jobs (id, user_id) values (1, 1)"
    )
    assert space.supasync("sync", "--table", "jobs").code == 0
    assert space.new.rows("select email from public.users") == [("masked1",)]
