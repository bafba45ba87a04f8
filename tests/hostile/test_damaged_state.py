"""A stored state in which something is not of its type is damaged, whatever it is."""

from dataclasses import replace
from typing import Any

import pytest

from supasync_core.model import state_json
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.errors import StateError
from supasync_core.model.state import KeysetState, State, TableState

TABLE = TableState(keysets={"*": KeysetState()}, read_at="2026-01-01T00:00:00Z", comparison=Comparison())
STATE = State("old", {"users": TABLE})
DAMAGES: dict[str, dict[str, Any]] = {
    "number": {"read_at": 5},
    "text": {"ahead": "x"},
    "list": {"keysets": []},
    "digests": {"keysets": {"*": {"cursor": None, "digests": [1]}}},
    "range": {"comparison": {"ranges": [["a"]], "passed": [], "behind": [], "found": []}},
    "key": {"deleted": [[1]]},
    "field": {"seen_by": "a later version"},
    "field of a walk": {"comparison": {"seen_by": "a later version"}},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_value_of_another_type_is_damage(name: str) -> None:
    stored = state_json.to_json(STATE)
    stored["tables"]["users"] |= DAMAGES[name]
    with pytest.raises(StateError, match="the stored state is damaged"):
        state_json.from_json(stored)


def test_what_is_sound_comes_back() -> None:
    whole = replace(STATE, last_success="2026-01-01T00:00:00Z")
    assert state_json.from_json(state_json.to_json(whole)) == whole
