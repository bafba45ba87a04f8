"""What every package promises, and what transforms, checks and notifiers do beyond it, as tests."""

# ruff: noqa: S101, D102 - these are tests, though they are shipped: a name says what is tested

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest

from supasync_core.api.installed import GROUP
from supasync_core.api.notifier import Notifier, RunEnd
from supasync_core.api.plugin_host import Host
from supasync_core.api.project_check import CheckContext, ProjectCheck
from supasync_core.api.registration import TableContext
from supasync_core.model import raw_json
from supasync_core.model.errors import TransientError
from supasync_core.model.level import PROBLEM
from supasync_core.model.report import Report, TableResult
from supasync_core.model.transform import ExactRow, Transform
from supasync_core.testing.memory_source import MemorySource
from supasync_core.testing.sample_table import EVENTS, event, events

HEAVY = ("duckdb", "pandas", "numpy", "supabase", "httpx", "requests", "sqlalchemy", "rich")
"""What no plugin imports before it is used: every command would wait for it."""


def loaded(module: str, name: str = "mine") -> Host:
    """A host with this plugin alone."""
    host = Host()
    host.load_installed([EntryPoint(name, module, GROUP)])
    return host


class PluginContract:
    """What every plugin promises: ``name`` is that of its entry point, ``module`` what that names."""

    name: ClassVar[str] = "mine"
    module: ClassVar[str]

    def test_it_loads(self) -> None:
        """Without a fault, and without a note: it declares the version of the hooks for which it is made."""
        (plugin,) = loaded(self.module, self.name).loaded
        assert (plugin.error, plugin.notes) == (None, [])

    def test_its_import_is_cheap(self) -> None:
        """Every command imports it: what is slow is imported where it is used."""
        code = (
            "import sys, supasync_core.api.registry; before = set(sys.modules); "
            f"import {self.module}; print(*(set(sys.modules) - before))"
        )
        command = [sys.executable, "-P", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
        assert [name for name in HEAVY if name in done.stdout.split()] == []


def transformed(transform: Transform, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row as the transform gives it, decoded; None where it is left out."""
    text = transformed_text(transform, json.dumps(row))
    return None if text is None else dict(json.loads(text))


def transformed_text(transform: Transform, text: str) -> str | None:
    """The same of the text of a row."""
    row = transform(ExactRow(text))
    return row.text if isinstance(row, ExactRow) else None if row is None else json.dumps(dict(row))


class TransformContract:
    """What every transform promises. ``transform`` is made for the table ``events``, with ``settings``."""

    @pytest.fixture
    def settings(self) -> dict[str, str]:
        """None."""
        return {}

    @pytest.fixture
    def context(self, settings: dict[str, str], tmp_path: Path) -> TableContext:
        """What a transform with settings is made with."""
        return TableContext(settings, tmp_path, EVENTS, lambda: events(event(1)).columns)

    @pytest.fixture
    def transform(self, context: TableContext) -> Transform:
        raise NotImplementedError

    @pytest.fixture
    def rows(self) -> list[str]:
        """Rows with and without values, as the source prints them."""
        full = event(1, "12:00", "11:00") | {"amount": "1.50", "payload": '{"a" : 1}'}
        return list(raw_json.split(events(full, event(2), {"id": "3"}).body))

    def test_it_keeps_the_key(self, transform: Transform, rows: list[str]) -> None:
        """A row under another key would be another row of NEW."""
        for text in rows:
            found = transformed_text(transform, text)
            assert found is None or raw_json.cells(found)["id"] == raw_json.cells(text)["id"]

    def test_it_gives_the_same_row_for_the_same_row(self, transform: Transform, rows: list[str]) -> None:
        """A row is read again after a crash, and compared by `verify`: it must not become another one."""
        assert [transformed_text(transform, text) for text in rows * 2] == [
            transformed_text(transform, text) for text in rows * 2
        ]


def run_end(
    folder: Path, settings: Mapping[str, str], *, records: int = 0, exit_code: int = 0, began: bool = True
) -> RunEnd:
    """A run that has ended after so many rows, or that never ``began``."""
    table = TableResult(name="events", status="ok", found=records, synced=records)
    done = Report(command="sync", run="run", tables=(table,))
    never = Report(command="sync", run="", tables=(), stopped=TransientError("no answer"))
    return RunEnd(settings=settings, folder=folder, report=done if began else never, exit_code=exit_code)


class NotifierContract:
    """What every notifier promises: ``notifier`` is registered, ``settings`` are those of tables.yaml."""

    @pytest.fixture
    def notifier(self) -> Notifier:
        raise NotImplementedError

    @pytest.fixture
    def settings(self) -> dict[str, str]:
        """None."""
        return {}

    @pytest.mark.parametrize("exit_code", [0, 1, 3, 4, 130])
    def test_it_takes_every_run(
        self,
        notifier: Notifier,
        settings: dict[str, str],
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
        exit_code: int,
    ) -> None:
        """Also one that never began; it prints nothing to stdout, which has the results."""
        for began in (True, False):
            notifier.send(run_end(tmp_path, settings, records=5, exit_code=exit_code, began=began))
        assert capfd.readouterr().out == ""


def projects(
    *, rows_in_old: int = 0, rows_in_new: int = 0, settings: Mapping[str, str] | None = None
) -> CheckContext:
    """Two projects in memory with the table ``events``, of so many rows each."""
    sides = MemorySource(), MemorySource()
    for side, rows in zip(sides, (rows_in_old, rows_in_new), strict=True):
        for number in range(rows):
            side.write(str(number), stamp=side.now, commit_at=side.now)
    return CheckContext(
        settings=settings or {}, folder=Path(), tables=[EVENTS], source=sides[0], sink=sides[1]
    )


class CheckContract:
    """What every check promises: it holds in the projects ``good``, and not in ``bad``."""

    @pytest.fixture
    def check(self) -> ProjectCheck:
        raise NotImplementedError

    @pytest.fixture
    def good(self) -> CheckContext:
        raise NotImplementedError

    @pytest.fixture
    def bad(self) -> CheckContext:
        raise NotImplementedError

    def test_it_holds_where_all_is_well(self, check: ProjectCheck, good: CheckContext) -> None:
        """A check that always fails would be accepted by habit."""
        assert [each for each in check.run(good) if each.level == PROBLEM] == []

    def test_it_fails_where_it_should(self, check: ProjectCheck, bad: CheckContext) -> None:
        """Each problem is a sentence, with what to do."""
        problems = [each for each in check.run(bad) if each.level == PROBLEM]
        assert problems
        assert all(each.text and each.hint for each in problems)
