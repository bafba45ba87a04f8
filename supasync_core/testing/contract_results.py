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
    """Outcomes by contract: how many passed, and the names of those that did not."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._contracts: dict[str, list[str]] = {}
        self._found: dict[str, dict[str, Any]] = defaultdict(
            lambda: {"passed": 0, "failed": [], "skipped": []}
        )

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        kind = getattr(item, "cls", None)
        bases = kind.__mro__ if kind else ()
        own = [each.__name__ for each in bases if each.__module__.startswith("supasync_core.testing.")]
        self._contracts[item.nodeid] = own or [OTHERS]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        for contract in self._contracts.get(report.nodeid, [OTHERS]):
            found = self._found[contract]
            if report.passed:
                found["passed"] += 1
            else:
                found[report.outcome].append(report.nodeid.rpartition("::")[2])

    def pytest_sessionfinish(self) -> None:
        self._place.write_text(json.dumps(self._found), encoding="utf-8")
