"""`supasync verify` between two real servers: it finds exactly what differs, and says how it looked."""

import subprocess
import sys

from tests.e2e.workspace import Workspace


def _table(space: Workspace, name: str, *options: str) -> dict[str, object]:
    done = space.supasync("verify", "--table", name, "--json", *options)
    found: dict[str, object] = done.json["tables"][name]
    assert done.code == (0 if found["equal"] else 1), done.out + done.err
    return found


def test_a_synced_project_is_equal_and_a_day_of_mishaps_is_found_row_by_row(workspace: Workspace) -> None:
    workspace.supasync("sync")
    done = workspace.supasync("verify")
    assert done.code == 0, done.out + done.err
    claim = "no difference in keys and timestamps; values were not compared (verify --exact)"
    assert f"sessions: {claim}" in done.out
    assert done.out.splitlines()[-1].startswith(f"{claim}; ")
    assert "requests: schema 1, counts 2, keys and timestamps 4" in done.out  # 1,500 rows, 1,000 a page
    assert "cannot see: a value changed in NEW" in done.out
    equal = workspace.supasync("verify", "--json").json
    workspace.new.run("delete from public.sessions where id in (select id from sessions order by id limit 3)")
    workspace.old.run("delete from public.usage_logs where id in (5, 6)")
    workspace.old.run("update public.jobs set cost = 77 where id = 3")  # no timestamp moves
    done = workspace.supasync("verify", "--json")
    assert done.code == 1, done.out + done.err
    tables = done.json["tables"]
    assert [len(tables["sessions"][kind]) for kind in ("missing", "extra", "changed")] == [3, 0, 0]
    assert tables["sessions"]["requests"]["counts"] == 2
    assert tables["usage_logs"]["extra"] == [["5"], ["6"]]
    assert tables["jobs"]["changed"] == [{"key": ["3"], "columns": ["cost"]}]
    assert [tables[name]["equal"] for name in ("users", "ad_sessions")] == [True, True]
    before = equal["tables"]
    unchanged = {name for name, table in tables.items() if table["digest"] == before[name]["digest"]}
    assert unchanged == {"users", "ad_sessions", "jobs"}


def test_rows_that_sync_could_not_have_brought_yet_are_no_differences(workspace: Workspace) -> None:
    workspace.supasync("sync")
    workspace.old.run("insert into public.jobs (id, cost) values (7001, 1), (7002, 2)")
    workspace.old.run("update public.jobs set status = 'done', updated_at = now() where id = 4")
    workspace.old.run(
        "insert into public.jobs (id, created_at, updated_at) values (7003, '2020-01-01', '2020-01-01')"
    )
    found = _table(workspace, "jobs")
    assert (found["in_flight"], found["missing"], found["changed"]) == (3, [["7003"]], [])
    workspace.supasync("sync")
    assert _table(workspace, "jobs")["in_flight"] == 0


def test_exact_sees_what_timestamps_do_not_show(workspace: Workspace) -> None:
    workspace.supasync("sync")
    workspace.new.run("update public.users set credits = credits + 1 where email = 'user7@example.test'")
    assert _table(workspace, "users")["equal"]
    found = _table(workspace, "users", "--exact")
    assert [each["columns"] for each in found["changed"]] == [["credits"]]  # type: ignore[attr-defined]


def test_what_could_not_be_found_out_is_trouble(fresh: Workspace) -> None:
    another = {"OLD_SUPABASE_SERVICE_ROLE_KEY": "sb_secret_for_tests_of_another"}
    done = fresh.supasync("verify", environment=another)
    assert (done.code, "401" in done.err) == (2, True)
    done = fresh.supasync("verify", "--table", "user")
    assert (done.code, "did you mean users?" in done.err) == (2, True)
    fresh.old.run(
        "insert into public.ad_sessions (id, user_id, provider) "
        "select gen_random_uuid(), md5('user1')::uuid, 'one' from generate_series(1, 1000);"
        "alter table public.jobs rename to tasks"
    )
    done = fresh.supasync("verify", "--table", "jobs", "--table", "ad_sessions", "--json")
    assert done.code == 2, done.out
    assert "no table public.jobs" in done.json["tables"]["jobs"]["error"]
    assert len(done.json["tables"]["ad_sessions"]["missing"]) == 1000
    assert done.json["tables"]["ad_sessions"]["unlooked"] == 200
    fresh.new.run("drop table sync_metadata cascade")
    done = fresh.supasync("verify")
    assert (done.code, "schema sql" in done.err) == (2, True)


def test_a_staging_in_use_costs_the_row_versions_and_nothing_else(workspace: Workspace) -> None:
    workspace.supasync("sync")
    (workspace.folder / ".supasync").mkdir(exist_ok=True)
    holder = "import duckdb, time; c = duckdb.connect('.supasync/staging.duckdb'); print(1, flush=True); "
    holder += "time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", holder], cwd=workspace.folder, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        done = workspace.supasync("verify", "--table", "jobs")
        process.kill()
    assert done.code == 0, done.out + done.err
    assert "in use by another process" in done.err
    assert "without a staging" in done.err
