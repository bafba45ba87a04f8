"""What `status` says of the past: by syncs, and by nothing else where there is none."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.api.kept_records import record_from_json
from supasync_core.api.state_store import Past
from supasync_core.model import timestamps
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.state import State, TableState
from supasync_core.model.table import NEVER, Table
from supasync_core.status.health import judge
from supasync_core.system.last_success import age_in

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
    assert judge(past, (), timedelta(hours=1), timestamps.parse(AT)).verdict.startswith(verdict)


def test_a_success_in_the_future_is_no_sign_of_health() -> None:
    past = Past(State("old", last_success="2036-01-01T00:00:00Z"), ())
    told = judge(past, (), timedelta(hours=1), timestamps.parse(AT))
    assert (told.healthy, told.age) == (False, None)
    assert told.verdict.startswith("a run noted a time in the future")


@pytest.mark.parametrize("never", ["-infinity", "9999999-01-01T00:00:00Z BC"])
def test_a_success_before_all_time_is_long_ago(never: str) -> None:
    state = State("old", last_success=never)
    told = judge(Past(state, ()), (), timedelta(hours=1), timestamps.parse(AT))
    assert (told.healthy, told.age, age_in(state, AT)) == (False, timedelta.max, timedelta.max)


@given(
    every=st.sampled_from([None, NEVER]) | st.timedeltas(timedelta(minutes=1), timedelta(days=9)),
    ago=st.none() | st.timedeltas(timedelta(0), timedelta(days=30)),
    unseen=st.sampled_from([(), ("deletes",), ("deletes", "updates")]),
)
def test_a_table_is_blind_unless_its_updates_are_seen_or_it_was_compared_within_two_intervals(
    every: timedelta | None, ago: timedelta | None, unseen: tuple[str, ...]
) -> None:
    now = timestamps.parse(AT)
    at = None if ago is None else timestamps.to_text(now - timestamps.micros_of(ago))
    state = State("old", {"t": TableState(comparison=Comparison(walked_at=at))}, last_success=AT)
    table = Table(name="t", compare_every=every)
    (lag,) = judge(Past(state, ()), [(table, unseen)], timedelta(hours=1), now).tables
    recent = ago is not None and every != NEVER and ago <= 2 * (every or timedelta(hours=24))
    assert lag.blind == ("updates" in unseen and not recent)
    assert (lag.unseen, lag.compared_at) == (unseen, at)
