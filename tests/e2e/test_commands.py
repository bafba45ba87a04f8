"""The other commands, and bad input: one sentence, the documented exit code, nothing lost."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.e2e.workspace import ROWS, TABLES_YAML, Workspace


def test_schema_sql_pasted_twice_is_harmless(workspace: Workspace) -> None:
    workspace.supasync("sync", "--table", "users")
    before = workspace.new.texts("sync_metadata")
    workspace.new.run(workspace.supasync("schema", "sql").out)
    assert workspace.new.texts("sync_metadata") == before
    assert workspace.supasync("sync").code == 0
    workspace.assert_equal()


def test_check_writes_nothing_and_says_what_comes_next(empty: Workspace) -> None:
    empty.new.run(empty.supasync("schema", "sql").out)
    done = empty.supasync("check")
    assert done.code == 0, done.out + done.err
    assert "users                300            0" in done.out
    assert "next: supasync setup" in done.out
    assert {request["method"] for request in empty.old.server.requests()} <= {"GET", "HEAD"}
    assert empty.new.texts("sync_metadata") == []


def test_check_before_the_sql_was_pasted_says_what_to_paste(empty: Workspace) -> None:
    done = empty.supasync("check")
    assert done.code == 3
    assert "supasync schema sql" in done.out


def test_an_apps_own_table_sync_metadata_is_named_and_stays_as_it_is(empty: Workspace) -> None:
    empty.new.run(
        "create table public.sync_metadata (id int primary key, note text);"
        "insert into public.sync_metadata values (1, 'mine');"
        "grant all on public.sync_metadata to service_role; notify pgrst, 'reload schema'"
    )
    done = empty.supasync("check")
    assert done.code == 3
    assert "NEW has a table sync_metadata without the columns that supasync needs" in done.out
    assert "if it is your app's, rename it" in done.out
    with pytest.raises(psycopg.Error, match="another table than supasync's"):
        empty.new.run(empty.supasync("schema", "sql").out)
    for command in ("setup", "status"):
        done = empty.supasync(command)
        assert done.code == 3, (command, done.out, done.err)
        assert "sync_metadata without the columns" in done.out + done.err, command
    done = empty.supasync("sync")
    assert (done.code, "run: supasync schema sql" in done.err) == (3, True), done.err
    assert empty.new.rows("select * from public.sync_metadata") == [(1, "mine")]


def test_check_names_a_missing_table_column_and_key_at_once(fresh: Workspace) -> None:
    fresh.old.run("alter table public.jobs rename column updated_at to changed_at")
    fresh.old.run("drop table public.ad_sessions")
    fresh.new.run("alter table public.sessions drop column ip")
    done = fresh.supasync("check")
    assert done.code == 3
    assert "jobs: OLD has no column updated_at" in done.out
    assert "ad_sessions" in done.out
    assert "sessions: NEW has no column ip" in done.out


def test_setup_tells_of_rows_without_timestamp_and_the_setting_that_helps(empty: Workspace) -> None:
    empty.write("tables.yaml", TABLES_YAML.replace(" {timestamp: [updated_at, created_at]}", ""))
    empty.new.run(empty.supasync("schema", "sql").out)
    done = empty.supasync("setup")
    assert done.code == 0
    assert "users: 200 rows without updated_at" in done.out
    assert "timestamp: [updated_at, created_at]" in done.out


def test_setup_says_that_created_at_alone_shows_no_updates(empty: Workspace) -> None:
    empty.write("tables.yaml", TABLES_YAML.replace("[updated_at, created_at]", "created_at"))
    empty.new.run(empty.supasync("schema", "sql").out)
    told = empty.supasync("setup").out
    assert "users: updates of copied rows are not seen: it is read by created_at" in told


def test_setup_twice_changes_nothing(workspace: Workspace) -> None:
    workspace.supasync("sync", "--table", "users")
    before = workspace.new.texts("sync_metadata")
    done = workspace.supasync("setup")
    assert done.code == 0
    assert "exists already" in done.out
    assert workspace.new.texts("sync_metadata") == before


def test_setup_from_now_copies_only_what_changes_later(empty: Workspace) -> None:
    empty.new.run(ROWS)
    empty.new.run(empty.supasync("schema", "sql").out)
    assert empty.supasync("setup", "--from", "now").code == 0
    empty.old.run("update public.jobs set status = 'failed', updated_at = now() where id in (1, 2)")
    done = empty.supasync("sync", "--table", "jobs")
    assert done.code == 0
    assert "jobs: 2/2 rows synced" in done.out


@pytest.mark.parametrize("start", ["yesterday", "2026-13-45", ""])
def test_setup_from_a_time_that_is_none_is_refused(empty: Workspace, start: str) -> None:
    done = empty.supasync("setup", "--from", start)
    assert done.code == 2
    assert "not beginning, now or a timestamp" in done.err


def test_swapped_accounts_are_refused(fresh: Workspace) -> None:
    swapped = (
        (fresh.folder / ".env")
        .read_text()
        .replace("OLD_SUPABASE", "X")
        .replace("SUPABASE", "OLD_SUPABASE")
        .replace("X", "SUPABASE")
    )
    fresh.write(".env", swapped)
    told = fresh.supasync("sync")
    assert (told.code, "the two accounts are swapped" in told.err) == (3, True), told.err
    assert "SQL editor" not in told.err
    fresh.old.run(fresh.supasync("schema", "sql").out)
    done = fresh.supasync("setup")
    assert done.code == 3
    assert "the two accounts are swapped" in done.out
    assert fresh.supasync("sync").code == 3
    assert set(fresh.old.server.changes()) == {"POST /rest/v1/rpc/supasync_begin"}  # it is refused
    fresh.old.server.forget_changes()


def test_status_shows_the_runs_and_the_lag(workspace: Workspace) -> None:
    workspace.supasync("sync")
    done = workspace.supasync("status")
    assert done.code == 0
    assert "health: good" in done.out
    assert "success rate: 100% of the last 1 syncs" in done.out
    told = workspace.supasync("status", "--json").json
    assert [run["status"] for run in told["runs"]] == ["success", "baseline"]
    assert {table["name"] for table in told["tables"]} == {
        "users",
        "jobs",
        "sessions",
        "usage_logs",
        "ad_sessions",
    }
    assert all(table["lag_seconds"] < 60 for table in told["tables"])
    assert told["runs"][0]["details"]["costs"]["OLD"]["read"]["requests"] > 20


def test_status_max_age_alerts(workspace: Workspace) -> None:
    assert workspace.supasync("status", "--max-age", "2h").code == 3
    workspace.supasync("sync")
    assert workspace.supasync("status", "--max-age", "2h").code == 0
    workspace.new.run(
        "update sync_metadata set state = jsonb_set(state, '{last_success}', '\"2026-01-01T00:00:00Z\"')"
    )
    done = workspace.supasync("status", "--max-age", "2h")
    assert done.code == 3
    assert "older than --max-age" in done.err


def test_a_reset_table_is_read_from_its_beginning(workspace: Workspace) -> None:
    workspace.supasync("sync")
    assert workspace.supasync("state", "reset", "sessions").code == 0
    assert "sessions: 300/300" in workspace.supasync("sync").out
    shown = workspace.supasync("state", "show", "--json").json
    assert set(shown["tables"]) == {"users", "jobs", "sessions", "usage_logs", "ad_sessions"}


def test_passing_failures_alert_once_they_last_too_long(workspace: Workspace) -> None:
    long_ago = (datetime.now(UTC) - timedelta(hours=7)).timestamp()
    last = workspace.folder / ".supasync" / "last-success"
    last.touch()
    os.utime(last, (long_ago, long_ago))
    assert workspace.supasync("sync", environment={"SUPABASE_URL": "http://127.0.0.1:9"}).code == 3


def test_a_second_run_on_the_same_machine_is_locked_out(workspace: Workspace) -> None:
    workspace.old.server.misbehave({"kind": "hold-before", "method": "GET", "path": "users", "times": 1})
    with workspace.command("sync") as first:
        workspace.old.server.wait_held()
        done = workspace.supasync("sync")
        workspace.old.server.behave()
        out, err = first.communicate(timeout=60)
    assert done.code == 5
    assert "another supasync is running" in done.err
    assert first.returncode == 0, out + err
    workspace.assert_equal()


def test_files_of_the_installation_are_for_its_owner_alone(workspace: Workspace) -> None:
    assert (workspace.folder / ".supasync").stat().st_mode & 0o077 == 0


BAD: dict[str, tuple[dict[str, str | None], int, str]] = {
    "an unset variable": ({"OLD_SUPABASE_URL": None}, 2, "OLD_SUPABASE_URL"),
    "an unreachable host": ({"SUPABASE_URL": "http://127.0.0.1:9"}, 4, "cannot be reached"),
    "plain http to somewhere": ({"OLD_SUPABASE_URL": "http://old.example.test"}, 2, "https"),
    "a publishable key": ({"OLD_SUPABASE_SERVICE_ROLE_KEY": "sb_publishable_for_tests"}, 2, "publishable"),
    "the same project twice": ({"SUPABASE_URL": "OLD"}, 2, "same project"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_told_in_a_sentence(workspace: Workspace, case: str) -> None:
    changes, code, word = BAD[case]
    lines = dict(line.split("=", 1) for line in (workspace.folder / ".env").read_text().splitlines())
    for name, value in changes.items():
        lines[name] = lines["OLD_SUPABASE_URL"] if value == "OLD" else value or ""
        if value is None:
            del lines[name]
    workspace.write(".env", "".join(f"{name}={value}\n" for name, value in lines.items()))
    done = workspace.supasync("sync")
    assert done.code == code, done.out + done.err
    assert word in done.err
    assert workspace.new.texts("users") == []


@pytest.mark.parametrize(
    ("rule", "code", "word"),
    [
        (
            {
                "kind": "answer",
                "status": 200,
                "headers": {"Content-Type": "text/html"},
                "body": "<html>hi</html>",
            },
            4,
            "OLD",
        ),
        ({"kind": "answer", "status": 402, "body": json.dumps({"message": "quota"})}, 3, "402"),
        ({"kind": "answer", "status": 540, "body": "<html>paused</html>"}, 3, "paused"),
        (
            {"kind": "answer", "status": 403, "body": json.dumps({"code": "42501", "message": "denied"})},
            3,
            "users",
        ),
    ],
)
def test_bad_answers_of_old_are_told_in_a_sentence(
    workspace: Workspace, rule: dict[str, object], code: int, word: str
) -> None:
    workspace.old.server.misbehave({**rule, "path": "users", "times": None})
    done = workspace.supasync("sync", "--table", "users")
    assert done.code == code, done.out + done.err
    assert word in done.err
    assert workspace.new.texts("users") == []


def test_a_table_without_key_is_refused(fresh: Workspace) -> None:
    fresh.old.run("alter table public.sessions drop constraint sessions_pkey cascade")
    fresh.new.run("alter table public.sessions drop constraint sessions_pkey cascade")
    done = fresh.supasync("sync", "--table", "sessions")
    assert done.code == 3
    assert "unique" in done.err
    assert fresh.new.texts("sessions") == []


def test_another_file_can_be_named_by_option_and_environment(workspace: Workspace) -> None:
    (workspace.folder / "tables.yaml").rename(workspace.folder / "mine.yaml")
    assert workspace.supasync("check").code == 2
    assert workspace.supasync("--config", "mine.yaml", "check").code == 0
    assert workspace.supasync("check", environment={"SUPASYNC_CONFIG": "mine.yaml"}).code == 0


def test_a_transform_of_a_local_file_masks_on_the_way(workspace: Workspace) -> None:
    workspace.write(
        "mine.py",
        "from supasync_core import hookimpl\n\n"
        "def mask(row):\n    row['ip'] = '0.0.0.0'\n    return row\n\n"
        "@hookimpl\ndef supasync_register_transforms(registry):\n    registry.add('mask_ip', mask)\n",
    )
    text = TABLES_YAML.replace("tables:\n", "plugins: [./mine.py]\ntables:\n")
    workspace.write(
        "tables.yaml",
        text.replace(
            "sessions:    {depends_on: [users]}", "sessions: {depends_on: [users], transform: [mask_ip]}"
        ),
    )
    done = workspace.supasync("sync")
    assert done.code == 0, done.err
    assert workspace.new.rows("select distinct host(ip) from public.sessions") == [("0.0.0.0",)]
    assert "transforms: mask_ip" in workspace.supasync("plugins").out


def test_python_m_supasync_core_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "supasync_core", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.startswith("supasync ")


def test_a_closed_output_does_not_stop_the_run(workspace: Workspace) -> None:
    with workspace.command("sync") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 0
    workspace.assert_equal()


def test_errors_are_json_too_where_json_is_asked_for(workspace: Workspace) -> None:
    done = workspace.supasync("sync", "--json", "--table", "nope")
    assert (done.code, done.json["exit_code"]) == (2, 2)
    assert "no such table" in done.json["error"]


def test_a_dry_run_of_full_counts_the_whole_table(workspace: Workspace) -> None:
    workspace.supasync("sync")
    done = workspace.supasync("sync", "--table", "jobs", "--full", "jobs", "--dry-run")
    assert "jobs: 1,500 rows would be synced" in done.out


@pytest.mark.parametrize(
    "body",
    [
        "raise SystemExit(0)",
        "import asyncio; raise asyncio.CancelledError",
        "raise GeneratorExit",
        "return {'id': float('nan')}",
    ],
)
def test_a_transform_that_fails_in_any_way_stops_its_table(workspace: Workspace, body: str) -> None:
    workspace.write(
        "mine.py",
        f"from supasync_core import hookimpl\n\ndef bad(row):\n    {body}\n\n"
        "@hookimpl\ndef supasync_register_transforms(registry):\n    registry.add('bad', bad)\n",
    )
    text = TABLES_YAML.replace("tables:\n", "plugins: [./mine.py]\ntables:\n")
    workspace.write(
        "tables.yaml", text.replace("sessions:    {depends_on", "sessions:    {transform: [bad], depends_on")
    )
    done = workspace.supasync("sync")
    assert done.code == 3
    assert "sessions: failed: the transform bad failed on the row" in done.err


def test_an_excluded_column_that_is_none_is_a_problem(workspace: Workspace) -> None:
    workspace.write(
        "tables.yaml",
        TABLES_YAML.replace("{depends_on: [users]}", "{depends_on: [users], exclude: [pasword]}", 1),
    )
    done = workspace.supasync("check")
    assert done.code == 3
    assert "exclude names pasword, and OLD has no such column" in done.out


def test_an_empty_page_in_the_middle_is_not_taken_for_the_end(workspace: Workspace) -> None:
    rule = {"kind": "answer", "status": 200, "body": "[]", "method": "GET", "path": "jobs", "nth": 4}
    workspace.old.server.misbehave(rule)
    workspace.supasync("sync")
    told = {table["name"]: table for table in workspace.supasync("status", "--json").json["tables"]}
    assert told["jobs"]["read_at"] is None
    assert workspace.supasync("sync").code == 0
    workspace.assert_equal()


def test_a_folder_that_cannot_be_written_is_said(workspace: Workspace) -> None:
    for path in (workspace.folder / ".supasync").iterdir():
        path.unlink()
    (workspace.folder / ".supasync").rmdir()
    workspace.write(".supasync", "in the way")
    done = workspace.supasync("sync")
    assert done.code == 3
    assert "cannot be created" in done.err
