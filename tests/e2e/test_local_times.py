"""Timestamps without a zone may be local times: the hour before the end of summer time comes twice."""

from pathlib import Path

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLE = """
create table public.notes (id bigint primary key, v text, updated_at timestamp not null);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
SUMMER, WINTER = (f"(now() at time zone 'utc') - interval '{hours} hours'" for hours in (4, 5))
BEFORE = (
    f"insert into public.notes select g, 'before', {SUMMER} - interval '1 minute' * g"  # noqa: S608
    " from generate_series(1, 40) g"
)
AFTER = (
    f"insert into public.notes values (100, 'after', {WINTER});"  # noqa: S608
    f"update public.notes set v = 'after', updated_at = {WINTER} where id = 7"
)
EARLIER = """
update sync_metadata set state = regexp_replace(state::text, '"moved_at": "[^"]*"', format('"moved_at": "%s"',
  to_char(now() at time zone 'utc' - interval '40 minutes', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), 'g')::jsonb
"""


def test_rows_of_the_second_hour_arrive_however_long_the_first_one_was_quiet(
    cluster: Cluster, tmp_path: Path
) -> None:
    with between(cluster, tmp_path, ROLES + TABLE, ROLES + TABLE, ENDS + "tables:\n  notes: {}\n") as made:
        space: Workspace = made.ready()
        space.old.run(BEFORE)
        assert space.supasync("sync").code == 0
        space.new.run(EARLIER)  # so much time went by
        assert space.supasync("sync").code == 0
        space.old.run(AFTER)
        assert space.supasync("sync").code == 0
        space.assert_equal("notes")


MIXED = """
create domain public.past as timestamptz default now() - interval '1 hour';
create table public.zoned (id int primary key, x {0}, updated_at public.past);
create table public.bare (id int primary key, x {1}, updated_at public.past);
create table public.several (id int primary key, x {0}[], updated_at public.past);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
KINDS = ("timestamptz", "timestamp")
TABLES = "tables:\n  zoned: {}\n  bare: {}\n  several: {}\n"
WINTER_ROWS = """
insert into public.zoned select g, '2025-01-15 10:00+00' from generate_series(1, 99) g;
insert into public.bare select g, '2025-01-15 10:00' from generate_series(1, 99) g;
insert into public.several select g, '{2025-01-15 10:00:00.5+00,NULL}' from generate_series(1, 99) g;
"""
SUMMER_DAY = "update public.{} set x = {} where id = 41"


def test_a_zone_that_only_one_sides_type_has_changes_no_moment_unseen(
    cluster: Cluster, tmp_path: Path
) -> None:
    """In the zone of both databases winter is UTC: one row of summer tells."""
    old, new = MIXED.format(*KINDS), MIXED.format(*reversed(KINDS))
    with between(cluster, tmp_path, ROLES + old, ROLES + new, ENDS + TABLES) as made:
        for end in (made.old, made.new):
            end.run(f"alter database {end.database} set timezone = 'Europe/London'")
            end.server.reconnect()
        space = made.ready()
        made.old.run(WINTER_ROWS)
        for words in (["sync"], ["verify", "--exact"]):
            done = space.supasync(*words)
            assert done.code == 0, done.out + done.err
        for table, value in (("zoned", "'2025-07-15 10:00+00'"), ("bare", "'2025-07-15 10:00'")):
            made.old.run(SUMMER_DAY.format(table, value))
        made.old.run(SUMMER_DAY.format("several", "array['2025-07-15 10:00+00'::timestamptz]"))
        done = space.supasync("sync", "--full", "zoned", "--full", "bare", "--full", "several")
        assert done.code == 3
        for table in ("zoned", "bare", "several"):
            assert f"{table}: failed: NEW changed x after it was written" in done.err
        assert space.supasync("verify", "--exact").code == 1
