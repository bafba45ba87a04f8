"""Tables in dependency order."""

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model import dependencies

NAMES = st.sampled_from("abcdefgh")
ANY = st.dictionaries(NAMES, st.sets(NAMES)).map(
    lambda after: {name: sorted(parents & after.keys()) for name, parents in after.items()}
)
"""Any tables with any parents among them, circles and tables after themselves included."""
ACYCLIC = st.permutations("abcdefgh").flatmap(
    lambda rank: ANY.map(
        lambda after: {
            name: [parent for parent in parents if rank.index(parent) < rank.index(name)]
            for name, parents in after.items()
        }
    )
)


@given(ACYCLIC)
def test_every_table_comes_once_and_after_its_parents(after: dict[str, list[str]]) -> None:
    done = dependencies.parents_first(after)
    assert sorted(done) == sorted(after)
    assert all(done.index(parent) < done.index(name) for name in after for parent in after[name])


@given(ACYCLIC)
def test_a_table_gives_way_in_the_file_only_to_what_it_waits_for(after: dict[str, list[str]]) -> None:
    done = dependencies.parents_first(after)
    for i, name in enumerate(done):
        could_have_come = [other for other in done[i:] if set(after[other]) <= set(done[:i])]
        assert name == min(could_have_come, key=list(after).index)


@given(st.lists(NAMES, unique=True))
def test_without_parents_the_order_is_that_of_the_file(names: list[str]) -> None:
    assert dependencies.parents_first(dict.fromkeys(names, ())) == names


@given(ANY)
def test_circles_are_found_exactly_where_there_is_no_order(after: dict[str, list[str]]) -> None:
    try:
        list(TopologicalSorter(after).static_order())
    except CycleError:
        assert dependencies.cycles(after)
        with pytest.raises(ValueError, match="wait for each other"):
            dependencies.parents_first(after)
    else:
        assert dependencies.cycles(after) == []


@given(ANY)
def test_a_circle_is_named_from_table_to_parent_back_to_the_table(after: dict[str, list[str]]) -> None:
    found = dependencies.cycles(after)
    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert all(parent in after[name] for name, parent in pairwise(cycle))
    members = [name for cycle in found for name in cycle[1:]]
    assert len(members) == len(set(members))


@given(ANY)
def test_dependents_are_those_whose_parents_lead_to_the_table(after: dict[str, list[str]]) -> None:
    def waits_for(name: str, goal: str, seen: frozenset[str] = frozenset()) -> bool:
        parents = set(after[name]) - seen
        return goal in parents or any(waits_for(parent, goal, seen | parents) for parent in parents)

    for goal in after:
        expected = [name for name in after if name != goal and waits_for(name, goal)]
        assert dependencies.dependents(after, goal) == expected


def test_the_five_tables_of_the_guide() -> None:
    after = {
        "usage_logs": ["users", "jobs"],
        "jobs": ["users"],
        "sessions": ["users"],
        "users": [],
        "ad_sessions": ["users"],
    }
    assert dependencies.parents_first(after) == ["users", "jobs", "usage_logs", "sessions", "ad_sessions"]
    assert dependencies.dependents(after, "jobs") == ["usage_logs"]
