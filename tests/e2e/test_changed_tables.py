"""`tables.yaml` changes in the middle of a migration: `check` says what `sync` refuses, no state is lost."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

_COLUMNS = """(id bigint primary key, label text, extra text, number bigint not null,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now());
"""
SCHEMA = (
    ROLES
    + "".join(f"create table public.{name} {_COLUMNS}" for name in ("events", "orders", "others"))
    + "grant select, insert, update, delete on all tables in schema public to service_role;\n"
)
CONFIG = ENDS + "tables:\n  events: {}\n  orders: {}\n"
ALONE = ENDS + "tables:\n  events: {}\n"
_ROWS = """insert into public.{} (id, label, number, updated_at)
  select g, 'e' || g, g, now() - g * interval '1 hour' from generate_series(1, 30) g;
"""
ROWS = "".join(map(_ROWS.format, ("events", "orders", "others")))
PLUGIN = """
from supasync_core import hookimpl
from supasync_tables.incremental import Incremental

class Mine(Incremental):
    version = 1

def mask(row):
    row['label'] = 'one'
    return row

@hookimpl
def supasync_register_strategies(registry):
    registry.add('mine', Mine)

@hookimpl
def supasync_register_transforms(registry):
    registry.add('mask', mask)
"""


@pytest.fixture(scope="module")
def synced(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Two tables that were copied."""
    folder = tmp_path_factory.mktemp("changed")
    with between(cluster, folder, SCHEMA + ROWS, SCHEMA + ROWS.replace("30", "0"), CONFIG) as made:
        made.write("mine.py", PLUGIN)
        made.ready()
        assert made.supasync("sync").code == 0
        yield made.keep()


@pytest.fixture
def space(synced: Workspace) -> Workspace:
    return synced.again()


def changed(space: Workspace, events: str, config: str = CONFIG) -> None:
    text = config.replace("tables:", "plugins: [mine.py]\ntables:")
    space.write("tables.yaml", text.replace("events: {}", f"events: {events}"))


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("where: id=gt.10", "where"),
        ("key: number", "key"),
        ("timestamp: [updated_at, created_at]", "timestamp"),
        ("exclude: extra", "exclude"),
        ("transform: mask", "transform"),
        ("strategy: snapshot", "strategy"),
        ("table: others", "table"),
    ],
)
def test_check_says_what_sync_refuses(space: Workspace, setting: str, name: str) -> None:
    changed(space, f"{{{setting}}}")
    sentence = f"{name} changed since its rows were copied, and those rows would stay as they are"
    check = space.supasync("check")
    assert check.code == 3
    assert f"problem: events: {sentence}\n" in check.out
    assert check.out.endswith("not ready\n")
    sync = space.supasync("sync")
    assert sync.code == 3
    assert f"events: failed: {sentence}\n" in sync.err
    changed(space, "{}")
    assert space.supasync("check").out.endswith("everything is in place\n")


def test_check_says_that_old_gained_a_column(space: Workspace) -> None:
    space.old.run("alter table public.events add more text")
    space.new.run("alter table public.events add more text")
    try:
        check = space.supasync("check")
        assert check.code == 3
        assert "events: OLD gained column more; rows already copied do not have that change" in check.out
        assert "OLD gained column more; rows already copied" in space.supasync("sync").err
    finally:
        space.old.run("alter table public.events drop more")
        space.new.run("alter table public.events drop more")


def test_check_says_what_keeps_a_run_from_copying_anything(space: Workspace) -> None:
    assert space.supasync("state", "close").code == 0
    check = space.supasync("check")
    assert check.code == space.supasync("sync").code == 3
    assert "problem: NEW was closed at" in check.out
    assert space.supasync("state", "reopen").code == 0
    space.write("tables.yaml", CONFIG.replace("tables:", "budgets: {requests: 20}\non_budget: stop\ntables:"))
    check = space.supasync("check")
    assert check.code == space.supasync("sync").code == 3
    assert "problem: " in check.out
    assert "the run stops before it exceeds that" in check.out
    off = {"ENABLE_HOURLY_SYNC": "false"}
    space.write("tables.yaml", CONFIG)
    check = space.supasync("check", environment=off)
    assert check.code == space.supasync("sync", environment=off).code == 0
    assert "warning: sync is disabled" in check.out


def test_a_strategy_of_another_version_copies_its_tables_again(space: Workspace) -> None:
    changed(space, "{strategy: mine}")
    assert space.supasync("sync", "--full", "events").code == 0
    assert space.supasync("check").code == space.supasync("sync").code == 0
    space.write("mine.py", PLUGIN.replace("version = 1", "version = 2"))
    assert "events: the strategy's version changed since its rows were copied" in space.supasync("check").out
    done = space.supasync("sync")
    assert done.code == 3
    assert "events: failed: the strategy's version changed since its rows were copied" in done.err
    assert space.supasync("sync", "--full", "events").code == 0
    assert space.supasync("check").code == space.supasync("sync").code == 0


def test_a_table_that_was_removed_is_named_and_its_state_kept(space: Workspace) -> None:
    space.write("tables.yaml", ALONE)
    done = space.supasync("sync")
    assert done.code == 0
    assert (done.out + done.err).count("not in tables.yaml any more: orders; the state is kept") == 1
    for command in (("status",), ("state", "show")):
        shown = space.supasync(*command)
        assert shown.code == 0
        assert "not in tables.yaml any more, their state is kept: orders" in shown.out
    assert space.supasync("status", "--json").json["gone"] == ["orders"]
    check = space.supasync("check")
    assert check.code == 0
    assert (
        "warning: orders is not in tables.yaml any more; its state is kept (read to its end at" in check.out
    )
    space.write("tables.yaml", CONFIG)
    assert space.supasync("check").out.endswith("everything is in place\n")
    done = space.supasync("sync")
    assert (done.code, "orders: 1/1 row" in done.out) == (0, True)
    assert "not in tables.yaml any more" not in space.supasync("status").out


def test_a_table_that_comes_back_emptied_is_not_in_place(space: Workspace) -> None:
    space.write("tables.yaml", ALONE)
    assert space.supasync("sync").code == 0
    space.new.run("truncate public.orders")
    space.write("tables.yaml", CONFIG)
    sentence = "NEW has no rows, and rows were copied: they would not be copied again"
    check = space.supasync("check")
    assert check.code == 3
    assert f"problem: orders: {sentence}\n  to copy all rows again: supasync sync --full orders" in check.out
    for _ in range(2):  # not only once
        done = space.supasync("sync")
        assert done.code == 3
        assert f"orders: failed: {sentence}\n" in done.err
    assert space.supasync("sync", "--full", "orders").code == 0
    assert space.old.texts("orders") == space.new.texts("orders")
    assert space.supasync("check").out.endswith("everything is in place\n")


def test_a_table_emptied_in_new_is_not_in_place(space: Workspace) -> None:
    """Also where no run has seen that it was removed."""
    space.new.run("truncate public.orders")
    check = space.supasync("check", "--json")
    assert (check.code, check.json["fine"]) == (3, False)
    assert [each["text"] for each in check.json["findings"] if each["level"] == "problem"] == [
        "orders: NEW has no rows, and rows were copied: they would not be copied again"
    ]


def test_a_table_at_rest_that_was_emptied_is_found_within_a_day(space: Workspace) -> None:
    age(space, "keysets,updated_at,moved_at")
    assert space.supasync("sync").code == 0  # which settles the cursor: the next one reads nothing
    space.new.run("truncate public.orders")
    age(space, "alive_at")
    done = space.supasync("sync")
    assert done.code == 3
    assert "orders: failed: NEW has no rows, and rows were copied" in done.err
    assert "events: " in done.out


def age(space: Workspace, what: str) -> None:
    """Let a time in the state of orders be long ago."""
    aged = f"""jsonb_set(state, '{{tables,orders,{what}}}', '"2026-01-01T00:00:00Z"')"""
    space.new.run(f"update sync_metadata set state = {aged} where state is not null")  # noqa: S608 - fixed texts


def test_a_baseline_that_new_does_not_meet_is_said(space: Workspace) -> None:
    space.new.run("truncate public.orders; truncate public.sync_metadata")
    done = space.supasync("setup", "--from", "now")
    assert done.code == 0, done.err
    check = space.supasync("check")
    assert "warning: orders: NEW has no rows, and rows that OLD had before 2" in check.out
    assert "warning: events: NEW has no rows" not in check.out


def test_a_table_that_was_removed_can_be_forgotten(space: Workspace) -> None:
    space.write("tables.yaml", ALONE)
    done = space.supasync("state", "reset", "orders")
    assert (done.code, done.out) == (0, "orders: forgotten; its rows stay in NEW\n")
    assert len(space.new.texts("orders")) == 30
    assert "orders" not in space.supasync("status").out
    assert "orders" not in space.supasync("state", "show").out
    assert space.supasync("state", "reset", "orders").code == 2


def test_a_renamed_table_goes_on_with_its_state(space: Workspace) -> None:
    for end in (space.old, space.new):
        end.run("alter table public.orders rename to purchases")
    try:
        space.old.run("insert into public.purchases (id, label, number) values (99, 'new', 99)")
        space.write("tables.yaml", CONFIG.replace("orders: {}", "purchases: {was: orders}"))
        assert "purchases" in space.supasync("state", "show").out
        assert space.supasync("check").code == 0
        done = space.supasync("sync")
        assert done.code == 0
        assert re.search("purchases: [12]/[12] rows? synced", done.out)  # not all of them
        assert "not in tables.yaml" not in done.out + done.err
        assert space.old.texts("purchases") == space.new.texts("purchases")
        assert "orders" not in space.supasync("state", "show").out
        space.write("tables.yaml", CONFIG.replace("orders: {}", "purchases: {}"))  # was: has done its work
        done = space.supasync("sync")
        assert done.code == 0
        assert re.search("purchases: [12]/[12] rows? synced", done.out)
    finally:
        for end in (space.old, space.new):
            end.run("alter table public.purchases rename to orders")


def test_a_state_is_not_taken_over_by_another_table_of_old(space: Workspace) -> None:
    """It went on behind the other table's cursor, and called that a success."""
    for end in (space.old, space.new):
        end.run("create table if not exists public.returns (like public.orders including all)")
        end.run("grant all on public.returns to service_role")
    space.old.run("insert into public.returns select * from public.orders")
    space.write("tables.yaml", CONFIG.replace("orders: {}", "returns: {was: orders}"))
    told = "rows of OLD's table orders were copied, and returns is another one: OLD still has both"
    assert told in space.supasync("check").out
    done = space.supasync("sync")
    assert (done.code, told in done.err) == (3, True), done.err
    assert "supasync state reset returns" in done.err
    space.write("tables.yaml", CONFIG.replace("orders: {}", "returns: {was: orders, table: orders}"))
    assert space.supasync("sync").code == 0  # the entry alone has another name
    space.write("tables.yaml", CONFIG.replace("orders: {}", "returns: {table: returns}"))
    assert "table changed since its rows were copied" in space.supasync("check").out


def test_a_removed_plugin_stops_no_status(space: Workspace) -> None:
    changed(space, "{strategy: mine, transform: mask}")
    assert space.supasync("sync", "--full", "events").code == 0
    (space.folder / "mine.py").unlink()
    assert space.supasync("sync").code == 2
    status = space.supasync("status")
    assert status.code == 0
    assert "last run: success" in status.out
    assert "mine.py" in status.err
    config = (space.folder / "tables.yaml").read_text()
    space.write("tables.yaml", config.replace("plugins: [mine.py]\n", ""))
    for command in (("status",), ("state", "show"), ("usage",), ("quarantine", "list")):
        done = space.supasync(*command)
        assert done.code == 0, done.err
        assert "unknown strategy mine" in done.err
        assert "unknown transform mask" in done.err
        assert "events" in done.out or command[0] in {"usage", "quarantine"}
    named = "notify: gone_notifier\nchecks: gone_check\ntables:"
    space.write("tables.yaml", CONFIG.replace("tables:", named))
    done = space.supasync("status")
    assert (done.code, done.err.count("unknown ")) == (0, 2), done.err
    space.write("tables.yaml", CONFIG.replace("source: {backend: rest", "source: {backend: gone"))
    assert space.supasync("status").code == 0
    assert "unknown source backend gone" in space.supasync("status").err


def test_check_refuses_no_table_that_sync_takes(cluster: Cluster, tmp_path: Path) -> None:
    """Whatever decides which columns come: a made key, marks of deletes, a choice, computed columns."""
    schema = (
        ROLES
        + """
create table public.tags (label text);
create table public.marked (id int primary key, updated_at timestamptz, deleted_at timestamptz);
create table public.chosen (id int primary key, a text, b text,
  updated_at timestamptz not null default now());
create table public.computed (id int primary key, a int, b int generated always as (a + 1) stored,
  updated_at timestamptz not null default now());
create table public.nothing (id int primary key, updated_at timestamptz);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
    )
    rows = """
insert into public.tags values ('a'), ('a');
insert into public.marked values (1, now(), now()), (2, now(), null);
insert into public.chosen values (1, 'a', 'b');
insert into public.computed (id, a) values (1, 1);
"""
    config = ENDS + (
        "tables:\n  tags: {strategy: snapshot, key: supasync_row, deletes: report}\n"
        "  marked: {soft_delete: deleted_at}\n  chosen: {columns: [id, a, updated_at]}\n"
        "  computed: {exclude: [a, b]}\n  nothing: {}\n"
    )
    with between(cluster, tmp_path, schema + rows, schema, config) as space:
        space.ready()
        for _ in range(2):
            done = space.supasync("sync")
            assert done.code == 0, done.out + done.err
            check = space.supasync("check")
            assert check.code == 0, check.out
            assert check.out.endswith("everything is in place\n")


def test_check_warns_of_a_text_that_holds_timestamps_unless_the_table_is_compared(space: Workspace) -> None:
    warning = "warning: others: label is a text in OLD: a row whose label is written in another form"
    space.write("tables.yaml", CONFIG + "  others: {timestamp: label, updates: seen}\n")
    assert warning in space.supasync("check").out
    space.write("tables.yaml", CONFIG + "  others: {timestamp: label, updates: seen, compare_every: 24h}\n")
    assert warning not in space.supasync("check").out
