"""The state of a renamed table goes on under its new name, and nothing of it is left under the old one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.state import Guarded, KeysetState, Quarantined, State, TableState
from supasync_core.model.state_json import from_json, to_json
from supasync_core.testing.sample_state import SAMPLE

NAMES = st.sampled_from(["a", "b", "c", "d"])
TABLES = st.builds(
    TableState,
    keysets=st.dictionaries(st.just("*"), st.builds(KeysetState, floor=st.text(max_size=2))),
    guarded=st.builds(Guarded, settings=st.dictionaries(st.sampled_from(["table", "key"]), st.text())),
)
REFUSED = st.lists(st.builds(Quarantined, st.just(("1",)), st.text(), st.none(), st.text()), min_size=1)
STATES = st.builds(
    State,
    source=st.just("old"),
    tables=st.dictionaries(NAMES, TABLES),
    quarantine=st.dictionaries(NAMES, REFUSED.map(tuple)),
)


def test_all_that_is_kept_of_a_table_moves() -> None:
    moved = SAMPLE.renamed({"events": "visits"})
    assert moved.beyond(()) == ("visits",)
    known, now = SAMPLE.table("events"), moved.table("visits")
    assert now == replace(
        known, guarded=replace(known.guarded, settings={"table": '"events"', "key": '["id"]'})
    )
    assert (moved.quarantine["visits"], moved.again["visits"]) == (
        SAMPLE.quarantine["events"],
        SAMPLE.again["events"],
    )
    assert from_json(to_json(moved)) == moved


@pytest.mark.parametrize("known", [{"table": '"events"'}, {}])
def test_which_table_of_the_database_its_rows_are_of_is_kept(known: dict[str, str]) -> None:
    """The new name may be that of another table; a state of version 0.1.0 has the name alone."""
    guarded = Guarded(settings={**known, "key": '["id"]'})
    state = State("old", {"events": TableState(guarded=guarded)})
    moved = state.renamed({"events": "visits"}).table("visits").guarded.settings
    assert moved == {"table": '"events"', "key": '["id"]'}


@given(STATES, st.dictionaries(NAMES, NAMES))
def test_a_name_that_has_a_state_keeps_it(state: State, names: dict[str, str]) -> None:
    before, after = state.beyond(()), state.renamed(names).beyond(())
    assert len(after) == len(before)
    for name in set(before) & set(after) - names.keys():
        assert state.renamed(names).table(name) == state.table(name)
    assert state.renamed(names).quarantined().values() or not state.quarantined()
    assert sum(state.renamed(names).quarantined().values()) == sum(state.quarantined().values())


@pytest.mark.parametrize("names", [{"events": "events"}, {"other": "events"}, {}])
def test_where_there_is_nothing_to_rename_nothing_changes(names: dict[str, str]) -> None:
    assert SAMPLE.renamed(names) == SAMPLE
