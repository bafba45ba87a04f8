"""A stored state in which something is not of its type is damaged, whatever it is."""
# ruff: noqa: S608 - fixed names

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from supasync_core.model import state_json
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.errors import StateError
from supasync_core.model.state import KeysetState, State, TableState
from tests.servers.command import run

TABLE = TableState(keysets={"*": KeysetState()}, read_at="2026-01-01T00:00:00Z", comparison=Comparison())
STATE = State("old", {"users": TABLE})
DAMAGES: dict[str, dict[str, Any]] = {
    "number": {"read_at": 5},
    "time": {"read_at": "soon"},
    "time of a keyset": {"keysets": {"*": {"moved_at": "2026-13-01T00:00:00Z"}}},
    "time of a walk": {"comparison": {"until": ""}},
    "time of a late run": {"late": {"since": None, "until": "for ever"}},
    "time of a guard": {"alive_at": "once"},
    "time of a look for deletes": {"verified_at": "2026-01-01T00:00:00Z;"},
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


WAITS = {"reason": "refused", "sqlstate": "23514"}
PLANTED: dict[str, Callable[[dict[str, Any]], object]] = {
    "the whole": lambda state: [state],
    "source": lambda state: state.pop("source") and None,
    "last_success": lambda state: state.update(last_success="yesterday"),
    "read_at": lambda state: state["tables"]["jobs"].update(read_at="soon"),
    "cursor": lambda state: state["tables"]["jobs"]["keysets"]["updated_at"]["cursor"].update(value="soon"),
    "settled cursor": lambda state: state["tables"]["jobs"]["keysets"].update(
        updated_at={"cursor": {"value": "tomorrow", "key": ["1"]}, "settled": True}
    ),
    "since": lambda state: state["quarantine"].update(jobs=[{"key": ["1"], "since": "", **WAITS}]),
    "key": lambda state: state["quarantine"].update(
        jobs=[{"key": ["1", "2"], "since": "2026-01-01T00:00:00Z", **WAITS}]
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_run_names_what_is_damaged(tmp_path: Path, demo_in: Callable[[Path], Path], name: str) -> None:
    folder = demo_in(tmp_path / "demo")
    newest = "where number = (select max(number) from sync_metadata where state is not null)"
    with duckdb.connect(folder / "new.duckdb") as connection:
        found = connection.execute(f"select state from sync_metadata {newest}").fetchall()
        state = json.loads(found[0][0])
        state = PLANTED[name](state) or state
        connection.execute(f"update sync_metadata set details = '5', state = ? {newest}", [json.dumps(state)])
    done = run(folder, "sync")
    assert done.returncode == 3, done.stderr
    assert "the stored state is damaged" in done.stderr
    assert "restore the newest row of sync_metadata from a backup" in done.stderr
    assert "internal error" not in done.stderr


def test_what_is_sound_comes_back() -> None:
    whole = replace(STATE, last_success="2026-01-01T00:00:00Z")
    assert state_json.from_json(state_json.to_json(whole)) == whole
