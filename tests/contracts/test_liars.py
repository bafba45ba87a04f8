"""Each contract is kept by the honest, and failed by name, and soon, by whoever breaks a promise."""

from collections import defaultdict
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path

import pytest

from supasync_core.testing.sample_state import SAMPLE
from tests.contracts import lying_sinks, lying_sources, lying_stores, lying_strategies
from tests.contracts.honest import HonestSink, HonestSource, HonestStore
from tests.contracts.lies import CAUGHT_BY

EXPECTED = {liar.__name__: test for liar, test in CAUGHT_BY.items()}
HONEST = [each.__name__ for each in (HonestSink, HonestSource, HonestStore, *lying_strategies.HONEST)]
SECONDS = 5
assert lying_sinks, lying_sources
assert lying_stores


@dataclass
class Outcome:
    """What became of the tests of one suite."""

    failed: dict[str, str] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    seconds: float = 0


class Recorder:
    """Keeps the outcome of each suite."""

    def __init__(self) -> None:
        self.outcomes: defaultdict[str, Outcome] = defaultdict(Outcome)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Called by pytest before it runs them."""
        items[:] = [item for item in items if _is_wanted(*item.nodeid.split("::")[1:])]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for each phase of each test."""
        _, suite, name = report.nodeid.split("::")
        outcome = self.outcomes[suite.removeprefix("Test")]
        outcome.seconds += report.duration
        if report.failed:
            outcome.failed[name.partition("[")[0]] = report.longreprtext
        elif report.when == "call":
            outcome.passed.add(name.partition("[")[0])


def _is_wanted(suite: str, test: str) -> bool:
    name = suite.removeprefix("Test")
    return name in HONEST or test.partition("[")[0] == EXPECTED[name]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """What pytest says, as to an author: the whole contract of the honest, and each liar's one test."""
    recorder, suites = Recorder(), Path(__file__).with_name("suites.py")
    options = ["-q", "-s", "--no-header", "--no-summary", "-p", "no:cacheprovider", "--tb=line"]
    pytest.main([*options, str(suites)], plugins=[recorder])
    return dict(recorder.outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
def test_whoever_keeps_all_promises_passes(outcomes: dict[str, Outcome], name: str) -> None:
    assert outcomes[name].failed == {}
    assert outcomes[name].passed


@pytest.mark.parametrize("name", EXPECTED)
def test_a_liar_is_caught_by_the_name_of_its_lie(outcomes: dict[str, Outcome], name: str) -> None:
    assert list(outcomes[name].failed) == [EXPECTED[name]]
    assert outcomes[name].seconds < SECONDS


def test_every_suite_was_run(outcomes: dict[str, Outcome]) -> None:
    assert sorted(outcomes) == sorted([*HONEST, *EXPECTED])


def test_the_sample_state_has_no_default_that_a_store_could_lose() -> None:
    assert list(_defaults(SAMPLE, "State")) == ["State.closed"]


def _defaults(value: object, place: str) -> list[str]:
    """The fields that are as they would be if nobody had stored them."""
    found: list[str] = []
    if is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            inner = getattr(value, each.name)
            if inner in (None, (), {}, 0, "", False):
                found.append(f"{place}.{each.name}")
            found += _defaults(inner, f"{place}.{each.name}")
    elif isinstance(value, dict | tuple):
        several = value.values() if isinstance(value, dict) else value
        lacking = [set(_defaults(inner, place)) for inner in several]
        found += sorted(set.intersection(*lacking)) if lacking else []  # one of several that has it is enough
    return found
