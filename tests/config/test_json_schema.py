"""The schema for editors admits what supasync reads, and marks what it does not know."""

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from docs.generate import host_of_this_distribution
from supasync_core.api.notifier import Notifier
from supasync_core.api.plugin_host import Host
from supasync_core.api.project_check import ProjectCheck
from supasync_core.api.registration import Backend, Configured, Setting
from supasync_core.config.json_schema import SHIPPED, json_schema, schema_text
from tests.config.host import HEAD, schema_flaws, small_host

ROOT = Path(__file__).parents[2]
TABLES_PAGE = ROOT / "docs/reference/tables-yaml.md"
EXAMPLES = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for number, block in enumerate(
        re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    )
]


def _never_made(_context: object) -> Any:
    raise AssertionError("a schema makes nothing")


@cache
def _host() -> Host:
    """The plugins of supasync, and those that the documentation's examples name."""
    host = host_of_this_distribution()
    for name in ("jsonl", "shop"):
        host.sources.add(name, Backend(name, _never_made, {"path": Setting()}, str))
    host.strategies.add("checked", _never_made)  # type: ignore[arg-type]  # which a schema does not call
    host.transforms.add("mask_ip", lambda row: row)
    host.transforms.add("no_trials", lambda row: row)
    host.transforms.add("hash_email", Configured(_never_made, {"salt": Setting(secret=True)}))
    host.checks.add("no_test_users", ProjectCheck(what="there are none", run=lambda _context: ()))
    floor = {"table": Setting(), "least": Setting()}
    host.checks.add("row_floor", ProjectCheck(what="rows are there", run=lambda _context: (), settings=floor))
    host.notifiers.add("pager", Notifier(send=print, settings={"url": Setting(secret=True)}))
    return host


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_documentation_is_admitted(example: str) -> None:
    whole: dict[str, Any] = {**yaml.safe_load(f"{HEAD}tables: {{users: }}")}
    part: dict[str, Any] = yaml.safe_load(example)
    of_the_file = set(part) <= set(json_schema(_host())["properties"])
    whole.update(part if of_the_file else {"tables": part})
    assert schema_flaws(yaml.safe_dump(whole), _host()) == []


def test_the_schema_in_the_package_is_that_of_its_own_plugins() -> None:
    shipped = SHIPPED.read_text(encoding="utf-8")
    assert shipped == schema_text(host_of_this_distribution()), "run: python docs/generate.py"
    place = re.search(r"files\('([\w.]+)'\) / '([\w./]+)'", TABLES_PAGE.read_text(encoding="utf-8"))
    assert place
    assert files(place[1]) / place[2] == SHIPPED


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(json_schema(small_host()))


@pytest.mark.parametrize(
    "mistake",
    [
        "tables: {users: {keys: id}}",
        "tables: {users: {page_size: 0}}",
        "tables: {users: {overlap: 15 minutes}}",
        "tables: {users: {overlap: ''}}",
        "tables: {users: {deletes: mirrors}}",
        "tables: {users: {key: []}}",
        "tables: {users: {key: [id, id]}}",
        "tables: {users: {strategy: incremantal}}",
        "tables: {users: {transform: [mask_ip, mask_other]}}",
        "tables: {}",
        "tables: {users: }\nworkers: 17",
        "tables: {users: }\nenabled: maybe",
        "tables: {users: }\nbudgets: {egress: 5}",
        "tables: {users: }\ncompare_egress: 2",
        "tables: {users: }\nintervals: 1h",
        "tables: {users: }\ndefaults: {depends_on: users}",
        "tables: {users: }\nsink: {backend: file, path: new}",
        'tables: {users: }\nsource: {backend: rest, url: "https://old.supabase.co", key: "a-key"}',
        'tables: {users: }\nsource: {backend: rest, url: "https://old.supabase.co"}',
        "source: {backend: file, path: old}",
    ],
)
def test_a_mistake_is_marked(mistake: str) -> None:
    lines = dict(yaml.safe_load(HEAD)) | dict(yaml.safe_load(mistake))
    assert schema_flaws(yaml.safe_dump(lines), small_host())


@pytest.mark.parametrize(
    "value",
    [
        "workers: '${WORKERS}'",
        "workers: 4",
        "enabled: Yes",
        "enabled: 'OFF'",
        "undecided:",
        "compare_egress: 1.5 %",
        "compare_egress: 100MB",
        "stale_after: 1h30m",
        "defaults:",
    ],
)
def test_what_a_setting_accepts_is_admitted(value: str) -> None:
    assert schema_flaws(f"{HEAD}tables: {{users: , 7: }}\n{value}", small_host()) == []
