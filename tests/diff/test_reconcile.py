"""`supasync reconcile` into a real project: a plan first, then exactly it, and the way back."""

import json
from collections.abc import Iterator
from shutil import rmtree

import pytest

from tests.e2e.workspace import SCHEMA, TABLES, Workspace, between
from tests.gap.dialects import WRITERS
from tests.servers.postgres import Cluster

START = """
insert into public.users select md5('user' || g)::uuid, 'user' || g || '@example.test', 'free', g * 1.50,
  '{"n": 1.0}', '2024-01-01', null from generate_series(1, 40) g;
insert into public.jobs select g, md5('user' || 1 + g % 40)::uuid, 'queued', '{"a":  1}', g / 7.0,
  '2024-01-01', '2024-01-01' from generate_series(1, 60) g;
insert into public.ad_sessions select md5('ad' || g)::uuid, md5('user' || g)::uuid, 'p', 0.5, array[g, null],
  '2024-01-01', '2024-01-01' from generate_series(1, 10) g;
"""
UNSEEN = """
insert into public.users (id, email, created_at)
  values (md5('late')::uuid, 'late@example.test', '2020-01-01');
insert into public.jobs (id, user_id, payload, cost, created_at, updated_at) values
  (100, md5('late')::uuid, '{"b" : [1.50]}', 1.500, '2020-01-01', '2020-01-01');
update public.jobs set cost = cost + 1, payload = null where id between 1 and 5;
update public.users set email = 'swapped@example.test' where id = md5('user7')::uuid;
update public.users set email = 'user7@example.test' where id = md5('user8')::uuid;
"""
DELETED = "delete from public.jobs where id in (20, 21); delete from public.users where id = md5('new')::uuid"


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Two projects with the same tables."""
    with between(cluster, tmp_path_factory.mktemp("reconcile"), SCHEMA, SCHEMA) as made:
        yield made.ready()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    """The same rows on both sides; then OLD has changed in ways that sync cannot see."""
    for end in (shared.old, shared.new):
        end.run(f"alter table jobs drop constraint if exists cheap; truncate {', '.join(TABLES)}; {START}")
    shared.old.run(UNSEEN)
    shared.forget()
    rmtree(shared.folder / ".supasync", ignore_errors=True)
    rmtree(shared.folder / "export", ignore_errors=True)
    shared.requests()
    return shared


def test_a_plan_writes_nothing(space: Workspace) -> None:
    before = {table: space.new.texts(table) for table in (*TABLES, "sync_metadata")}
    done = space.supasync("reconcile", "old", "new", "--json")
    assert done.code == 0, done.err
    jobs = done.json["tables"]["jobs"]
    assert (jobs["insert"], jobs["update"], jobs["surplus"]) == (1, 5, 0)
    assert before == {table: space.new.texts(table) for table in before}
    assert {request["method"] for request in space.new.server.requests()} <= {"GET", "HEAD"}


def test_rows_are_made_equal_recorded_and_restored(space: Workspace) -> None:
    before = {table: space.new.texts(table) for table in TABLES}
    done = space.supasync("reconcile", "old", "new", "--apply")
    assert done.code == 0, done.out + done.err
    space.assert_equal()
    assert {request["method"] for request in space.old.server.requests()} <= {"GET", "HEAD"}
    ((status, records),) = space.new.rows(
        "select sync_status, records_synced from public.sync_metadata where command = 'reconcile'"
    )
    assert (status, records) == ("success", 9)
    assert space.supasync("diff", "old", "new").code == 0
    undone = space.supasync("reconcile", "undo")
    assert undone.code == 0, undone.out + undone.err
    inserted = {"users": "late@example.test", "jobs": "(100,"}
    for table, rows in before.items():
        mark = inserted.get(table)
        assert [row for row in space.new.texts(table) if not mark or mark not in row] == rows, table
    assert space.supasync("reconcile", "undo").code == 3


def test_rows_that_old_has_deleted_are_removed_where_old_was_seen_to_have_them(space: Workspace) -> None:
    space.new.run("insert into public.jobs (id) values (999)")
    kept = space.new.texts("jobs")
    plan = space.supasync("reconcile", "old", "new", "--table", "jobs", "--delete", "--json").json["tables"]
    assert (plan["jobs"]["surplus"], plan["jobs"]["delete"], plan["jobs"]["unproven"]) == (1, 0, 1)
    assert space.supasync("verify").code == 1
    space.old.run(DELETED)
    refused = space.supasync("reconcile", "old", "new", "--delete", "--apply", "--max-deletes", "1")
    assert refused.code == 3, refused.out + refused.err
    assert "--max-deletes" in refused.out
    assert space.new.rows("select count(*) from jobs where id in (20, 21)") == [(2,)]
    done = space.supasync("reconcile", "old", "new", "--delete", "--apply", "--max-deletes", "10%")
    assert done.code == 0, done.out + done.err
    assert space.new.rows("select id from jobs where id in (20, 21, 999)") == [(999,)]
    assert space.supasync("reconcile", "undo").code == 0
    assert space.supasync("reconcile", "undo").code == 0
    assert [row for row in space.new.texts("jobs") if "(100," not in row] == kept


def test_rows_that_new_refuses_are_named_and_the_others_are_written(space: Workspace) -> None:
    space.new.run("alter table public.jobs add constraint cheap check (id <> 3 or cost < 1)")
    done = space.supasync("reconcile", "old", "new", "--apply", "--json")
    assert done.code == 3, done.out + done.err
    jobs = done.json["tables"]["jobs"]
    assert [row["key"] for row in jobs["refused"]] == [["3"]]
    assert (jobs["inserted"], jobs["updated"]) == (1, 4)
    assert "cheap" in jobs["refused"][0]["reason"]
    assert len(set(space.old.texts("jobs")) - set(space.new.texts("jobs"))) == 1


def test_an_export_of_old_is_enough(space: Workspace) -> None:
    folder = space.folder / "export"
    folder.mkdir()
    for table in TABLES:
        (folder / f"{table}.csv").write_bytes(WRITERS["psql"](space.old, f"select * from {table}"))  # noqa: S608
    space.old.server.refuse()
    try:
        done = space.supasync("reconcile", "export", "new", "--apply")
    finally:
        space.old.server.accept()
    assert done.code == 0, done.out + done.err
    space.assert_equal()


def test_a_row_that_has_changed_since_stays_as_it_is(space: Workspace) -> None:
    assert space.supasync("reconcile", "old", "new", "--apply").code == 0
    space.new.run("update public.jobs set status = 'failed' where id = 2")
    done = space.supasync("reconcile", "undo", "--json")
    assert done.code == 3
    assert done.json["overwritten"]["jobs"] == {"restored": 4, "changed_since": [["2"]], "error": None}
    assert space.new.rows("select status::text from jobs where id = 2") == [("failed",)]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("new", "old", "--apply"), 2, "OLD is never written to"),
        (("old", "staging"), 2, "staging"),
        (("old",), 2, "RIGHT"),
        (("old", "new", "--max-deletes", "200%"), 2, "percentage"),
        (("undo",), 3, "no rows of an earlier change"),
        (("undo", "old"), 2, "OLD is never written to"),
        (("old", "nowhere.duckdb"), 2, "no such file"),
    ],
)
def test_bad_input_is_a_sentence(space: Workspace, args: tuple[str, ...], code: int, said: str) -> None:
    done = space.supasync("reconcile", *args)
    assert done.code == code, done.out + done.err
    assert said in done.err
    assert {request["method"] for request in space.old.server.requests()} <= {"GET", "HEAD"}


def test_a_closed_new_is_not_written_to(space: Workspace) -> None:
    assert space.supasync("state", "close").code == 0
    before = space.new.texts("jobs")
    done = space.supasync("reconcile", "old", "new", "--apply")
    assert done.code == 3, done.out + done.err
    assert space.new.texts("jobs") == before
    assert json.loads(space.supasync("reconcile", "old", "new", "--json").out)["applied"] is False
