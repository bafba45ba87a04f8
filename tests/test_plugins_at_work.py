"""Plugins in a run, or in a command of their own: who failed is named, and stdout holds results alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.packages import Site

SOURCE = """
from supasync_core.api.registration import Backend, imported
from supasync_csv.source import CsvSource

class Source(CsvSource):
    def count(self, table, window=None):
        {count}

    def read(self, table, window):
        {read}

@hookimpl
def supasync_register_sources(registry):
    opened = lambda context: Source(context.folder / "old")
    registry.add("mine", Backend("mine", opened, {{}}, lambda _: "mine"))
"""
SOUND = {"count": "return super().count(table, window)", "read": "return super().read(table, window)"}
LOUD = "print('noise'); return super().read(table, window)"
SINK = """
from supasync_core.api.registration import Backend, Setting

def ref(context):
    print("noise")
    return "there"

@hookimpl
def supasync_register_sinks(registry):
    registry.add("mine", Backend("mine", print, {"path": Setting()}, ref))
"""
TRANSFORM = """
import sys

@hookimpl
def supasync_register_transforms(registry):
    registry.add("mine", mine)

def mine(row):
    print("noise")
    {body}
    return row
"""
COMMAND = """
import click, sys

@click.command()
def mine():
    click.echo("a result")
    print("another")
    {body}

@hookimpl
def supasync_register_commands(cli):
    cli.add_command(mine)
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.at(tmp_path)


def synced(site: Site, *, debug: bool = False) -> tuple[int, dict[str, Any], str]:
    """The exit code of a run, the result of its table, and stderr; stdout is nothing but JSON."""
    done = site.run("sync", "--json", environment={"SUPASYNC_DEBUG": "1"} if debug else None)
    return done.returncode, json.loads(done.stdout)["tables"]["users"], done.stderr


@pytest.fixture(scope="module")
def synced_once(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A project with a source of a plugin, and a run behind it."""
    site = Site.at(tmp_path_factory.mktemp("once"))
    site.install("mine", SOURCE.format(**SOUND))
    site.configure(source="{backend: mine}")
    for command in ("setup", "sync"):
        site.run(command).check_returncode()
    return site


def failing(site: Site, read: str) -> None:
    """Let the source fail from now on."""
    site.install("mine", SOURCE.format(**SOUND | {"read": read}))


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        ("raise KeyError('x')", "KeyError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("return table.key.upper()", "AttributeError"),
    ],
)
def test_a_source_that_fails_is_named_with_its_line(synced_once: Site, read: str, kind: str) -> None:
    failing(synced_once, read)
    code, table, err = synced(synced_once)
    line = (synced_once.packages / "supasync_mine.py").read_text().splitlines().index(f"        {read}") + 1
    place = f"the plugin mine (supasync-mine 1.2.0, {synced_once.packages / 'supasync_mine.py'}:{line})"
    assert (code, table["error"]) == (1, f"users: internal error in {place}: {kind}")
    assert "Traceback" not in err


def test_a_backend_that_opens_something_else_is_named(site: Site) -> None:
    site.install("mine", SOURCE.format(**SOUND).replace("Source(context.folder", "print(context.folder"))
    site.configure(source="{backend: mine}")
    done = site.run("check")
    line = (site.packages / "supasync_mine.py").read_text().count("\n") - 1
    place = f"the plugin mine (supasync-mine 1.2.0, {site.packages / 'supasync_mine.py'}:{line})"
    assert f"error: {place} opened no source: None has no shape, no count, no read" in done.stderr
    assert done.returncode == 2


def test_the_traceback_of_a_table_is_shown_on_request_and_not_kept(synced_once: Site) -> None:
    failing(synced_once, "raise KeyError('x')")
    _, table, err = synced(synced_once, debug=True)
    assert "raise KeyError('x')" in err
    assert "Traceback" not in json.dumps(table)


@pytest.mark.parametrize("command", ["check", "sync", "verify", "diff old new"])
def test_the_message_of_a_plugins_error_is_shown_on_request_alone(synced_once: Site, command: str) -> None:
    """It may contain values of a row."""
    body = "int('row-value-Ada')"
    shape = f"\n    def shape(self, table):\n        {body}\n\n@hookimpl"
    synced_once.install("mine", SOURCE.format(**dict.fromkeys(SOUND, body)).replace("\n@hookimpl", shape, 1))
    done = synced_once.run(*command.split())
    told = done.stdout + done.stderr
    assert "internal error in the plugin mine" in told
    assert "ValueError\n  SUPASYNC_DEBUG=1 shows where" in told
    assert "row-value-Ada" not in told
    done = synced_once.run(*command.split(), environment={"SUPASYNC_DEBUG": "1"})
    assert "row-value-Ada" in done.stderr


LOADED = """
from supasync_core.api.registration import Backend
from supasync_core.api.whole_tables import WholeTableSource
from supasync_core.model.batch import Batch
from supasync_core.model.table import Column, Shape

class Source(WholeTableSource):
    def load(self, table):
        return {load}

    @property
    def hidden(self):
        return {hidden}

    def tables(self, schema):
        return {tables}

@hookimpl
def supasync_register_sources(registry):
    registry.add("mine", Backend("mine", lambda _: Source(), {{}}, lambda _: "mine"))
"""
ROWS = """Batch(b'[{"id": 1, "updated_at": "2026-01-01T00:00:00Z"}]')"""
TABLES = "{'users': Shape((Column('id'), Column('updated_at')))}"


@pytest.mark.parametrize(
    ("commands", "wrong", "told"),
    [
        (
            ("check", "sync", "diff old new", "verify"),
            {"load": """Batch(b'{"error": "x"}')"""},
            "load returned a Batch whose body is not a JSON array of objects",
        ),
        (("sync",), {"load": "Batch(b'[1]')"}, "load returned a Batch whose body is not a JSON array"),
        (("sync",), {"load": "Batch(b'<html>')"}, "load returned a Batch whose body is not a JSON array"),
        (("sync",), {"load": "[{'id': 1}]"}, "load returned a value of type list, not a Batch"),
        (
            ("check", "schema diff"),
            {"tables": "['users']"},
            "tables returned a value of type list, not a mapping of names to shapes",
        ),
        (
            ("schema diff",),
            {"tables": "{'users': ['id']}"},
            "tables returned a mapping to a value of type list",
        ),
        (
            ("schema diff",),
            {"hidden": "'views'"},
            "hidden returned a value of type str, not a sequence of texts",
        ),
    ],
)
def test_a_wrong_answer_of_a_source_is_its_plugins_fault(
    site: Site, commands: tuple[str, ...], wrong: dict[str, str], told: str
) -> None:
    sound = {"load": ROWS, "hidden": "()", "tables": TABLES}
    site.install("mine", LOADED.format(**sound))
    site.configure(source="{backend: mine}")
    for command in ("setup", "sync"):
        site.run(command).check_returncode()
    site.install("mine", LOADED.format(**sound | wrong))
    for command in commands:
        done = site.run(*command.split())
        text = done.stdout + done.stderr
        assert f"internal error in the plugin mine (supasync-mine 1.2.0, {site.packages}" in text, command
        assert told in text, command
        assert "internal error in supasync" not in text, command
        unlike_diff = 3 if "undecided" in text else 1
        assert done.returncode == (unlike_diff if command in {"check", "sync"} else 2), command
        assert "everything is in place" not in text, command


def test_sound_answers_of_a_source_are_taken(site: Site) -> None:
    site.install("mine", LOADED.format(load=ROWS, hidden="('views',)", tables=TABLES))
    site.configure(source="{backend: mine}")
    site.run("setup").check_returncode()
    assert synced(site)[0] == 0
    assert "views" in site.run("schema", "diff").stdout


def test_a_module_that_a_plugin_lacks_is_named_with_the_plugin(synced_once: Site) -> None:
    failing(synced_once, "import no_such_driver")
    code, table, _ = synced(synced_once)
    assert code == 2
    assert "the plugin mine (supasync-mine 1.2.0" in table["error"]
    assert "cannot import no_such_driver" in table["error"]
    assert "pipx inject supasync" in table["hint"]


def test_what_a_source_prints_goes_to_stderr(site: Site) -> None:
    site.install("mine", SOURCE.format(**SOUND | {"read": LOUD, "count": "print('noise'); return 2"}))
    site.configure(source="{backend: mine}")
    site.run("setup").check_returncode()
    code, table, err = synced(site)
    assert (code, table["synced"]) == (0, 2)
    assert "noise" in err


def test_what_a_backend_prints_where_a_command_calls_it_goes_to_stderr(site: Site) -> None:
    site.install("mine", SINK)
    site.run("setup").check_returncode()
    done = site.run("gap", "import", ".", "--sink", "mine:there", "--json")
    assert "noise" not in done.stdout
    assert "noise" in done.stderr


def test_what_a_transform_prints_goes_to_stderr(site: Site) -> None:
    site.local("mine", TRANSFORM.format(body="sys.stdout.writelines(['more', 'noise'])"))
    site.configure("plugins: mine.py\n", table="{transform: mine}")
    site.run("setup").check_returncode()
    code, table, err = synced(site)
    assert (code, table["synced"]) == (0, 2)
    assert "morenoise" in err


def test_a_transform_that_fails_shows_its_traceback_on_request(site: Site) -> None:
    site.local("mine", TRANSFORM.format(body="row['nothing']"))
    site.configure("plugins: mine.py\n", table="{transform: mine}")
    site.run("setup").check_returncode()
    code, table, err = synced(site, debug=True)
    assert code == 3
    assert "the transform mine failed on the row id=1" in table["error"]
    assert "row['nothing']" in err


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("pass", 0, ""),
        ("sys.exit(7)", 7, ""),
        ("sys.exit('no')", 1, "no\n"),
        ("1 / 0", 1, "error: internal error in the plugin mine (supasync-mine 1.2.0, "),
        (
            "import asyncio; raise asyncio.CancelledError",
            1,
            "error: internal error in the plugin mine (supasync-mine",
        ),
    ],
)
def test_a_command_of_a_plugin_prints_results_and_is_named_where_it_fails(
    site: Site, body: str, code: int, said: str
) -> None:
    site.install("mine", COMMAND.format(body=body))
    done = site.run("mine")
    assert (done.returncode, done.stdout) == (code, "a result\nanother\n")
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr
    if "error" in said:
        assert "Traceback" in site.run("mine", environment={"SUPASYNC_DEBUG": "1"}).stderr
