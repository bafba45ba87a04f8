"""What could not work is refused at once: plugins for other hooks, misspelt hooks, wrong values."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.packages import Site

TRANSFORM = """
@hookimpl
def supasync_register_transforms(registry):
    registry.add("keep", lambda row: row)
"""
FOR_OTHER_HOOKS = {
    "HOOKS = 2": "it is made for version 2 of the hooks, and this supasync has version 1: upgrade supasync",
    "HOOKS = 0": "it is made for version 0 of the hooks, and this supasync has version 1: upgrade the plugin",
    "from supasync_core.api import no_such_thing\n\nHOOKS = 2": "it is made for version 2 of the hooks",
    "HOOKS = '1'": "HOOKS must be a whole number such as 1, not '1'",
    "HOOKS = True": "HOOKS must be a whole number such as 1, not True",
}
REGISTERING = """
from supasync_core.api.registration import Backend, Configured, Setting

class Source:
    pass

def flag(value) -> bool: ...

class Strategy:
    def keysets(self): ...
    def pending(self): ...

@hookimpl
def supasync_register_{kind}(registry):
    registry.add({thing})
"""
OF_THE_WRONG_KIND = {
    ("sources", '"x", Source'): "the source backend x: must be a Backend(...)",
    ("sinks", '"x", Source()'): "not a value of type Source",
    ("state_stores", '"x", None'): "the state store x: must be a Backend(...)",
    ("sources", '"x", Backend("x", Source, "url", str)'): "its settings must be a mapping such as {",
    ("sources", '"x", Backend("x", Source, {"url": ""}, str)'): "its setting url must be a Setting(...)",
    ("sources", '"x", Backend("x", Source, {"a": Setting(check=True)}, str)'): "the check of its setting a",
    ("sources", '"x", Backend("x", Source, {"a": Setting(check=flag)}, str)'): "setting a returns a bool",
    ("sources", '"x", Backend("x", "Source", {}, str)'): "its open must be a function",
    ("sources", '"x", Backend("x", Source, {}, "ref")'): "its ref must be a function",
    ("sources", '"x", Backend("x", Source, {}, str, place=1)'): "its place must be a function or None",
    ("strategies", '"x", Strategy'): "the class Strategy has no problems, no unfit, no read, no baseline",
    ("strategies", '"x", Strategy()'): "the strategy x: must be a class, or a function that returns",
    ("transforms", '"x", "upper"'): "the transform x: must be a function, not a value of type str",
    ("transforms", '"x", Configured("upper")'): "its make must be a function, not a value of type str",
    ("strategies", '"x", Configured(Source, ["column"])'): "its settings must be a mapping such as {",
    ("switches", '"x", {}'): "the switch x: must be a function",
    ("checks", '"x", lambda context: []'): "the check x: must be a ProjectCheck(...)",
    ("notifiers", '"x", lambda end: None'): "the notifier x: must be a Notifier(...)",
    ("steps", '"x", lambda context: None'): "the step x: must be a RunStep(...)",
    ("transforms", "None, str"): "a transform is registered under a name, a text; not under None",
}
NEVER_CALLED = {
    "def supasync_run_finishd(report): ...": "unknown hook supasync_run_finishd, did you mean",
    "@hookimpl\ndef register_sources(registry): ...": "unknown hook register_sources, did you mean",
    "def supasync_run_finished(report): ...": "is not marked with @hookimpl",
    "@hookimpl(wrapper=True)\ndef supasync_run_finished():\n    yield": "is a wrapper",
    "@hookimpl\ndef supasync_run_finished(repord): ...": "has no parameter repord; it has report, exit_code",
    "@hookimpl\nasync def supasync_run_finished(report): ...": "is async, and nothing would await it",
    "@hookimpl\ndef supasync_run_finished(*, report): ...": "takes report by its name alone: remove",
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.at(tmp_path)


def rows(site: Site) -> dict[str, dict[str, Any]]:
    """What `supasync plugins` says, by plugin."""
    done = site.run("plugins", "--json")
    found = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.returncode == (2 if any(row["error"] for row in found.values()) else 0)
    return found


def errors(site: Site, codes: list[str]) -> list[str]:
    """Why each of these plugins is refused, all installed beside each other; nothing of them is provided."""
    for number, code in enumerate(codes):
        site.install(f"p{number}", code)
    found = rows(site)
    ours = ("csv", "duckdb", "notify", "rest", "tables")
    assert [found[name]["error"] for name in ours] == [None] * len(ours)
    refused = [found[f"p{number}"] for number in range(len(codes))]
    assert [row["provides"] for row in refused] == [{}] * len(codes)
    return [row["error"] for row in refused]


def test_a_plugin_for_other_hooks_is_refused_with_both_numbers(site: Site) -> None:
    told = errors(site, [code + TRANSFORM for code in FOR_OTHER_HOOKS])
    assert all(reason in error for reason, error in zip(FOR_OTHER_HOOKS.values(), told, strict=True)), told


def test_a_file_for_other_hooks_is_a_mistake_of_tables_yaml(site: Site) -> None:
    code, reason = next(iter(FOR_OTHER_HOOKS.items()))
    site.local("mine", code + TRANSFORM)
    site.configure("plugins: mine.py\n", table="{transform: keep}")
    done = site.run("check")
    assert done.returncode == 2
    assert "tables.yaml:4:10: plugins: mine.py" in done.stderr
    assert reason in done.stderr


def test_a_plugin_for_these_hooks_or_without_a_number_works(site: Site) -> None:
    for number, code in enumerate(("HOOKS = 1", "HOOKS: int = 1", "")):
        site.install(f"good{number}", code + TRANSFORM.replace("keep", f"keep{number}"))
    found = rows(site)
    assert [found[f"good{n}"]["provides"] for n in range(3)] == [
        {"transforms": [f"keep{n}"]} for n in range(3)
    ]


def test_what_is_of_the_wrong_kind_is_refused_as_it_is_registered(site: Site) -> None:
    codes = [REGISTERING.format(kind=kind, thing=thing) for kind, thing in OF_THE_WRONG_KIND]
    told = errors(site, codes)
    assert all(reason in error for reason, error in zip(OF_THE_WRONG_KIND.values(), told, strict=True)), told
    line = (site.packages / "supasync_p0.py").read_text().count("\n")
    assert all(f"supasync_p{number}.py:{line})" in error for number, error in enumerate(told)), told


def test_a_hook_that_would_never_be_called_is_refused(site: Site) -> None:
    told = errors(site, list(NEVER_CALLED))
    assert all(reason in error for reason, error in zip(NEVER_CALLED.values(), told, strict=True)), told


def test_a_file_without_a_hook_is_named_and_harms_nothing(site: Site) -> None:
    site.local("mine", "def supasync_headers(): ...\nclass supasync_run_finishers: ...\n")
    site.configure("plugins: mine.py\n")
    done = site.run("setup")
    assert done.returncode == 0
    assert "note: mine.py: it has no hook and does nothing: mark a function" in done.stderr
    assert "it has no hook" in rows(site)["mine"]["notes"][0]


def test_a_slow_import_is_named_with_its_time(site: Site) -> None:
    site.install("slow", f"import time\ntime.sleep(0.3)\n{TRANSFORM}")
    assert rows(site)["slow"]["seconds"] >= 0.3
    assert "note: slow: loading it took 0." in site.run("plugins").stderr


def test_a_package_cannot_take_the_name_of_a_built_in_plugin(site: Site) -> None:
    site.install("csv", TRANSFORM)
    found = [row for row in json.loads(site.run("plugins", "--json").stdout) if row["name"] == "csv"]
    assert [row["error"] is None for row in found] == [True, False]
    assert "the plugin name csv is taken" in found[1]["error"]
    assert found[1]["provides"] == {}


def test_of_two_packages_with_one_name_the_first_by_name_has_it(site: Site) -> None:
    for name in ("zulu", "alfa", "mike"):
        site.install(name, TRANSFORM)
    found = rows(site)
    assert found["alfa"]["provides"] == {"transforms": ["keep"]}
    for name in ("mike", "zulu"):
        assert "the transform keep is already registered by alfa" in found[name]["error"]
