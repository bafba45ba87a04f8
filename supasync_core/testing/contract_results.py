"""A plugin for pytest: which shipped contracts the tests kept, for `supasync plugins check`."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

OPTION = "--contract-results"
OTHERS = "other tests"
_LONGEST = 200
"""Characters of a failure that are kept."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The file that the results are written to."""
    parser.addoption(OPTION, help="a file for the results, by contract")


def pytest_configure(config: pytest.Config) -> None:
    """Collect results where a file is named."""
    if place := config.getoption(OPTION):
        config.pluginmanager.register(_Results(Path(str(place))))


class _Results:
    """Outcomes by contract: how many passed, which failed and why, which were skipped or left out.

    A test counts once: for the contract that its class inherits from, not for what that one inherits from.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._contracts: dict[str, list[type]] = {}
        self._kept: dict[type, set[str]] = defaultdict(set)
        self._found: dict[str, dict[str, Any]] = defaultdict(
            lambda: {"passed": 0, "failed": {}, "skipped": [], "left_out": []}
        )

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        kind = getattr(item, "cls", None)
        bases: tuple[type, ...] = kind.__mro__ if kind else ()
        shipped = [each for each in bases if each.__module__.startswith("supasync_core.testing.")]
        own = [each for each in shipped if not any(each in other.__mro__[1:] for other in shipped)]
        self._contracts[item.nodeid] = own
        name = getattr(item, "originalname", item.name)
        for contract in own:
            if getattr(kind, name, None) is getattr(contract, name, ()):
                self._kept[contract].add(name)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        name = report.nodeid.rpartition("::")[2]
        found = self._found[self._counted_for(report.nodeid, name.partition("[")[0])]
        if report.passed:
            found["passed"] += 1
        elif report.skipped:
            found["skipped"].append(name)
        else:
            found["failed"].setdefault(name, _first_line(report))

    def _counted_for(self, test: str, name: str) -> str:
        own = self._contracts.get(test, [])
        return next(
            (each.__name__ for each in own if hasattr(each, name)), own[0].__name__ if own else OTHERS
        )

    def pytest_sessionfinish(self) -> None:
        for contract in {each for own in self._contracts.values() for each in own}:
            promised = {name for name in dir(contract) if name.startswith("test_")}
            self._found[contract.__name__]["left_out"] = sorted(promised - self._kept[contract])
        self._place.write_text(json.dumps(self._found), encoding="utf-8")


def _first_line(report: pytest.TestReport) -> str:
    """What the test failed with: the beginning of the error's text."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = str(crash.message if crash else report.longrepr).splitlines()
    return lines[0][:_LONGEST] if lines else ""
