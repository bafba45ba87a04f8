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
