"""A plugin whose settings, or whose code for a table, are wrong is named where tables.yaml uses it."""

import json
from pathlib import Path

import pytest

from tests.packages import Site

BACKEND = """
from supasync_core.api.registration import Backend, Setting

def ref(context):
    {ref}

def check(value):
    {check}

def place(table):
    {place}

@hookimpl
def supasync_register_sources(registry):
    settings = {{"url": Setting(check=check), "key": Setting(required=False, secret=True, check=check)}}
    registry.add("mine", Backend("mine", print, settings, ref, place=place))
"""
STRATEGY = """
class Strategy:
    def __init__(self):
        {init}

    def problems(self, table):
        {problems}

    def keysets(self, table):
        {keysets}

    pending = read = unfit = baseline = keysets

@hookimpl
def supasync_register_strategies(registry):
    registry.add("mine", Strategy)
"""
SOUND = {
    "ref": "return context.settings['url']",
    "check": "return None",
    "place": "return table.name",
    "init": "pass",
    "problems": "return []",
    "keysets": "return ()",
}
KEY = "sb-very-secret-0123456789"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.at(tmp_path)


def told(site: Site, at: str) -> str:
    """The one problem of tables.yaml, which `plugins` lists without dying, and no other plugin has any."""
    done = site.run("sync", environment={"A_KEY": KEY})
    assert done.returncode == 2
    (problem,) = (line for line in done.stderr.splitlines() if "tables.yaml:" in line)
    assert problem.startswith(f"error: tables.yaml:{at}: ")
    listed = site.run("plugins", "--json", environment={"A_KEY": KEY})
    errors = {row["name"]: row["error"] for row in json.loads(listed.stdout) if row["error"]}
    assert (set(errors), listed.returncode) == ({"mine"}, 2)
    assert KEY not in done.stderr + listed.stdout
    assert str(errors["mine"]).rpartition(": ")[2] in problem
    return problem


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"check": "return 1 / 0"}, "failed to check this setting: ZeroDivisionError: division by zero"),
        (
            {"check": "return True"},
            "it returned True, and must return what is wrong",
        ),
        ({"check": "raise SystemExit(0)"}, "failed to check this setting: SystemExit: 0"),
        ({"ref": "return None"}, "failed to name its project: it returned None, and must return a text"),
        ({"ref": "return context.settings['path']"}, "failed to name its project: KeyError"),
    ],
)
def test_a_backends_settings_that_fail_are_named(site: Site, fault: dict[str, str], said: str) -> None:
    site.install("mine", BACKEND.format(**SOUND | fault))
    site.configure(source="{backend: mine, url: here}")
    problem = told(site, "2:30" if "check" in fault else "2:1")
    file = site.packages / "supasync_mine.py"
    line = file.read_text().splitlines().index(f"    {next(iter(fault.values()))}")
    places = [f"the plugin mine (supasync-mine 1.2.0, {file}:{each}) failed" for each in (line, line + 1)]
    assert said in problem
    assert any(place in problem for place in places), problem


def test_a_secret_is_not_in_the_message_of_its_check(site: Site) -> None:
    site.install(
        "mine", BACKEND.format(**SOUND | {"check": "return None if value == 'here' else int(value)"})
    )
    site.configure(source='{backend: mine, url: here, key: "${A_KEY}"}')
    assert told(site, "2:41").endswith("failed to check this setting: ValueError")


def test_a_place_that_fails_is_named(site: Site) -> None:
    site.install("mine", BACKEND.format(**SOUND | {"place": "return table.nothing"}))
    site.configure(source="{backend: mine, url: here}")
    assert "failed to say where it keeps a table: AttributeError" in told(site, "5:3")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"init": "1 / 0"}, "tables.users.strategy: the plugin mine"),
        ({"problems": "return 1 / 0"}, "failed in problems: ZeroDivisionError"),
        ({"problems": "return 'no cursor'"}, "failed in problems: it returned a value of type str, and must"),
        (
            {"problems": "return [True]"},
            "it returned True, and must return a list of str",
        ),
        ({"keysets": "return ['id']"}, "it returned a value of type str, and must return a list of Keyset"),
        ({"keysets": "return None"}, "failed in keysets: it returned None, and must return a list"),
    ],
)
def test_a_strategy_that_fails_on_the_settings_is_named(site: Site, fault: dict[str, str], said: str) -> None:
    site.install("mine", STRATEGY.format(**SOUND | fault))
    site.configure(table="{strategy: mine}")
    problem = told(site, "5:3" if "problems" in fault else "5:11")
    assert said in problem
    assert f"(supasync-mine 1.2.0, {site.packages / 'supasync_mine.py'}:" in problem


def test_what_makes_no_strategy_is_named(site: Site) -> None:
    site.install("mine", STRATEGY.format(**SOUND).replace('"mine", Strategy', '"mine", lambda: None'))
    site.configure(table="{strategy: mine}")
    done = site.run("sync")
    assert "tables.yaml:5:11: tables.users.strategy: the strategy mine makes no strategy: None" in done.stderr
    assert done.returncode == 2


def test_what_a_plugin_says_on_purpose_is_no_fault(site: Site) -> None:
    body = "raise PluginError('the disk is not mounted')"
    code = "from supasync_core.model.errors import PluginError\n" + BACKEND.format(**SOUND | {"ref": body})
    site.install("mine", code)
    site.configure(source="{backend: mine, url: here}")
    assert "error: tables.yaml:2:1: source: the disk is not mounted" in site.run("sync").stderr
    assert site.run("plugins").returncode == 0


def test_an_unknown_name_points_to_the_plugins_that_failed(site: Site) -> None:
    site.install("mine", "1 / 0")
    site.configure(source="{backend: mine, url: here}")
    done = site.run("sync")
    assert done.returncode == 2
    assert "unknown source backend mine" in done.stderr
    assert "mine failed to load: see supasync plugins" in done.stderr
