"""What must stop a table, or alarm, because its cursor would mean nothing: settings, columns, triggers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.events (id bigint primary key, label text, extra text,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + "tables:\n  events: {}\n"
ROWS = "insert into public.events (id, label) select g, 'e' || g from generate_series(1, 30) g"


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, SCHEMA, SCHEMA, CONFIG) as made:
        made.ready().old.run(ROWS)
        assert made.supasync("sync").code == 0
        yield made


@pytest.mark.parametrize(
    "setting",
    ["where: id=gt.10", "columns: [id, label, updated_at]", "exclude: [extra]", "timestamp: created_at"],
)
def test_a_changed_setting_stops_the_table_until_it_is_copied_anew(space: Workspace, setting: str) -> None:
    space.write("tables.yaml", CONFIG.replace("events: {}", f"events: {{{setting}}}"))
    done = space.supasync("sync")
    assert done.code == 3
    name = setting.partition(":")[0]
    assert f"events: failed: {name} changed since its rows were copied" in done.err
    assert "supasync sync --full events" in done.err
    assert space.supasync("sync", "--full", "events").code == 0
    assert space.supasync("sync").code == 0


def test_a_changed_transform_stops_the_table(space: Workspace) -> None:
    plugin = (
        "from supasync_core import hookimpl\n\ndef mask(row):\n    row['label'] = 'one'\n    return row\n\n"
        "@hookimpl\ndef supasync_register_transforms(registry):\n    registry.add('mask', mask)\n"
    )
    space.write("mine.py", plugin)
    config = CONFIG.replace("tables:\n", "plugins: [./mine.py]\ntables:\n")
    space.write("tables.yaml", config.replace("events: {}", "events: {transform: [mask]}"))
    assert space.supasync("sync", "--full", "events").code == 0
    space.write("mine.py", plugin.replace("'one'", "'two'"))
    done = space.supasync("sync")
    assert done.code == 3
    assert "transform changed" in done.err


def test_a_column_that_old_gained_stops_the_table(space: Workspace) -> None:
    for end in (space.old, space.new):
        end.run("alter table public.events add column colour text")
    space.old.run("update public.events set colour = 'red', updated_at = now() where id = 1")
    done = space.supasync("sync")
    assert done.code == 3
    assert "OLD gained column colour; rows already copied do not have that change" in done.err
    assert space.supasync("sync", "--full", "events").code == 0
    space.assert_equal("events")


def test_a_trigger_in_new_that_stamps_rows_is_found_at_the_first_update(space: Workspace) -> None:
    space.new.run(
        "create function public.touch() returns trigger language plpgsql as "
        "$$ begin new.updated_at := now() + interval '1 minute'; return new; end $$;"
        "create trigger touch before update on public.events for each row execute function public.touch()"
    )
    space.old.run("update public.events set label = 'new', updated_at = now() where id = 3")
    done = space.supasync("sync")
    assert done.code == 3
    assert "NEW changed updated_at after it was written: a trigger there sets it" in done.err
    space.new.run("alter table public.events disable trigger touch")
    assert space.supasync("sync", "--full", "events").code == 0
    space.assert_equal("events")


def test_a_table_whose_rows_vanished_is_an_alarm(space: Workspace) -> None:
    space.old.run("delete from public.events")
    assert space.supasync("sync").code == 0
    long_ago = "jsonb_set(state, '{tables,events,alive_at}', '\"2026-01-01T00:00:00Z\"')"
    space.new.run(f"update sync_metadata set state = {long_ago}")  # noqa: S608 - a fixed text
    slow = {"kind": "answer", "status": 500, "body": '{"code":"57014","message":"canceling"}', "times": None}
    space.old.server.misbehave({**slow, "path": "/events.*limit=1(&|$)"})
    assert space.supasync("sync").code == 0, "nothing is known of rows that are too slow to be seen"
    space.old.server.behave()
    done = space.supasync("sync")
    assert done.code == 3
    assert "events: failed: OLD returned no rows; this table had rows before" in done.err
    assert len(space.new.texts("events")) == 30


def test_rows_from_the_future_are_copied_and_counted(space: Workspace) -> None:
    space.old.run("update public.events set updated_at = now() + interval '1 year' where id in (1, 2)")
    assert space.supasync("sync").code == 0
    assert "events: 2 rows are stamped in the future" in space.supasync("status").out
    space.old.run("insert into public.events (id) values (99)")
    assert space.supasync("sync").code == 0
    space.assert_equal("events")


def test_another_old_is_refused(space: Workspace, cluster: Cluster, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with between(cluster, other, SCHEMA, SCHEMA, CONFIG) as strange:
        url = strange.old.server.url.removesuffix("/rest/v1")
        done = space.supasync("sync", environment={"OLD_SUPABASE_URL": url})
    assert done.code == 3
    assert "this sink holds rows of" in done.err


def test_a_closed_new_is_refused_until_it_is_reopened(space: Workspace) -> None:
    assert space.supasync("state", "close").code == 0
    space.old.run("update public.events set label = 'late', updated_at = now() where id = 1")
    for command in (["sync"], ["state", "reset", "events"], ["quarantine", "retry"]):
        done = space.supasync(*command)
        assert done.code == 3
        assert "NEW was closed at" in done.err
    assert space.supasync("state", "reopen").code == 0
    assert space.supasync("sync").code == 0
    space.assert_equal("events")


def test_check_says_that_new_lacks_rows_that_were_read(space: Workspace) -> None:
    space.old.run(space.supasync("schema", "sql", "--old").out)
    config = CONFIG.replace("events: {}", "events: {strategy: snapshot}")
    space.write("tables.yaml", config.replace('ROLE_KEY}"}\nsink', 'ROLE_KEY}", horizon: true}\nsink'))
    for command in (("sync", "--full", "events"), ("sync",)):
        assert space.supasync(*command).code == 0
    lacks = "were read that OLD still has"
    space.old.run("insert into public.events (id) values (31)")
    assert lacks not in space.supasync("check").out, "a new row is not missed yet"
    space.new.run("delete from public.events where id in (7, 8)")
    done = space.supasync("check")
    assert f"warning: events: NEW has 28 rows, and 30 {lacks}" in done.out
    assert "supasync sync --full events" in done.out
