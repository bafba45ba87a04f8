"""A version that does not know a field of the state says "upgrade", never "damaged"."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from supasync_core.model import state_json
from supasync_core.model.errors import StateError
from supasync_core.model.state_json import FORMAT, from_json, to_json
from supasync_core.testing.sample_state import SAMPLE

RELEASED = {"0.1.0": Path(__file__).parent / "upgrade" / "from_0_1_0" / "sync_metadata.json"}
"""What each released version has stored."""


def states(rows: object) -> Iterator[dict[str, object]]:
    """Every state among these records."""
    if isinstance(rows, dict) and "format" in rows:
        yield rows
    elif isinstance(rows, dict | list):
        for row in rows.values() if isinstance(rows, dict) else rows:
            yield from states(row)


@pytest.mark.parametrize("version", RELEASED)
def test_what_a_release_does_not_know_is_written_in_another_format(version: str) -> None:
    """Raise FORMAT with the first field behind a release."""
    (state, *_) = states(json.loads(RELEASED[version].read_text()))
    known = {name for table in dict(state["tables"]).values() for name in table}  # type: ignore[call-overload]
    now = to_json(SAMPLE)
    written = {name for table in now["tables"].values() for name in table}
    assert {*written, *now} - {*known, *state}
    assert isinstance(state["format"], int)
    assert now["format"] == FORMAT > state["format"]
    from_json(state)  # which is read all the same


def test_a_state_of_a_later_format_asks_for_an_upgrade_whatever_it_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = {**to_json(SAMPLE), "later": {"fields": 1}}
    monkeypatch.setattr(state_json, "FORMAT", FORMAT - 1)
    with pytest.raises(StateError, match=rf"written by a newer supasync \(format {FORMAT}, this one reads"):
        from_json(stored)
