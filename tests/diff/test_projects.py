"""`supasync diff` between two real projects: what it finds, why, and what it costs OLD."""
# ruff: noqa: S608 - our own statements

from collections.abc import Iterator

import pytest

from tests.e2e.workspace import SCHEMA, Workspace, between
from tests.gap.dialects import WRITERS
from tests.servers.postgres import Cluster

START = """
insert into public.users select md5('user' || g)::uuid, 'user' || g || '@example.test', 'free', g * 1.5,
  '{"n": 1.0}', now() - interval '2 days', null from generate_series(1, 40) g;
insert into public.jobs select g, md5('user' || 1 + g % 40)::uuid, 'queued', '{"a":  1}', g / 7.0,
  now() - interval '2 days', now() - interval '2 days' from generate_series(1, 60) g;
"""
LATER = """
update public.jobs set cost = cost + 1 where id = 1;
insert into public.jobs (id, status, created_at, updated_at) values
  (100, 'done', now() - interval '3 days', now() - interval '3 days'), (101, 'done', now(), now());
delete from public.jobs where id = 2;
"""
ELSEWHERE = """
update public.jobs set updated_at = now() where id = 3;
update public.jobs set status = 'failed', updated_at = now() where id = 4;
"""
CAUSES = {
    ("changed", "1"): "update without a timestamp",
    ("removed", "100"): "late commit",
    ("removed", "101"): "not yet copied",
    ("added", "2"): "deleted in OLD",
    ("changed", "3"): "trigger in NEW",
    ("changed", "4"): "written in NEW",
}


@pytest.fixture(scope="module")
def synced(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("projects"), SCHEMA + START, SCHEMA) as made:
        made.ready()
        assert made.supasync("sync").code == 0
        yield made.keep()


@pytest.fixture
def space(synced: Workspace) -> Workspace:
    """Synced."""
    return synced.again()


@pytest.fixture
def changed(space: Workspace) -> Workspace:
    """Synced, then changed on both sides."""
    space.old.run(LATER)
    space.new.run(ELSEWHERE)
    return space


def test_equal_projects_are_equal_and_old_is_only_read(space: Workspace) -> None:
    done = space.supasync("diff", "old", "new")
    assert (done.code, done.out.splitlines()[-1]) == (0, "equal: 5 tables"), done.out + done.err
    assert "jobs: 0 added, 0 removed, 0 changed, 60 unchanged" in done.out
    for end in (space.old, space.new):
        assert {request["method"] for request in end.server.requests()} <= {"GET", "HEAD"}
    assert space.new.rows("select count(*) from public.sync_metadata where command = 'diff'") == [(0,)]


def test_each_difference_has_its_likely_cause(changed: Workspace) -> None:
    done = changed.supasync("diff", "old", "new", "--format", "json")
    assert done.code == 1, done.err
    jobs = done.json["tables"]["jobs"]
    assert {(row["kind"], row["key"]["id"]): row["cause"] for row in jobs["rows"]} == CAUSES
    assert (jobs["added"], jobs["removed"], jobs["changed"], jobs["unchanged"]) == (1, 2, 3, 56)
    row = next(row for row in jobs["rows"] if row["key"]["id"] == "4")
    assert row["columns"]["status"] == {"left": "queued", "right": "failed"}
    young = changed.supasync(
        "diff", "old", "new", "--table", "jobs", "--min-age", "1h", "--format", "json"
    ).json
    assert (young["tables"]["jobs"]["young"], young["tables"]["jobs"]["changed"]) == (3, 1)
    mirrored = changed.supasync("diff", "new", "old", "--table", "jobs", "--format", "json").json
    assert {row["cause"] for row in mirrored["tables"]["jobs"]["rows"]} == set(CAUSES.values())


@pytest.mark.parametrize("dialect", ["psql", "table-editor", "sql-editor"])
def test_an_export_of_old_is_compared_by_news_types(space: Workspace, dialect: str) -> None:
    folder = space.folder / f"export {dialect}"
    folder.mkdir()
    for table in ("users", "jobs"):
        (folder / f"{table}_rows.csv").write_bytes(WRITERS[dialect](space.old, f"select * from {table}"))
    for side in ("old", "new"):
        done = space.supasync("diff", folder.name, side, "--table", "users")
        assert done.code == 0, done.out + done.err
    whole = space.supasync("diff", folder.name, "old", "--format", "json").json
    assert whole["right_only"] == ["sessions", "usage_logs", "ad_sessions"]
    assert all(table["equal"] for table in whole["tables"].values())


def test_the_staging_is_compared_as_it_stands(space: Workspace) -> None:
    folder = space.folder / "gap"
    folder.mkdir()
    (folder / "users.csv").write_bytes(WRITERS["psql"](space.old, "select * from users"))
    assert space.supasync("gap", "import", "gap", "--dry-run").code == 0
    done = space.supasync("diff", "staging", "new", "--table", "users")
    assert done.code == 0, done.out + done.err
    done = space.supasync("diff", "old", "staging", "--table", "sessions")
    assert (done.code, "no such table" in done.err) == (2, True), done.err


@pytest.mark.parametrize(
    ("args", "environment", "said"),
    [
        (("old", "new"), {"SUPABASE_SERVICE_ROLE_KEY": "sb_secret_for_tests_wrong"}, "key"),
        (("old", "new"), {"SUPABASE_SERVICE_ROLE_KEY": ""}, "SUPABASE_SERVICE_ROLE_KEY"),
        (("old", "new", "--table", "job"), {}, "did you mean jobs?"),
        (("old", "staging"), {}, "does not exist yet"),
    ],
)
def test_trouble_is_2_whatever_it_is(
    space: Workspace, args: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    done = space.supasync("diff", *args, environment=environment)
    assert done.code == 2, done.out + done.err
    assert said in done.err, done.err


def test_a_table_that_new_lacks_does_not_stop_the_others(changed: Workspace) -> None:
    changed.new.run("alter table public.sessions rename to elsewhere")
    try:
        done = changed.supasync("diff", "old", "new", "--format", "json")
    finally:
        changed.new.run("alter table public.elsewhere rename to sessions")
    assert done.code == 2
    assert "error" in done.json["tables"]["sessions"]
    assert done.json["tables"]["jobs"]["changed"] == 3
