"""`supasync sync` between two real servers; after each run both databases are compared row by row."""

import re

from tests.e2e.workspace import Workspace

HOUR = """
insert into public.users (id, email, created_at) values (md5('n1')::uuid, 'n1@example.test', now());
insert into public.jobs (id, user_id, cost) values (7001, md5('n1')::uuid, 0.10), (7002, null, 2.00);
update public.users set plan = 'pro', updated_at = now() where email like 'user1%';
update public.jobs set status = 'done', updated_at = now() where id <= 5;
insert into public.usage_logs (id, user_id, job_id, action) values (7001, md5('n1')::uuid, 7001, 'login');
"""


def test_the_first_load_copies_every_row(workspace: Workspace) -> None:
    done = workspace.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert "users: 300/300 rows synced" in done.out
    assert "success: 3,400 rows synced" in done.out
    workspace.assert_equal()


def test_an_hour_of_inserts_and_updates_follows(workspace: Workspace) -> None:
    workspace.supasync("sync")
    workspace.old.run(HOUR)
    done = workspace.supasync("sync")
    assert done.code == 0, done.out + done.err
    workspace.assert_equal()


def test_five_idle_tables_cost_seven_requests(workspace: Workspace) -> None:
    workspace.supasync("sync")
    workspace.supasync("sync")
    settled = "replace(state::text, '\"settled\": false', '\"settled\": true')::jsonb"
    workspace.new.run(f"update sync_metadata set state = {settled}")  # noqa: S608 - a fixed text
    workspace.requests()
    done = workspace.supasync("sync", "--json")
    assert done.json["records"] == 0
    assert done.json["requests"] == 7
    assert workspace.requests() == 7


def test_missed_hours_are_caught_up_by_the_next_run(workspace: Workspace) -> None:
    workspace.supasync("sync")
    workspace.old.run(HOUR)
    workspace.old.run(
        "update public.sessions set ip = '198.51.100.1', updated_at = now() where ip = '192.0.2.7'"
    )
    workspace.old.run("update public.users set credits = 5, updated_at = now() where plan = 'team'")
    done = workspace.supasync("sync")
    assert done.code == 0
    workspace.assert_equal()


def test_a_dry_run_counts_and_writes_neither_rows_nor_state(workspace: Workspace) -> None:
    before = workspace.new.rows("select * from sync_metadata order by created_at")
    workspace.requests()
    done = workspace.supasync("sync", "--dry-run")
    assert done.code == 0, done.err
    assert "users: 300 rows would be synced" in done.out
    assert {request["method"] for request in workspace.old.server.requests()} == {"GET"}
    assert {request["method"] for request in workspace.new.server.requests()} == {"GET"}
    assert workspace.new.texts("users") == []
    assert workspace.new.rows("select * from sync_metadata order by created_at") == before


def test_a_wrong_key_is_refused_with_a_sentence(workspace: Workspace) -> None:
    done = workspace.supasync(
        "sync", environment={"OLD_SUPABASE_SERVICE_ROLE_KEY": "sb_secret_for_tests_of_another"}
    )
    assert done.code == 3
    assert "401" in done.err
    assert "key" in done.err
    assert workspace.new.texts("users") == []


def test_a_missing_table_stops_its_dependents_and_not_the_others(fresh: Workspace) -> None:
    fresh.old.run("alter table public.jobs rename to tasks")
    done = fresh.supasync("sync")
    assert done.code == 3
    assert "jobs: failed" in done.err
    assert "usage_logs: skipped: not run: waits for jobs" in done.err
    fresh.assert_equal("users", "sessions", "ad_sessions")
    fresh.old.run("alter table public.tasks rename to jobs")
    assert fresh.supasync("sync").code == 0
    fresh.assert_equal()


def test_a_column_that_new_lacks_stops_the_table_by_name(fresh: Workspace) -> None:
    fresh.old.run("alter table public.users add column nickname text")
    done = fresh.supasync("sync")
    assert done.code == 3
    assert re.search(r"users: failed: .*nickname", done.err)
    assert fresh.new.texts("users") == []


def test_sync_before_setup_says_so(empty: Workspace) -> None:
    done = empty.supasync("sync")
    assert done.code == 3
    assert "schema sql" in done.err
    empty.new.run(empty.supasync("schema", "sql").out)
    done = empty.supasync("sync")
    assert done.code == 3
    assert "supasync setup" in done.err


def test_switched_off_by_the_environment_it_says_so_and_asks_nobody(workspace: Workspace) -> None:
    workspace.requests()
    done = workspace.supasync("sync", environment={"ENABLE_HOURLY_SYNC": "false"})
    assert (done.code, workspace.requests()) == (0, 0)
    assert "disabled" in done.out


def test_full_reads_a_table_from_its_beginning_again(workspace: Workspace) -> None:
    workspace.supasync("sync")
    workspace.new.run("delete from public.ad_sessions where provider = 'provider 1'")
    done = workspace.supasync("sync", "--table", "ad_sessions", "--full", "ad_sessions")
    assert "ad_sessions: 200/200 rows synced" in done.out
    assert "users" not in done.out
    workspace.assert_equal()


def test_old_gets_get_and_head_only(workspace: Workspace) -> None:
    commands = (
        "check; setup; sync; verify; verify --exact; sync --dry-run; sync --full users; status; plugins; "
        "schema sql; state show; "
        "state reset jobs; sync; quarantine list; quarantine retry; state close; state reopen"
    )
    for command in commands.split("; "):
        assert workspace.supasync(*command.split()).code == 0, command
    assert {request["method"] for request in workspace.old.server.requests()} <= {"GET", "HEAD"}


def test_the_bytes_posted_are_the_bytes_that_old_printed(workspace: Workspace) -> None:
    workspace.supasync("sync", "--table", "users", "--table", "jobs")
    page = next(
        r for r in workspace.old.server.requests() if "/jobs" in r["path"] and "limit=1000" in r["path"]
    )
    post = next(r for r in workspace.new.server.requests() if r["method"] == "POST" and "/jobs" in r["path"])
    assert page["status"] == 206
    assert post["bytes_in"] > 0
    workspace.assert_equal("jobs")


def test_the_old_guides_query_works(workspace: Workspace) -> None:
    workspace.supasync("sync")
    rows = workspace.new.rows(
        "SELECT created_at, sync_status, last_sync_timestamp, records_synced FROM sync_metadata "
        "ORDER BY created_at DESC LIMIT 20"
    )
    assert [(row[1], row[3]) for row in rows] == [("success", 3400), ("baseline", 0)]
    assert rows[0][2] is not None
