"""What `status` says of the past: by syncs, and by nothing else where there is none."""

from datetime import timedelta

import pytest

from supasync_core import clock
from supasync_core.backend import Past
from supasync_core.health import judge
from supasync_core.journal import record_from_json
from supasync_core.state import State

AT = "2026-11-23T10:00:00Z"


def record(command: str, status: str) -> dict[str, object]:
    """A record as a store keeps it."""
    return {
        "run_id": "1",
        "created_at": AT,
        "sync_status": status,
        "command": command,
        "holder": "h",
        "finished_at": AT,
        "last_sync_timestamp": None,
        "records_synced": 1,
        "error_message": None,
        "requests": 1,
        "bytes": 1,
        "details": {},
    }


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        ([("gap import", "success")], "good"),
        ([("gap import", "success"), ("sync", "success")], "good"),
        ([("gap import", "success"), ("sync", "failed")], "the last sync did not succeed"),
    ],
)
def test_a_success_of_another_command_is_no_failed_sync(runs: list[tuple[str, str]], verdict: str) -> None:
    records = tuple(record_from_json(record(*run)) for run in runs)
    past = Past(State("old", last_success=AT), records)
    assert judge(past, {}, timedelta(hours=1), clock.parse(AT)).verdict.startswith(verdict)
