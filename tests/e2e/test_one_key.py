"""Two rows of OLD that would be one row of NEW: the table stops and names both, whoever makes them equal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import TABLES_YAML, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLE = """
create table public.events (at {0} primary key, note text);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
CONFIG = TABLES_YAML.split("tables:\n")[0] + "tables:\n  events: {key: at, plugin: snapshot}\n"


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
    assert "the rows 2026-01-01T07:00:00+00:00 and 2026-01-01T07:00:00.2+00:00 of (at)" in done.err
    assert "would be one row of NEW" in done.err
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
    assert "events: 1 row was refused and set aside" in done.err
    assert len(space.new.texts("events")) == 11
