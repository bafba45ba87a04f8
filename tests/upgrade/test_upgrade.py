"""A migration that an earlier version has begun goes on: no new copy, no --full, no script pasted again."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest

from tests.e2e.workspace import Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

STORED = Path(__file__).parent / "from_0_1_0"
TABLES = ("users", "jobs", "logs", "plans", "notes")
RESTORE = """
insert into public.sync_metadata overriding system value
select * from jsonb_populate_recordset(null::public.sync_metadata, %s::jsonb);
"""
SEQUENCE = "select setval(pg_get_serial_sequence('public.sync_metadata', 'seq'), max(seq)) from sync_metadata"


def stored(name: str) -> str:
    return (STORED / name).read_text(encoding="utf-8")


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    """Both projects and the folder as 0.1.0 has left them."""
    schema = ROLES + stored("schema.sql")
    refused = "delete from public.jobs where id = 7;"
    new = "".join([schema, stored("old.sql"), refused, stored("strict.sql"), stored("new.sql")])
    with between(cluster, tmp_path, schema + stored("old.sql"), new, stored("tables.yaml")) as made:
        made.write("mine.py", stored("mine.txt"))
        names = {
            f"{name}-PROJECT": end.server.url.removeprefix("http://").removesuffix("/rest/v1")
            for name, end in (("OLD", made.old), ("NEW", made.new))
        }
        restore(made, named(stored("sync_metadata.json"), names))
        restage(made, names)
        made.requests()
        yield made


def named(text: str, names: dict[str, str]) -> str:
    for name, project in names.items():
        text = text.replace(name, project)
    return text


def restore(space: Workspace, records: str) -> None:
    with psycopg.connect(space.new.cluster.url(space.new.database)) as connection:
        connection.execute("truncate public.sync_metadata")
        connection.execute(RESTORE, [records])
        connection.execute(SEQUENCE)


def restage(space: Workspace, names: dict[str, str]) -> None:
    folder = space.folder / "staged"
    folder.mkdir()
    for path in (STORED / "staging").iterdir():
        text = named(path.read_text(encoding="utf-8"), names).replace("FROM '", f"FROM '{folder}/")
        (folder / path.name).write_text(text, encoding="utf-8")
    with duckdb.connect(str(space.folder / "staging.duckdb")) as connection:
        connection.execute((folder / "schema.sql").read_text())
        connection.execute((folder / "load.sql").read_text())


def change(space: Workspace) -> None:
    """The app goes on: one new row and one changed row in each table, and a job is deleted."""
    space.old.run(
        """
        insert into public.users values (gen_random_uuid(), 'new@example.test', now(), now());
        insert into public.jobs values (900, null, 'new', 'x', now());
        insert into public.logs values (900, 'new');
        insert into public.plans values ('new', 1.50);
        insert into public.notes values (900, 'new', now());
        update public.users set email = 'changed@example.test', updated_at = now()
        where email = 'user4@example.test';
        update public.jobs set label = 'changed', updated_at = now() where id = 4;
        update public.plans set price = 0.10 where id = 'plan 4';
        update public.notes set text = 'changed', updated_at = now() where id = 4;
        delete from public.jobs where id = 9;
        """
    )


def assert_equal(space: Workspace) -> None:
    """But for job 7, which NEW refuses, and job 9: its removal waits for functions that tell foreign keys."""
    for table in TABLES:
        columns = "id, user_id, label, updated_at" if table == "jobs" else "*"
        query = f"select t::text from (select {columns} from public.{table}) t order by 1"  # noqa: S608
        old, new = (
            [row for row in end.rows(query) if '"job 7"' not in row[0] and '"job 9"' not in row[0]]
            for end in (space.old, space.new)
        )
        assert new == old, table


def functions(space: Workspace) -> list[tuple[str, ...]]:
    return space.new.rows(
        "select proname::text, pg_get_functiondef(oid) from pg_proc where proname like 'supasync%' order by 1"
    )


def test_it_goes_on_from_its_cursors_with_the_functions_that_were_pasted(space: Workspace) -> None:
    before = functions(space)
    change(space)
    done = space.supasync("sync", "--json")
    assert done.code == 0, done.out + done.err
    assert any("jobs: NEW does not show its foreign keys" in note for note in done.json["notes"])
    assert done.json["tables"]["jobs"]["deleted"] == 1, "the staging knows that OLD had it"
    assert_equal(space)
    found = {name: table["synced"] for name, table in done.json["tables"].items()}
    assert found["jobs"] < 20, "read from the overlap on, not again"
    assert [row["key"] for row in json.loads(space.supasync("quarantine", "list", "--json").out)] == [["7"]]
    assert functions(space) == before
    assert any("supasync schema sql" in note for note in done.json["notes"])


def test_its_refused_row_arrives_once_new_takes_it(space: Workspace) -> None:
    space.new.run("alter table public.jobs drop constraint short")
    assert space.supasync("sync").code == 0
    assert json.loads(space.supasync("quarantine", "list", "--json").out) == []
    assert space.new.rows("select label from public.jobs where id = 7") == [("job 7",)]


@pytest.mark.parametrize(
    ("command", "code"),
    [("check", 0), ("status", 0), ("state show", 0), ("verify", 1), ("quarantine retry", 3)],
)
def test_every_look_at_it_works(space: Workspace, command: str, code: int) -> None:
    done = space.supasync(*command.split())
    assert done.code == code, done.out + done.err


@pytest.mark.parametrize(
    "name", ["schema", "key", "timestamp", "plugin", "where", "columns", "exclude", "transform"]
)
def test_a_setting_that_the_earlier_version_did_not_store_is_no_difference(
    space: Workspace, name: str
) -> None:
    space.new.run(f"update sync_metadata set state = state #- '{{tables,users,settings,{name}}}'")  # noqa: S608
    change(space)
    done = space.supasync("sync")
    assert done.code == 0, done.err
    assert_equal(space)
    settings = space.new.rows(
        "select state -> 'tables' -> 'users' -> 'settings' from sync_metadata order by seq desc limit 1"
    )
    assert name in settings[0][0]


def test_a_snapshot_that_the_earlier_version_has_left_wrong_is_put_right(space: Workspace) -> None:
    space.new.run("update public.plans set price = 99 where id = 'plan 3'")  # as a killed run left it
    assert space.supasync("sync").code == 0
    assert_equal(space)
    assert "plans: 0/0" in space.supasync("sync").out


def test_a_run_of_the_earlier_version_that_was_killed_is_taken_over(space: Workspace) -> None:
    space.new.run(
        "update sync_metadata set sync_status = 'running', finished_at = null, lease_until = created_at "
        "where state is not null"
    )
    change(space)
    assert space.supasync("sync").code == 0
    assert_equal(space)


def test_the_scripts_of_this_version_are_pasted_over_those_of_the_earlier_one(space: Workspace) -> None:
    space.new.run(space.supasync("schema", "sql").out)
    change(space)
    done = space.supasync("sync")
    assert done.code == 0, done.err
    assert "schema sql" not in done.err
    assert_equal(space)


def test_records_restored_without_their_sequence_are_named_with_the_statement(space: Workspace) -> None:
    """The functions of 0.1.0 take such records for older ones; those of this version do not."""
    records = json.dumps([row for (row,) in space.new.rows("select to_jsonb(m) from sync_metadata m")])
    restore(space, re.sub(r'"seq": (\d)', r'"seq": 10\1', records))
    space.new.run("alter sequence sync_metadata_seq_seq restart with 1")
    done = space.supasync("sync")
    assert done.code == 3
    assert "restored without its sequence" in done.err
    statement = done.err.partition("run in NEW: ")[2].partition(";")[0]
    space.new.run(statement)
    assert space.supasync("sync").code == 0
