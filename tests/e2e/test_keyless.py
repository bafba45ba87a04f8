"""A table without any key: its rows are copied as often as they are there, between real servers."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Completed, End, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.fork_server import Forked
from tests.servers.postgres import Cluster

TABLE = """
create table public.tags (label text, doc json, price numeric, weight float8, at timestamptz, codes int[]);
grant select, insert, update, delete on public.tags to service_role;
"""
SCHEMA = ROLES + TABLE
MIXED = """
insert into public.tags values (null, null, null, null, null, null), (null, null, null, null, null, null),
  ('a', '{"x": 1.50}', 1.50, 0.1, '2026-01-01 12:00+02', '{1,2}'), ('a', '{"x":1.50}', 1.5, 0.1, null, '{}');
insert into public.tags (label, price) select 'same', 7 from generate_series(1, 9);
insert into public.tags (label) select 'n' || g from generate_series(1, 30) g;
"""
"""43 rows, of which 34 differ."""
CONFIG = ENDS + (
    "defaults: {overlap: 0s, compare_every: 1m}\n"
    "tables:\n  tags: {strategy: snapshot, key: supasync_row, deletes: report, page_size: 7}\n"
)
MIRROR = CONFIG.replace("report", "mirror")
CHANGES = (
    "update public.tags set price = 8 where ctid = (select max(ctid) from public.tags where label = 'same');"
    "delete from public.tags where label = 'n1'; insert into public.tags (label) values ('n2'), ('new')"
)


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, SCHEMA + MIXED, SCHEMA, CONFIG) as made:
        yield made.ready()


def rows(end: End) -> list[str]:
    """Every row without the key that supasync made, as often as it is there."""
    query = "select t::text from (select label, doc, price, weight, at, codes from public.tags) t order by 1"
    return [row[0] for row in end.rows(query)]


def assert_same(space: Workspace) -> None:
    assert rows(space.new) == rows(space.old)


def synced(space: Workspace, code: int = 0) -> Completed:
    done = space.supasync("sync")
    assert done.code == code, done.out + done.err
    return done


def age(space: Workspace) -> None:
    """Let the next run look for deleted rows again, and nothing of an earlier run arrive late."""
    space.new.run(
        "update public.sync_metadata set state = jsonb_set(state, '{tables,tags,verified_at}', "
        "'\"2020-01-01T00:00:00Z\"') where state #> '{tables,tags}' is not null"
    )


def test_rows_arrive_as_often_as_they_are_there_and_an_idle_run_sends_none(space: Workspace) -> None:
    assert "43" in synced(space).out
    assert_same(space)
    assert len(rows(space.new)) == 43
    space.new.server.reset()
    synced(space)
    assert [r for r in space.new.server.requests() if "/tags" in r["path"] and r["method"] == "POST"] == []
    done = space.supasync("verify", "--json")
    assert (done.code, done.json["values_compared"]) == (0, True)


def test_what_changed_is_reported_and_mirrored_row_by_row(space: Workspace) -> None:
    synced(space)
    space.old.run(CHANGES)
    done = synced(space)
    assert "2 rows of NEW are deleted in OLD" in done.out + done.err
    assert "2 rows are in NEW and not in OLD" in space.supasync("status").out
    different = space.supasync("verify", "--json")
    assert (different.code, len(different.json["tables"]["tags"]["extra"])) == (1, 2)
    assert len(rows(space.new)) == len(rows(space.old)) + 2
    space.write("tables.yaml", MIRROR)
    age(space)
    synced(space)
    assert_same(space)
    assert space.supasync("verify").code == 0
    undone = space.supasync("reconcile", "undo")
    assert undone.code == 0, undone.err
    assert len(rows(space.new)) == len(rows(space.old)) + 2


def test_the_answer_to_a_write_is_lost_and_no_row_is_there_twice(space: Workspace) -> None:
    space.new.server.misbehave({"kind": "answer-after", "method": "POST", "path": "tags", "status": 500})
    synced(space)
    assert_same(space)


@pytest.mark.timeout(900)
def held(space: Workspace, process: subprocess.Popen[str] | Forked) -> bool:
    """Whether a request of the run is held; False once the run has ended without."""
    while process.poll() is None:
        with suppress(TimeoutError):
            space.new.server.wait_held(seconds=0.2)
            return True
    return False


def test_killed_at_every_write_no_row_is_there_twice(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("page_size: 7", "page_size: 20"))
    writes = 0
    for nth in range(1, 9):
        for kind in ("hold-before", "hold-after"):
            space.new.run("truncate public.tags")
            space.forget()
            space.new.server.behave()
            space.new.server.misbehave({"kind": kind, "method": "POST", "nth": nth})
            with space.command("sync") as process:
                if not held(space, process):
                    break
                process.send_signal(signal.SIGKILL)
            writes += 1
            space.new.server.behave()
            synced(space)
            assert_same(space)
    assert writes >= 6


def test_a_write_of_a_killed_run_that_arrives_after_the_next_ones_adds_no_row(space: Workspace) -> None:
    space.new.server.misbehave({"kind": "hold-before", "method": "POST", "path": "tags"})
    with space.command("sync") as process:
        space.new.server.wait_held(seconds=60)
        process.send_signal(signal.SIGKILL)
    synced(space)
    assert_same(space)
    space.new.server.release()
    space.new.server.behave()
    synced(space)
    assert_same(space)


def test_a_value_that_was_changed_in_new_and_a_row_that_is_too_often_there_are_named(
    space: Workspace,
) -> None:
    synced(space)
    space.new.run("update public.tags set price = 1 where label = 'n3'")
    space.new.run("insert into public.tags (label) values ('n4')")
    done = space.supasync("verify", "--json")
    table = done.json["tables"]["tags"]
    assert done.code == 1
    assert [each["columns"] for each in table["changed"]] == [["price"]]
    assert table["unmet"] == 1


def test_init_proposes_the_key_of_the_rows_once_new_tells_that_there_is_no_other(space: Workspace) -> None:
    view = "create view public.shown as select label from public.tags; grant select on shown to service_role"
    for end in (space.old, space.new):
        end.run(view)
    (space.folder / "tables.yaml").unlink()
    space.old.run(
        "create table public.users (id int primary key); grant select on public.users to service_role"
    )
    space.new.run(
        "create table public.users (id int primary key); grant all on public.users to service_role;"
        "alter table public.tags drop column supasync_row"
    )
    assert space.supasync("init").code == 0
    text = (space.folder / "tables.yaml").read_text()
    assert "    key: supasync_row" in text
    assert "    deletes: report" in text
    assert "- shown" in text
    assert "is it a view?" in " ".join(text.replace("#", " ").split())
    done = space.supasync("check")
    assert done.code == 3
    assert "tags: NEW has no column supasync_row" in done.out
    assert "paste what supasync schema sql prints into NEW's SQL editor" in done.out
    assert done.out.count("problem: ") == 1, done.out
    assert "  supasync schema sql  " in space.supasync("setup").out
    space.new.run(space.supasync("schema", "sql").out)
    assert space.supasync("setup").code == 0
    synced(space)
    assert_same(space)
    space.new.run(space.supasync("schema", "sql", "--uninstall").out)
    columns = space.new.rows("select column_name from information_schema.columns where table_name = 'tags'")
    assert ("supasync_row",) not in columns


def test_a_table_that_is_too_large_or_of_partitions_is_refused_by_name(space: Workspace) -> None:
    space.old.run(
        "create table public.parts (a int, b int) partition by list (a);"
        "create table public.part1 partition of public.parts for values in (1);"
        "create table public.part2 partition of public.parts for values in (2);"
        "insert into public.parts select 1 + g % 2, g from generate_series(1, 4) g;"
        "grant select on public.parts to service_role;"
        "insert into public.tags (label) select 'x' from generate_series(1, 20001)"
    )
    space.new.run("create table public.parts (a int, b int, supasync_row text unique)")
    space.new.run("grant all on public.parts to service_role")
    space.write("tables.yaml", CONFIG + "  parts: {strategy: snapshot, key: supasync_row, deletes: report}\n")
    done = synced(space, 3)
    assert "tags: failed: it is too large to be read as a whole: more than 20,000 rows" in done.err
    assert "parts: failed: it shows rows of several tables (partitions, INHERITS)" in done.err
    assert rows(space.new) == []


def test_a_column_that_is_added_stops_the_table_before_a_row_is_sent_twice(space: Workspace) -> None:
    synced(space)
    for end in (space.old, space.new):
        end.run("alter table public.tags add column more int default 1")
    done = synced(space, 3)
    assert "OLD gained column more; rows already copied" in done.err
    assert 'run truncate "public"."tags"; in NEW, then supasync sync --full tags' in done.err
    assert len(rows(space.new)) == 43
    space.new.run('truncate "public"."tags"')
    assert space.supasync("sync", "--full", "tags").code == 0
    assert_same(space)


def test_by_hand_it_is_not_carried_over_and_that_is_said(space: Workspace) -> None:
    done = space.supasync("gap", "sql")
    assert done.code == 0, done.err
    assert "tags: it has no key, so it is not carried over by hand" in done.err
    (space.folder / "export").mkdir()
    space.write("export/tags.csv", "label,doc,price,weight,at,codes\na,,1,,,\n")
    for accepted in ((), ("--accept", "header")):
        done = space.supasync("gap", "import", "export", "--yes", *accepted)
        assert done.code == 3
        assert "error: tags: it has no key, so it is not carried over by hand" in done.out
    assert rows(space.new) == []


def test_rows_that_new_has_without_the_key_are_a_problem_before_the_first_sync(space: Workspace) -> None:
    space.new.run("insert into public.tags (label) values ('a'), ('b')")
    done = space.supasync("check")
    assert done.code == 3
    assert "problem: tags: 2 rows of NEW have no supasync_row" in done.out
    synced(space)
    assert space.supasync("verify").code == 1


def test_a_row_that_new_refuses_is_set_aside_and_arrives_later(space: Workspace) -> None:
    space.new.run("alter table public.tags add constraint low check (price <> 1.5)")
    done = synced(space, 3)
    assert "2 rows" in done.err
    assert len(rows(space.new)) == 41
    space.new.run("alter table public.tags drop constraint low")
    synced(space)
    assert_same(space)


def test_it_is_switched_and_the_column_goes_with_supasync(space: Workspace) -> None:
    own = (space.folder / ".env").read_text()
    space.write(".env", own + "SUPABASE_ANON_KEY=sb_publishable_for_tests_new\n")
    done = space.supasync("cutover", "--yes", "--json")
    assert done.code == 0, done.out + done.err
    check = {each["name"]: each for each in done.json["checks"]}["verification"]
    assert check["evidence"]["tables"]["tags"]["values_compared"]
    assert_same(space)


def test_both_sides_are_compared_and_reconciled_by_diff(space: Workspace) -> None:
    synced(space)
    assert space.supasync("diff", "old", "new").code == 0
    space.new.run("update public.tags set price = 1 where label = 'n3'")
    assert space.supasync("diff", "old", "new").code == 1
