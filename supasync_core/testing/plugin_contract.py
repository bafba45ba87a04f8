"""What every package with a plugin promises, and what a transform and a notifier do beyond it, as tests."""

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
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import TableContext
from supasync_core.model import raw_json
from supasync_core.model.errors import TransientError
from supasync_core.model.report import Report, TableResult
from supasync_core.model.transform import ExactRow, Transform
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
        command = [sys.executable, "-c", code]
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


def report(records: int = 0, *, command: str = "sync") -> Report:
    """A run that ended well after so many rows."""
    table = TableResult(name="events", status="ok", found=records, synced=records)
    return Report(command=command, run="run", tables=(table,))


class NotifierContract:
    """What every notifier promises: ``module`` has the hook, ``environment`` what switches it on."""

    module: ClassVar[str]

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        """Nothing."""
        return {}

    @pytest.mark.parametrize("switched_on", [True, False])
    def test_it_takes_every_run(
        self,
        environment: dict[str, str],
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
        *,
        switched_on: bool,
    ) -> None:
        """Also one that never began; it prints nothing to stdout, which has the results."""
        never = Report(command="sync", run="", tables=(), stopped=TransientError("no answer"))
        variables = environment if switched_on else {}
        for each, code in ((report(5), 0), (never, 4), (report(), 3), (report(), 130)):
            arguments: dict[str, Any] = {
                "report": each,
                "exit_code": code,
                "folder": tmp_path,
                "environment": variables,
            }
            answers = loaded(self.module).call("supasync_run_finished", **arguments)
            assert [answer.fault for answer in answers] == [None]
        assert capfd.readouterr().out == ""
