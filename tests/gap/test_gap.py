"""OLD answers nothing any more: its rows go through files a person saved, and NEW ends equal to OLD."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.workspace import SCHEMA, TABLES, Workspace, between
from tests.gap.dialects import WRITERS
from tests.servers.postgres import Cluster

START = """
insert into public.users select md5('user' || g)::uuid, 'user' || g || '@example.test', 'free', g * 1.0001,
  '{"n": 1}', now() - interval '2 days', null from generate_series(1, 60) g;
insert into public.jobs select g, md5('user' || 1 + g % 60)::uuid, 'queued', null, g / 7.0,
  now() - interval '2 days', now() - interval '2 days' from generate_series(1, 200) g;
"""
GAP = """
insert into public.users select md5('user' || g)::uuid, 'user' || g || '@example.test', 'pro', g * 1.0001,
  '{"n": 2, "text": "a, \\"b\\""}', now() - interval '1 hour', null from generate_series(61, 64) g;
update public.users set plan = 'team', updated_at = now() - interval '30 minutes' where email like 'user1@%'
  or email like 'user2@%' or email like 'user3@%';
insert into public.jobs select g, md5('user' || 1 + g % 64)::uuid, 'done', '{"a":[1,2.5,null],"b":"x"}',
  g / 7.0,  now() - interval '50 minutes', now() - interval '50 minutes' + g * interval '1 millisecond'
  from generate_series(201, 655) g;
insert into public.sessions select md5('session' || g)::uuid, md5('user' || 1 + g % 64)::uuid, '192.0.2.7',
  now() - interval '40 minutes', now() - interval '40 minutes' from generate_series(1, 50) g;
insert into public.usage_logs (id, user_id, job_id, action, units) select g, md5('user' || 1 + g % 64)::uuid,
  1 + g % 655, E'one\\r\\ntwo, "three" ' || g, g + 0.10 from generate_series(1, 50) g;
insert into public.ad_sessions select md5('ad' || g)::uuid, md5('user' || 1 + g % 64)::uuid, 'p', 0.5,
  array[g, null]
  from generate_series(1, 30) g;
"""


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The guide's example: 592 rows in five tables are in OLD alone."""
    with between(cluster, tmp_path_factory.mktemp("gap"), SCHEMA + START, SCHEMA) as made:
        made.ready()
        done = made.supasync("sync")
        assert done.code == 0, done.err
        made.old.run(GAP)
        yield made.keep()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    """OLD's API refuses everything."""
    shared.again().old.server.refuse()
    return shared


def export(space: Workspace, dialect: str, *options: str) -> Path:
    """Run the printed queries in OLD's database and save what the dialect writes."""
    told = space.supasync("gap", "sql", "--json", *options)
    assert told.code == 0, told.err
    folder = space.folder / "export"
    folder.mkdir(exist_ok=True)
    for query in told.json:
        (folder / query["file"]).write_bytes(WRITERS[dialect](space.old, query["sql"]))
    space.new.server.reset()
    return folder


@pytest.mark.parametrize("dialect", ["psql", "table-editor", "sql-editor"])
def test_the_guides_example_arrives_in_sixteen_requests(space: Workspace, dialect: str) -> None:
    export(space, dialect)
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0, done.out + done.err
    assert len(space.new.server.requests()) <= 16, done.out
    assert "592 rows" in done.out, done.out
    space.assert_equal(*TABLES)


def test_the_exact_form_arrives_and_moves_the_cursors(space: Workspace) -> None:
    export(space, "table-editor", "--exact")
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0, done.out + done.err
    assert len(space.new.server.requests()) <= 16
    space.assert_equal(*TABLES)
    space.old.server.accept()
    again = space.supasync("sync", "--dry-run")
    assert again.code == 0
    with psycopg.connect(space.new.cluster.url(space.new.database)) as connection:
        rows = connection.execute("select command, sync_status, records_synced from sync_metadata").fetchall()
    assert ("gap import", "success", 592) in rows
    assert "did not succeed" not in space.supasync("status").out


def long_ago(space: Workspace) -> None:
    """Have rows on both sides that no export of the last gap brings."""
    for end in (space.old, space.new):
        end.run(
            "insert into public.jobs (id, cost, created_at, updated_at) "
            "select g, 1, '2020-01-01', '2020-01-01' from generate_series(8001, 8003) g"
        )


def test_an_exact_export_is_compared_within_its_bounds(space: Workspace) -> None:
    long_ago(space)
    export(space, "table-editor", "--exact")
    assert space.supasync("gap", "import", "export", "--yes").code == 0
    done = space.supasync("diff", "export", "new", "--format", "json")
    assert done.code == 0, done.out + done.err
    assert "3 rows are outside of the bounds of the export" in " ".join(done.json["tables"]["jobs"]["notes"])
    assert done.json["tables"]["jobs"]["unchanged"] >= 455
    ids = "insert into jobs (id, cost, created_at, updated_at) values"
    space.new.run(f"{ids} (9001, 1, now(), now()), (9002, 1, '2020-01-01', '2020-01-01')")
    found = space.supasync("diff", "export", "new", "--table", "jobs", "--format", "json").json
    assert [row["key"]["id"] for row in found["tables"]["jobs"]["rows"]] == ["9001"]
    done = space.supasync("reconcile", "export", "new", "--table", "jobs", "--apply", "--delete")
    assert (done.code, "nothing is removed: export holds what" in done.out) == (3, True), done.out + done.err
    assert space.new.rows("select count(*) from jobs") == [(660,)]


def test_a_plain_export_is_the_whole_table_only_where_that_is_said(space: Workspace) -> None:
    long_ago(space)
    export(space, "psql")
    assert space.supasync("gap", "import", "export", "--yes").code == 0
    asked = ("export", "new", "--table", "jobs")
    for said, cause, code, told in (
        ((), "unknown", 3, "--complete says that it holds all"),
        (("--complete",), "deleted in OLD", 0, "3 rows only in new, not known to have come from old: kept"),
    ):
        found = space.supasync("diff", *asked, *said, "--format", "json").json["tables"]["jobs"]
        assert {(row["kind"], row["cause"]) for row in found["rows"]} == {("added", cause)}
        done = space.supasync("reconcile", *asked, *said, "--delete")
        assert (done.code, told in done.out) == (code, True), done.out + done.err
    staged = space.supasync("diff", "staging", *asked[1:], "--format", "json").json["tables"]["jobs"]
    assert {row["cause"] for row in staged["rows"]} == {"unknown"}


def test_thousands_of_rows_that_new_has_are_read_by_pages(space: Workspace) -> None:
    many = (
        "insert into public.ad_sessions select md5('many' || g)::uuid, md5('user' || 1 + g % 60)::uuid, 'p', "
        "0.5, null, '2026-01-01', '2026-01-01' from generate_series(1, 4000) g;"
    )
    for end in (space.old, space.new):
        end.run(many)
    export(space, "psql")
    done = space.supasync("gap", "import", "export", "--yes", "--json")
    assert done.code == 0, done.err
    assert len(space.new.server.requests()) <= 23
    counts = done.json["tables"]["ad_sessions"]
    assert (counts["new"], counts["unchanged"]) == (30, 4000)
    space.assert_equal(*TABLES)


def test_no_request_goes_to_old(space: Workspace) -> None:
    space.old.server.accept()
    space.old.server.reset()
    export(space, "psql")
    assert space.supasync("gap", "import", "export", "--yes").code == 0
    assert space.supasync("gap", "sql", "--exact").code == 0
    assert space.old.server.requests() == []


def test_offline_asks_nobody_and_says_the_same(space: Workspace) -> None:
    online = space.supasync("gap", "sql")
    space.new.server.reset()
    space.new.server.refuse()
    assert space.supasync("gap", "sql", "--offline").out == online.out
    space.new.server.accept()
    assert space.new.server.requests() == []


def test_each_query_ends_in_its_own_limit_and_is_written_to_a_file(space: Workspace) -> None:
    told = space.supasync("gap", "sql", "--out", "queries")
    assert told.code == 0, told.err
    written = sorted((space.folder / "queries").iterdir())
    assert [path.name for path in written] == [f"{n:02}_{name}.sql" for n, name in enumerate(TABLES, 1)]
    for path in written:
        body = path.read_text()
        assert body.rstrip().endswith("limit 100000000;")
        assert "--" not in body
        assert body.count(";") == 1


def test_a_second_import_sends_nothing_and_knows_the_files(space: Workspace) -> None:
    export(space, "psql")
    space.supasync("gap", "import", "export", "--yes")
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0
    assert "the same export was imported on" in done.out
    assert "success: 0 rows" in done.out


def test_without_a_yes_nothing_is_sent(space: Workspace) -> None:
    export(space, "psql")
    before = space.new.texts("jobs")
    with space.command("gap", "import", "export") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Proceed with import to NEW account? (yes/no)" in err
    done = space.supasync("gap", "import", "export", "--dry-run")
    assert done.code == 0
    assert "592 rows would be sent" in done.out
    assert space.new.texts("jobs") == before


def test_a_row_that_is_newer_in_new_is_left_alone_unless_accepted(space: Workspace) -> None:
    export(space, "psql")
    space.new.run(
        "update public.users set plan = 'mine', updated_at = now() + interval '1h' where email like 'user1@%'"
    )
    done = space.supasync("gap", "import", "export", "--yes", "--json")
    assert done.json["tables"]["users"]["older"] == 1
    assert ("mine",) in space.new.rows("select plan from public.users where email like 'user1@%'")
    done = space.supasync("gap", "import", "export", "--yes", "--accept", "older")
    assert done.code == 0
    space.assert_equal(*TABLES)


WRONG = [
    (["export", "--accept", "al"], "no such kind"),
    (["export", "--dialect", "user.csv=psql"], "user.csv: no such file of a table"),
    (["export", "--dialect", "excel"], "no such dialect"),
    (["export", "--encoding", "user.csv=latin-1"], "user.csv: no such file of a table"),
    (["export", "--null", "job=empty"], "no such table or file, did you mean jobs?"),
    (["export", "--null", "jobs.stat=empty"], "no such column"),
    (["export", "--sink", "rest:x"], "give a backend of files"),
    (["queries"], "no file belongs to a table"),
    (["nowhere"], "cannot be read as a folder"),
]


def test_a_choice_for_nothing_that_there_is_is_refused(space: Workspace) -> None:
    for name in ("export", "queries"):
        (space.folder / name).mkdir()
    (space.folder / "export" / "jobs.csv").write_text("id\n1\n")
    for options, said in WRONG:
        done = space.supasync("gap", "import", *options, "--yes")
        assert done.code == 2, done.out + done.err
        assert said in done.err
    assert space.new.rows("select 1 from sync_metadata where command = 'gap import'") == []


def test_a_file_of_any_name_is_a_part_of_the_table_that_it_is_named_for(space: Workspace) -> None:
    folder = export(space, "psql")
    lines = (folder / "jobs.csv").read_bytes().splitlines(keepends=True)
    for name, part in (("jobs (1).csv", lines[1:200]), ("archive=2023.txt", lines[200:])):
        (folder / name).write_bytes(b"".join([lines[0], *part]))
    (folder / "jobs.csv").unlink()
    done = space.supasync("gap", "import", "export", "--yes", "--dry-run")
    assert (
        "unknown: jobs (1).csv belongs to no table; if it is of jobs: --file 'jobs=export/jobs (1).csv'"
        in (done.out)
    )
    parts = ("--file", "jobs=export/jobs (1).csv", "--file", "jobs=export/archive=2023.txt")
    compared = space.supasync("diff", "export", "new", *parts, "--format", "json")
    assert compared.json["tables"]["jobs"]["removed"] == 455
    done = space.supasync("gap", "import", "export", *parts, "--yes")
    assert done.code == 0, done.out + done.err
    assert "unknown" not in done.out
    space.assert_equal(*TABLES)


def test_named_files_need_no_folder(space: Workspace) -> None:
    (export(space, "psql") / "users.csv").rename(space.folder / "people.tsv")
    done = space.supasync("gap", "import", "--file", "users=people.tsv", "--yes")
    assert done.code == 0, done.out + done.err
    space.assert_equal("users")
    assert space.supasync("gap", "import").code == 2


MISNAMED = [
    (["--file", "users"], "write TABLE=PATH"),
    (["--file", "user=a.csv"], "no such table, did you mean users"),
    (["--file", "users=none.csv"], "no such file"),
    (["--file", "users=a.csv", "--file", "jobs=./a.csv"], "this file is named twice"),
    (["--file", "users=a.csv", "--file", "users=link.csv"], "this file is named twice"),
]


@pytest.mark.parametrize("command", [("gap", "import"), ("diff", "export", "new")])
def test_a_file_that_is_misnamed_is_refused_before_anything_runs(
    space: Workspace, command: tuple[str, ...]
) -> None:
    (space.folder / "export").mkdir()
    (space.folder / "a.csv").write_text("id\n1\n")
    (space.folder / "link.csv").symlink_to(space.folder / "a.csv")
    space.new.server.reset()
    for options, said in MISNAMED:
        done = space.supasync(*command, *options)
        assert (done.code, said in done.err) == (2, True), done.out + done.err
    assert space.new.server.requests() == []


def test_errors_stop_the_table_and_its_children_before_anything_is_sent(space: Workspace) -> None:
    folder = export(space, "psql")
    path = folder / "jobs.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-1], lines[-1].replace(b"done", b"done,more", 1)]))
    done = space.supasync("gap", "import", "export", "--yes", "--report", "found.csv")
    assert done.code == 3, done.out
    assert f"jobs.csv, line {len(lines)}" in (space.folder / "found.csv").read_text()
    assert "usage_logs: not sent: waits for jobs" in done.out
    assert len(space.new.texts("jobs")) == 200
    assert space.new.texts("usage_logs") == []
    space.assert_equal("users", "sessions", "ad_sessions")


def test_a_child_without_its_parent_is_named_with_the_query_for_it(space: Workspace) -> None:
    folder = export(space, "psql")
    (folder / "jobs.csv").unlink()
    space.new.run("delete from public.jobs where id in (2, 3)")
    done = space.supasync("gap", "import", "export", "--yes", "--json")
    assert done.code == 3
    orphans = [each for each in done.json["findings"] if each["kind"] == "orphan"]
    assert {(each["table"], each["column"]) for each in orphans} == {("usage_logs", "job_id")}
    assert {(tuple(each["key"]), each["line"]) for each in orphans} == {(("1",), 2), (("2",), 4)}


def test_killed_in_the_middle_it_goes_on_without_sending_twice(space: Workspace) -> None:
    space.write(
        "tables.yaml",
        (space.folder / "tables.yaml").read_text().replace("tables:", "defaults: {page_size: 100}\ntables:"),
    )
    export(space, "psql")
    space.new.server.misbehave({"kind": "hold-after", "method": "POST", "path": "/jobs", "nth": 2})
    with space.command("gap", "import", "export", "--yes") as process:
        space.new.server.wait_held()
        process.kill()
    space.new.server.behave()
    kept = len(space.new.texts("jobs"))
    assert 200 < kept < 655
    space.new.server.reset()
    done = space.supasync("gap", "import", "export", "--yes", "--json")
    assert done.code == 0, done.err
    assert done.json["tables"]["jobs"]["unchanged"] >= kept - 100
    space.assert_equal(*TABLES)


def test_a_rehearsal_does_not_take_rows_for_orphans_whose_parents_new_has(space: Workspace) -> None:
    (export(space, "psql") / "users.csv").unlink()
    done = space.supasync("gap", "import", "export", "--yes", "--sink", "duckdb:rehearsal.duckdb")
    assert done.code == 0, done.out + done.err
    assert "warning: jobs: jobs.user_id: orphans were not checked" in done.out
    assert "--accept orphan" not in done.out


def test_a_rehearsal_needs_no_account(space: Workspace) -> None:
    export(space, "psql")
    space.new.server.refuse()
    done = space.supasync("gap", "import", "export", "--yes", "--sink", "duckdb:rehearsal.duckdb")
    assert done.code == 0, done.out + done.err
    assert (space.folder / "rehearsal.duckdb").exists()
    space.new.server.accept()
    assert space.supasync("gap", "import", "export", "--yes").code == 0
    space.assert_equal(*TABLES)


def test_the_transfer_over_the_api_takes_at_most_twenty_requests(space: Workspace) -> None:
    space.old.server.accept()
    space.requests()
    done = space.supasync("gap", "transfer")
    assert done.code == 0, done.err
    assert space.requests() <= 20
    assert "gap transfer" in space.supasync("status").out
    space.assert_equal(*TABLES)
