"""Plugins: what is broken is named, the rest works."""

import importlib.util
import py_compile
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from supasync_core.api import hookspecs
from supasync_core.api.plugin_host import Host
from supasync_core.model.errors import PluginError

GOOD = """
from supasync_core import hookimpl

@hookimpl
def supasync_register_transforms(registry):
    registry.add("mask_ip", lambda row: row)
"""


def installed() -> Host:
    host = Host()
    host.load_installed()
    return host


def local(tmp_path: Path, text: str, name: str = "mine.py") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_built_in_plugins_come_through_the_public_entry_points() -> None:
    host = installed()
    assert {"rest", "csv", "duckdb"} <= set(host.sources)
    assert set(host.sources) == set(host.sinks) == set(host.state_stores)
    assert {"incremental", "append", "snapshot"} <= set(host.strategies)
    assert all(plugin.error is None and plugin.origin.startswith("supasync ") for plugin in host.loaded)


def test_a_local_file_brings_a_transform(tmp_path: Path) -> None:
    host = installed()
    host.load_file(local(tmp_path, GOOD))
    assert "mask_ip" in host.transforms
    assert host.transforms.provided_by("mine") == ["mask_ip"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        (
            GOOD.replace("register_transforms", "register_transform"),
            "did you mean supasync_register_transforms",
        ),
        (GOOD.replace("(registry)", "(registry, more)"), "more"),
        (GOOD + GOOD.replace("def supasync_register_transforms", "def supasync_run_finishd"), "finishd"),
        (GOOD.replace('registry.add("mask_ip", lambda row: row)', "1 / 0"), "ZeroDivisionError"),
    ],
)
def test_a_broken_file_is_named_with_the_reason_and_brings_nothing(
    tmp_path: Path, text: str, reason: str
) -> None:
    host = installed()
    with pytest.raises(PluginError, match=reason):
        host.load_file(local(tmp_path, text))
    assert "mask_ip" not in host.transforms
    assert reason in str(host.loaded[-1].error)
    host.load_file(local(tmp_path, GOOD, "other.py"))
    assert "mask_ip" in host.transforms


def test_a_removed_hook_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        hookspecs, "REMOVED", {"supasync_register_mappers": "use supasync_register_transforms"}
    )
    text = GOOD.replace("supasync_register_transforms", "supasync_register_mappers")
    with pytest.raises(PluginError, match="mappers was removed: use supasync_register_transforms"):
        installed().load_file(local(tmp_path, text))


@pytest.mark.parametrize("what", ["exports", "stagings", "engines", "files"])
def test_what_the_core_reads_itself_is_not_registered(tmp_path: Path, what: str) -> None:
    text = GOOD.replace("supasync_register_transforms", f"supasync_register_{what}")
    with pytest.raises(PluginError, match=f"supasync_register_{what} was removed: supasync reads"):
        installed().load_file(local(tmp_path, text))


def test_a_name_that_is_taken_is_an_error_that_names_both(tmp_path: Path) -> None:
    host = installed()
    host.load_file(local(tmp_path, GOOD))
    with pytest.raises(PluginError, match="mask_ip is already registered by mine"):
        host.load_file(local(tmp_path, GOOD, "other.py"))


def test_a_broken_installed_plugin_leaves_the_others_working() -> None:
    host = Host()
    host.load_installed(
        [
            EntryPoint("broken", "no_such_module_anywhere", "supasync"),
            EntryPoint("tables", "supasync_tables", "supasync"),
        ]
    )
    assert [(plugin.name, plugin.error is None) for plugin in host.loaded] == [
        ("broken", False),
        ("tables", True),
    ]
    assert "incremental" in host.strategies


def test_an_unknown_name_is_answered_with_a_suggestion() -> None:
    with pytest.raises(PluginError, match=r"unknown source backend dukdb, did you mean duckdb\?"):
        installed().sources.get("dukdb")


BESIDE = """
from supasync_core import hookimpl
import near_by
from near_by_package.inner import VALUE

@hookimpl
def supasync_register_transforms(registry):
    from near_by_later import later
    registry.add(f"{near_by.NAME}_{VALUE}_{later}", lambda row: row)
"""


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin file with modules beside it, none of them imported yet."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for name in [each for each in sys.modules if each.startswith("near_by")]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "near_by_package").mkdir()
    for name, text in {
        "near_by.py": "import json\nNAME = json.dumps('one')[1:-1]\n",
        "near_by_package/__init__.py": "",
        "near_by_package/inner.py": "from near_by_package import other\nVALUE = other.VALUE\n",
        "near_by_package/other.py": "VALUE = 'two'\n",
        "near_by_later.py": "later = 'three'\n",
        "json.py": "raise SystemExit('a module of the standard library was replaced')\n",
        "duckdb.py": "raise SystemExit('an installed module was replaced')\n",
    }.items():
        local(tmp_path, text, name)
    return local(tmp_path, BESIDE)


def test_a_local_file_imports_the_files_beside_it(beside: Path) -> None:
    host = installed()
    host.load_file(beside, beside.parent)
    assert "one_two_three" in host.transforms
    assert importlib.import_module("duckdb").__version__, "what is installed comes first"


def test_a_file_beside_it_that_others_may_write_to_is_not_run(beside: Path) -> None:
    (beside.parent / "near_by_package" / "other.py").chmod(0o666)
    with pytest.raises(PluginError, match=r"other.py: .*and it is code: chmod go-w"):
        installed().load_file(beside, beside.parent)


def test_a_mistake_in_a_file_beside_it_names_that_file(beside: Path) -> None:
    local(beside.parent, "NAME = unknown\n", "near_by.py")
    with pytest.raises(PluginError, match=r"near_by.py:1.*NameError"):
        installed().load_file(beside, beside.parent)


def test_bytecode_beside_it_is_not_run(beside: Path, tmp_path: Path) -> None:
    other = local(tmp_path, "NAME = 'another'\n", "near_by_other.py")
    cache = importlib.util.cache_from_source(str(beside.parent / "near_by.py"))
    Path(cache).parent.mkdir()
    py_compile.compile(str(other), cache)
    host = installed()
    host.load_file(beside, beside.parent)
    assert "one_two_three" in host.transforms
