"""A plugin for pytest: which shipped contracts the tests kept, for `supasync plugins check`."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

OPTION = "--contract-results"
OTHERS = "other tests"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The file that the results are written to."""
    parser.addoption(OPTION, help="a file for the results, by contract")


def pytest_configure(config: pytest.Config) -> None:
    """Collect results where a file is named."""
    if place := config.getoption(OPTION):
        config.pluginmanager.register(_Results(Path(str(place))))


class _Results:
    """Outcomes by contract: how many passed, the names of those that did not, and of those left out."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._contracts: dict[str, list[type]] = {}
        self._kept: dict[type, set[str]] = defaultdict(set)
        self._found: dict[str, dict[str, Any]] = defaultdict(
            lambda: {"passed": 0, "failed": [], "skipped": [], "left_out": []}
        )

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        kind = getattr(item, "cls", None)
        bases: tuple[type, ...] = kind.__mro__ if kind else ()
        own = [each for each in bases if each.__module__.startswith("supasync_core.testing.")]
        self._contracts[item.nodeid] = own
        name = getattr(item, "originalname", item.name)
        for contract in own:
            if getattr(kind, name, None) is getattr(contract, name, ()):
                self._kept[contract].add(name)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        for contract in [each.__name__ for each in self._contracts.get(report.nodeid, ())] or [OTHERS]:
            found = self._found[contract]
            if report.passed:
                found["passed"] += 1
            else:
                found[report.outcome].append(report.nodeid.rpartition("::")[2])

    def pytest_sessionfinish(self) -> None:
        for contract in {each for own in self._contracts.values() for each in own}:
            promised = {name for name in dir(contract) if name.startswith("test_")}
            self._found[contract.__name__]["left_out"] = sorted(promised - self._kept[contract])
        self._place.write_text(json.dumps(self._found), encoding="utf-8")
