"""What passes by itself becomes an alert once it has gone on for too long, by NEW's records and time."""

import os
import signal
import time
from datetime import timedelta
from shutil import rmtree

import pytest

from tests.e2e.workspace import Workspace

BUSY = {"kind": "answer", "status": 503, "headers": {"Retry-After": "3600"}, "times": None}
"""OLD asks to come back later than any run waits."""
DAYS = timedelta(days=10).total_seconds()
SUCCESS = "update sync_metadata set state = jsonb_set(state, '{{last_success}}', to_jsonb({0}))"


def ten_days_ago(space: Workspace, *names: str) -> None:
    for name in names:
        os.utime(space.folder / ".supasync" / name, (time.time() - DAYS,) * 2)


@pytest.mark.parametrize(("then", "code"), [("now() - interval '10 days'", 3), ("now()", 4)])
@pytest.mark.parametrize("folder", ["new", "clock was ahead", "long ago"])
def test_new_knows_when_a_run_has_last_succeeded(
    workspace: Workspace, then: str, code: int, folder: str
) -> None:
    assert workspace.supasync("sync").code == 0
    workspace.new.run(SUCCESS.format(then))
    if folder == "new":
        rmtree(workspace.folder / ".supasync")
    else:
        at = time.time() + (DAYS if folder == "clock was ahead" else -DAYS)
        os.utime(workspace.folder / ".supasync" / "last-success", (at, at))
    workspace.old.server.misbehave(BUSY)
    assert workspace.supasync("sync").code == code


def test_a_first_run_that_never_succeeds_is_an_alert_too(workspace: Workspace) -> None:
    workspace.new.run(
        "update sync_metadata set state = "
        "jsonb_set(state, '{schema_seen_at}', to_jsonb(now() - interval '10 days'))"
    )
    workspace.old.server.misbehave(BUSY)
    assert workspace.supasync("sync").code == 3


def test_a_stopped_run_that_holds_the_lock_is_an_alert_after_a_while(workspace: Workspace) -> None:
    assert workspace.supasync("sync").code == 0
    workspace.old.server.misbehave({"kind": "hold-before", "method": "GET", "path": "/users"})
    with workspace.command("sync") as stopped:
        workspace.old.server.wait_held(seconds=60)
        stopped.send_signal(signal.SIGSTOP)
        assert workspace.supasync("sync").code == 5
        ten_days_ago(workspace, "last-success")
        assert workspace.supasync("sync").code == 5, "a long first load raises no alert while it saves"
        ten_days_ago(workspace, "alive")
        done = workspace.supasync("sync")
        stopped.kill()
    assert done.code == 3
    assert "no sign of life for 10d" in done.err


def test_a_machine_that_waits_beside_another_one_is_no_alert(workspace: Workspace) -> None:
    assert workspace.supasync("sync").code == 0
    ten_days_ago(workspace, "last-success")
    workspace.new.run(
        "update sync_metadata set sync_status = 'running', holder = 'there', "
        "lease_until = now() + interval '9 minutes' where state is not null"
    )
    assert workspace.supasync("sync").code == 5
    workspace.new.run(SUCCESS.format("now() - interval '10 days'"))
    assert workspace.supasync("sync").code == 3
