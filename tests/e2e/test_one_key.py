"""Two rows of OLD that would become one row in NEW: the table stops and names both keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLE = """
create table public.events (at {0} primary key, note text);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
CONFIG = ENDS + "tables:\n  events: {key: at, strategy: snapshot}\n"


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    old, new = (ROLES + TABLE.format(kind) for kind in ("timestamptz", "timestamptz(0)"))
    with between(cluster, tmp_path, old, new, CONFIG) as made:
        yield made.ready()


def test_keys_that_a_shorter_type_of_new_makes_equal_are_named(space: Workspace) -> None:
    space.old.run(
        "insert into events select '2026-01-01Z'::timestamptz + g * interval '1 hour', 'n' || g "
        "from generate_series(1, 40) g; insert into events values ('2026-01-01 07:00:00.2Z', 'x')"
    )
    done = space.supasync("sync")
    assert done.code == 3, done.out + done.err
    assert "rows with keys 2026-01-01T07:00:00+00:00 and 2026-01-01T07:00:00.2+00:00 (at), which" in done.err
    assert "would become a single row in NEW" in done.err
    assert space.supasync("sync").code == 3, "as long as they are there"
    space.old.run("delete from events where note = 'x'")
    assert space.supasync("sync").code == 0
    space.assert_equal("events")


def test_a_row_that_a_trigger_refuses_with_that_code_is_no_pair(space: Workspace) -> None:
    space.new.run(
        "create function two() returns trigger language plpgsql as $$ begin if new.note = 'n7' then "
        "perform 1 where 1 = (select * from (values (1), (2)) v); end if; return new; end $$;"
        "create trigger t before insert on events for each row execute function two()"
    )
    space.old.run(
        "insert into events select '2026-01-01Z'::timestamptz + g * interval '1 hour', 'n' || g "
        "from generate_series(1, 12) g"
    )
    done = space.supasync("sync")
    assert "events: 1 row was refused and quarantined" in done.err
    assert len(space.new.texts("events")) == 11


PAGES = CONFIG.replace("{key: at, strategy: snapshot}", "{key: at, strategy: snapshot, page_size: 5}")
HOURS = (
    "insert into events select '2026-01-01Z'::timestamptz + g * interval '1 hour', 'n' || g "
    "from generate_series(1, 12) g; insert into events values ('2026-01-01 05:00:00.2Z', 'x');"
)


def test_keys_of_two_pages_that_are_one_in_new_are_an_error_until_they_are_not(space: Workspace) -> None:
    space.write("tables.yaml", PAGES)
    space.old.run(HOURS)
    for _ in range(2):
        done = space.supasync("sync")
        assert done.code == 3, done.out + done.err
        assert "events: failed: NEW has 12 rows where 13 different keys of OLD were sent" in done.err
        assert "supasync verify --table events" in done.err
    verified = space.supasync("verify", "--table", "events")
    assert verified.code == 1, verified.out + verified.err
    space.old.run("delete from events where note = 'x'")
    assert space.supasync("sync").code == 0
    space.assert_equal("events")


VISITS = """
create table public.visits (at {0} primary key, note text, updated_at timestamptz not null);
grant select, insert, update, delete on all tables in schema public to service_role;
insert into public.visits select '2026-01-01Z'::timestamptz + g * interval '1 hour', 'n' || g,
  '2026-01-01Z'::timestamptz + g * interval '1 hour' from generate_series(1, {1}) g;
"""
TWIN = "insert into visits values ('2026-01-01 05:00:00.2Z', 'twin', '2026-01-01 10:30Z')"
BY_TIME = ENDS + "tables:\n  visits: {key: at, page_size: 5}\n"


@pytest.fixture
def visits(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    """Visits whose moments NEW rounds to whole seconds."""
    old, new = (ROLES + VISITS.format(*kind) for kind in (("timestamptz", 12), ("timestamptz(0)", 0)))
    with between(cluster, tmp_path, old, new, BY_TIME) as made:
        yield made.ready()


def test_a_load_that_wrote_over_rows_is_an_error_until_they_are_copied_anew(visits: Workspace) -> None:
    visits.old.run(TWIN)
    told = "several of OLD's keys (at) are equal in NEW, or rows are being deleted there"
    for what in ("13 different keys of OLD were sent", "OLD has 13"):
        done = visits.supasync("sync")
        assert (done.code, f"NEW has 12 rows where {what}: {told}" in done.err) == (3, True), done.err
    assert "2026-01-01T05:00:00.2" in visits.supasync("verify", "--table", "visits", "--json").out
    visits.new.run("alter table visits alter at type timestamptz")
    assert visits.supasync("sync").code == 3, "what was written over is not there yet"
    assert visits.supasync("sync", "--full", "visits").code == 0
    visits.assert_equal("visits")


def test_rows_of_a_load_in_several_runs_are_counted_at_its_end(visits: Workspace) -> None:
    visits.old.run(TWIN)
    visits.old.server.misbehave({"kind": "answer", "status": 402, "path": "/visits.*limit=5", "nth": 3})
    assert visits.supasync("sync").code == 3
    visits.old.server.behave()
    done = visits.supasync("sync")
    assert (done.code, "NEW has 12 rows where OLD has 13" in done.err) == (3, True), done.err
    visits.old.run("delete from visits where note = 'twin'")
    assert visits.supasync("sync").code == 0


def test_rows_that_new_deletes_are_named_as_a_cause_and_an_idle_run_asks_nothing(
    visits: Workspace,
) -> None:
    assert visits.supasync("sync").code == 0
    visits.new.run("delete from visits where note = 'n3'")
    visits.supasync("sync")
    visits.requests()
    assert visits.supasync("sync").code == 0, "a run that sends nothing counts nothing"
    assert not [each for each in visits.new.server.requests() if each["method"] == "HEAD"]
    visits.new.run(
        "create function gone() returns trigger language plpgsql as $$ begin "
        "delete from public.visits where note = 'n4'; return null; end $$;"
        "create trigger t after insert on visits for each statement execute function gone()"
    )
    done = visits.supasync("sync", "--full", "visits")
    assert (done.code, "or rows are being deleted there" in done.err) == (3, True), done.err
    visits.new.run("drop trigger t on visits")
    assert visits.supasync("sync", "--full", "visits").code == 0
    visits.assert_equal("visits")


def test_rows_that_move_while_they_are_read_are_no_lost_keys(visits: Workspace) -> None:
    visits.old.server.misbehave(
        {"kind": "hold-before", "method": "GET", "path": "/visits.*limit=5", "nth": 3}
    )
    with visits.command("sync") as process:
        visits.old.server.wait_held(seconds=60)
        visits.old.run("update visits set updated_at = now() where note = 'n1'")
        visits.old.server.behave()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    visits.assert_equal("visits")


def test_rows_of_a_file_that_share_a_key_on_two_pages_are_told(visits: Workspace) -> None:
    rows = [f"{name},2026-01-{g + 1:02}T00:00:00Z" for g, name in enumerate("abcdeefghijk")]
    visits.write("users.csv", "\n".join(["name,updated_at", *rows]) + "\n")
    files = "source: {backend: csv, path: .}\nsink: {backend: duckdb, path: new.duckdb}\n"
    visits.write("tables.yaml", f"version: 1\n{files}tables:\n  users: {{key: name, page_size: 5}}\n")
    assert visits.supasync("setup").code == 0
    for _ in range(3):
        done = visits.supasync("sync")
        assert (done.code, "11 of 12 rows came from OLD" in done.err) == (4, True), done.out + done.err
    done = visits.supasync("verify")
    assert (done.code, "several rows with one key: 1\n    e\n" in done.out) == (1, True), done.out
