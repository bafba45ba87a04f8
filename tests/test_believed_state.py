"""What of a stored state is not believed: whatever a run wrote down under a clock that was ahead."""

import json
import re

import pytest

from supasync_core.model import state_json, timestamps
from supasync_core.model.table import Table
from supasync_core.project.believed_state import believed
from supasync_core.testing.sample_state import SAMPLE

TABLES = [Table(name="events", timestamp=("updated_at",))]
NOW = timestamps.parse("2024-05-01T13:00:00Z")
TIME = re.compile(r'"(2024-05-01T12:0\d:00(?:\.1)?(?:Z|\+00:00))"')
KEPT = json.dumps(state_json.to_json(SAMPLE))
TIMES = [found.span(1) for found in TIME.finditer(KEPT)]
HARMLESS = ("since", "at", "absent_since", "updated_at")
"""Names of times that are only shown, or compared for being the same, or void in a table that is read."""


def test_times_of_the_past_are_left_as_they_are() -> None:
    state, notes = believed(SAMPLE, TABLES, NOW)
    assert (state, notes) == (SAMPLE, [])


@pytest.mark.parametrize("place", range(len(TIMES)))
def test_no_time_of_the_future_is_left_for_a_run_to_wait_for(place: int) -> None:
    start, end = TIMES[place]
    forged = KEPT[:start] + "2036-05-01T12:00:00Z" + KEPT[end:]
    state, _ = believed(state_json.from_json(json.loads(forged)), TABLES, NOW)
    left = list(_future(state_json.to_json(state), ""))
    assert [name for name in left if name not in HARMLESS] == []


def _future(value: object, name: str) -> list[str]:
    """The names of the values that lie in the future."""
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in _future(each, key)]
    if isinstance(value, list | tuple):
        return [found for each in value for found in _future(each, name)]
    return [name] if isinstance(value, str) and value.startswith("2036") else []
