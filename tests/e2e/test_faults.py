"""A misbehaving network, and processes that die: nothing is lost, and the next run makes it good."""

import json
import signal
from dataclasses import replace
from datetime import timedelta

import pytest

from supasync_core.cli.sync import interruptible
from tests.e2e.workspace import Workspace

PASSING: dict[str, dict[str, object]] = {
    "a reset connection": {"kind": "reset"},
    "a reset in the middle of a body": {"kind": "reset-body", "bytes": 2000},
    "truncated JSON with status 200": {"kind": "truncate", "bytes": 2000},
    "a slow body": {"kind": "slow-body", "seconds": 1, "pieces": 4},
    "429 with Retry-After": {"kind": "answer", "status": 429, "headers": {"Retry-After": "1"}},
    "429 without": {"kind": "answer", "status": 429},
    "503 with Retry-After 0": {"kind": "answer", "status": 503, "headers": {"Retry-After": "0"}},
    "a statement timeout": {
        "kind": "answer",
        "status": 500,
        "body": '{"code":"57014","message":"canceling"}',
    },
    "502 as HTML": {"kind": "answer", "status": 502, "body": "<html>bad gateway</html>"},
    "520": {"kind": "answer", "status": 520, "body": "error code: 520"},
    "max-rows below the page size": {"kind": "max-rows", "max_rows": 170, "times": None},
    "no Date": {"kind": "no-date", "times": None},
    "one old answer of a cache": {"kind": "age", "seconds": 600},
    "a clock that is hours behind": {"kind": "clock", "seconds": -36_000, "times": None, "path": ""},
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_of_old_costs_no_row(workspace: Workspace, fault: str) -> None:
    rule = {"method": "GET", "path": "jobs", **PASSING[fault]}
    workspace.old.server.misbehave({"nth": 2, **rule} if rule.get("times", 1) else rule)
    done = workspace.supasync("sync")
    assert done.code == 0, done.err
    assert ("OLD answered 503; retry 1 of 4 in " in done.err) == fault.startswith("503"), done.err
    workspace.assert_equal()


def test_what_a_cache_has_kept_settles_and_deletes_nothing(workspace: Workspace) -> None:
    config = (workspace.folder / "tables.yaml").read_text()
    workspace.write("tables.yaml", config.replace("{depends_on: [users]}", "{deletes: mirror}", 1))
    assert workspace.supasync("sync").code == 0
    rows = {"Content-Type": "application/json", "Content-Range": "*/0"}
    for headers in ({"Age": "600"}, {"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}):
        kept = {"kind": "answer", "status": 200, "headers": rows | headers, "body": "[]", "path": "/jobs"}
        workspace.old.server.misbehave({**kept, "times": None})
        for command, code in ((("sync", "--full", "jobs"), 4), (("sync",), 4), (("verify",), 2)):
            done = workspace.supasync(*command)
            assert done.code == code, done.err
            assert "OLD: a cache answers in its place" in done.err
        workspace.old.server.behave()
    assert workspace.supasync("sync").code == 0
    workspace.assert_equal()


@pytest.mark.parametrize(
    ("strategy", "most"), [("incremental", 1000), ("incremental", 150), ("append", 150), ("snapshot", 150)]
)
def test_a_total_that_is_that_of_the_page_hides_no_page(
    workspace: Workspace, strategy: str, most: int
) -> None:
    """Nor where the server cuts pages below the size that is asked for."""
    config = (workspace.folder / "tables.yaml").read_text()
    jobs = f"{{depends_on: [users], page_size: 200, strategy: {strategy}}}"
    workspace.write("tables.yaml", config.replace("{depends_on: [users]}", jobs, 1))
    jobs_of_old: dict[str, object] = {"method": "GET", "path": "jobs", "times": None}
    workspace.old.server.misbehave(
        {"kind": "page-total", **jobs_of_old}, {"kind": "max-rows", "max_rows": most, **jobs_of_old}
    )
    for _ in range(2):
        done = workspace.supasync("sync")
        assert done.code == 0, done.err
        workspace.assert_equal()


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "reset"},
        {"kind": "answer", "status": 503},
        {"kind": "answer", "status": 413},
        {"kind": "answer-after", "status": 500, "body": "late trouble"},
    ],
)
def test_a_passing_fault_of_new_costs_no_row(workspace: Workspace, rule: dict[str, object]) -> None:
    workspace.new.server.misbehave({"method": "POST", "path": "jobs", "nth": 2, **rule})
    done = workspace.supasync("sync")
    assert done.code == 0, done.err
    workspace.assert_equal()


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ({"status": 402, "body": json.dumps({"message": "exceed_egress_quota"})}, "quota"),
        ({"status": 401, "body": json.dumps({"message": "Invalid API key"})}, "key"),
        ({"status": 540, "body": "<html>paused</html>"}, "paused"),
    ],
)
def test_a_refusal_stops_at_once_and_the_next_run_goes_on(
    workspace: Workspace, rule: dict[str, object], word: str
) -> None:
    assert workspace.supasync("sync").code == 0
    workspace.old.run(
        "update public.users set updated_at = now() where id in (select id from public.users limit 9);"
        "update public.jobs set updated_at = now() where id in (select id from public.jobs limit 9)"
    )
    workspace.old.server.misbehave({"kind": "answer", "path": "jobs", "times": None, **rule})
    workspace.requests()
    done = workspace.supasync("sync")
    assert done.code == 3
    assert word in done.err
    asked = [r for r in workspace.old.server.requests() if "/jobs" in r["path"]]
    assert len(asked) == 1
    assert workspace.supasync("status", "--json").json["runs"][0]["status"] == "partial"
    workspace.old.server.behave()
    assert workspace.supasync("sync").code == 0
    workspace.assert_equal()


def test_a_redirect_is_never_followed_with_the_key(workspace: Workspace) -> None:
    workspace.new.server.reset()
    target = workspace.new.server.url + "/users"
    workspace.old.server.misbehave({"kind": "redirect", "path": "users", "location": target, "times": None})
    done = workspace.supasync("sync", "--table", "users")
    assert done.code == 3
    assert "redirects" in done.err
    assert not [r for r in workspace.new.server.requests() if r["method"] == "GET" and "/users" in r["path"]]


def test_a_killed_run_is_made_good_and_sends_little_again(workspace: Workspace) -> None:
    workspace.new.server.misbehave({"kind": "hold-after", "method": "POST", "path": "usage_logs", "nth": 2})
    often = "\nfrom supasync_core.sync import checkpoint\ncheckpoint.CHECKPOINT_ROWS = 1500\n"
    with replace(workspace, before=workspace.before + often).command("sync") as process:
        workspace.new.server.wait_held(seconds=60)
        process.send_signal(signal.SIGKILL)
    workspace.new.server.behave()
    done = workspace.supasync("sync", "--json")
    assert done.code == 0, done.err
    assert done.json["records"] < 3_400
    workspace.assert_equal()


def test_the_first_interrupt_finishes_the_batch_and_says_how_to_go_on(workspace: Workspace) -> None:
    workspace.new.server.misbehave({"kind": "hold-before", "method": "POST", "path": "jobs", "nth": 2})
    with workspace.command("sync") as process:
        workspace.new.server.wait_held(seconds=60)
        process.send_signal(signal.SIGINT)
        assert process.stderr
        next(line for line in process.stderr if "stopping after the batch in flight" in line)
        workspace.new.server.behave()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "supasync sync continues from there" in err
    runs = workspace.supasync("status", "--json").json["runs"]
    assert runs[0]["status"] == "interrupted"
    assert 1300 <= runs[0]["records"] < 3_400
    done = workspace.supasync("sync", "--json")
    assert done.code == 0
    assert done.json["records"] < 3_400
    workspace.assert_equal()


def test_a_run_on_another_machine_is_locked_out_by_the_lease(workspace: Workspace) -> None:
    workspace.old.server.misbehave({"kind": "hold-before", "method": "GET", "path": "jobs"})
    with workspace.command("sync") as process:
        workspace.old.server.wait_held(seconds=60)
        elsewhere = workspace.folder / "elsewhere"
        elsewhere.mkdir()
        for name in ("tables.yaml", ".env"):
            (elsewhere / name).write_text((workspace.folder / name).read_text())
        done = workspace.supasync("--config", "elsewhere/tables.yaml", "sync")
        workspace.old.server.behave()
        out, err = process.communicate(timeout=60)
    assert done.code == 5
    assert "another run holds the lease" in done.err
    assert process.returncode == 0, out + err
    workspace.assert_equal()


def test_a_dethroned_run_stops_before_it_writes_state(workspace: Workspace) -> None:
    workspace.old.server.misbehave({"kind": "hold-before", "method": "GET", "path": "jobs"})
    with workspace.command("sync") as process:
        workspace.old.server.wait_held(seconds=60)
        workspace.new.run(
            "update sync_metadata set lease_until = now() - interval '1 second' where sync_status = 'running'"
        )
        elsewhere = workspace.folder / "elsewhere"
        elsewhere.mkdir()
        for name in ("tables.yaml", ".env"):
            (elsewhere / name).write_text((workspace.folder / name).read_text())
        workspace.old.server.misbehave()
        other = workspace.command("--config", "elsewhere/tables.yaml", "sync")
        out, err = other.communicate(timeout=60)
        assert other.returncode == 0, out + err
        before = workspace.new.rows("select state from sync_metadata where state is not null")
        workspace.old.server.behave()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 5, out + err
    assert "another run has taken over the lease" in err
    assert workspace.new.rows("select state from sync_metadata where state is not null") == before
    workspace.assert_equal()


def test_a_run_whose_time_is_up_asks_to_stop() -> None:
    with interruptible(timedelta(0)) as asked:
        assert asked()
    with interruptible(timedelta(hours=1)) as asked:
        assert not asked()
