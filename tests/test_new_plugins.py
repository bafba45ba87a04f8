"""What `plugins new` writes passes its own tests, ruff, mypy and `plugins check`; what is bad is named."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

from supasync_core.plugins.new_plugin import KINDS
from tests.example_packages.site import ROOT, install, run_with
from tests.servers.command import run

pytestmark = pytest.mark.slow
LONG = "a_name_that_is_very_long"
"""As long as a name may be."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project of each kind, under a short and a long name."""
    folder = tmp_path_factory.mktemp("written")
    for kind in KINDS:
        for name in (f"m_{kind}", LONG):
            done = run(folder, "plugins", "new", kind, name, "--folder", str(folder / name), "--json")
            assert done.returncode == 0, done.stderr
            document = json.loads(done.stdout)
            assert all((Path(document["folder"]) / file).is_file() for file in document["files"])
        (folder / LONG).rename(folder / f"long_{kind}")
    return folder


@pytest.fixture(scope="module")
def site(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The projects, installed."""
    folder = tmp_path_factory.mktemp("site")
    for kind in KINDS:
        install(written / f"m_{kind}" / f"supasync-m-{kind}", folder)
    return folder


def program(name: str, *args: str, cwd: Path, **variables: str) -> None:
    command = [sys.executable, "-m", name, *args]
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_written_is_styled(written: Path) -> None:
    """With the settings of its own pyproject.toml, whatever the length of the name."""
    program("ruff", "check", "--no-cache", ".", cwd=written)
    program("ruff", "format", "--check", "--no-cache", ".", cwd=written)


def test_what_is_written_is_typed(site: Path, tmp_path: Path) -> None:
    packages = [word for kind in KINDS for word in ("-p", f"supasync_m_{kind}")]
    path = os.pathsep.join(map(str, (ROOT, site)))
    program(
        "mypy",
        "--strict",
        "--cache-dir",
        str(ROOT / ".mypy_cache" / "written"),
        *packages,
        cwd=tmp_path,
        MYPYPATH=path,
    )


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"sink", "source"}))  # a backend has what both have
def test_what_is_written_keeps_its_contract(written: Path, site: Path, kind: str) -> None:
    project = written / f"m_{kind}" / f"supasync-m-{kind}"
    done = run(project, "plugins", "check", f"m_{kind}", "--json", environment={"PYTHONPATH": str(site)})
    checks = {each["name"]: each for each in json.loads(done.stdout)["checks"]}
    assert (done.returncode, {each["result"] for each in checks.values()}) == (0, {"ok"}), checks
    assert {"protocol", "settings", "PluginContract", "import"} < set(checks)
    assert "SideContract" not in checks, "its tests would count twice"
    for contract in ("SourceContract", "SinkContract", "StateStoreContract") if kind == "backend" else ():
        assert int(checks[contract]["text"].split()[0]) > 15


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    for code, text in ((0, "supasync plugins check mine"), (3, "exists already and was not changed")):
        done = run(tmp_path, "plugins", "new", "source", "mine")
        assert done.returncode == code
        assert text in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["Mine", "1st", "a-b", "import", "core", "x" * 25, "../up", ""])
def test_a_name_that_no_package_can_have_is_refused(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, "plugins", "new", "source", name)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "use up to 24 of a-z, 0-9 and _" in done.stderr


@pytest.mark.parametrize(
    ("kind", "name", "whose"),
    [
        ("source", "csv", "a plugin has that name (supasync "),
        ("transform", "csv", "a plugin has that name (supasync "),
        ("check", "m_sink", "a plugin has that name (supasync-m-sink "),
        ("strategy", "snapshot", "a strategy has that name (supasync "),
        ("command", "verify", "a command has that name (supasync verify)"),
        ("command", "demo", "a command has that name (supasync demo)"),
    ],
)
def test_a_name_that_is_taken_is_refused(
    tmp_path: Path, site: Path, kind: str, name: str, whose: str
) -> None:
    done = run(tmp_path, "plugins", "new", kind, name, environment={"PYTHONPATH": str(site)})
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert f"{name}: {whose}" in done.stderr


def test_an_unknown_plugin_is_answered_with_a_suggestion(tmp_path: Path) -> None:
    done = run(tmp_path, "plugins", "check", "dukdb")
    assert done.returncode == 2
    assert "unknown plugin dukdb, did you mean duckdb?" in done.stderr


def test_a_plugin_without_tests_is_not_called_good(tmp_path: Path) -> None:
    done = run(tmp_path, "plugins", "check", "duckdb")
    assert done.returncode == 3
    assert "unchecked contract: its tests were not found" in done.stdout
    assert "--tests PATH" in done.stdout


BAD = {
    "a contract that is not kept": (
        "page.count if unchanged else 0)",
        "1 / 0)",
        "StrategyContract",
        ": ZeroDivisionError: division by zero\n",
    ),
    "an import that is slow": (
        "HOOKS = 1",
        "import time\nwhile time.process_time() < 0.8: pass\nHOOKS = 1",
        "import",
        "failed",
    ),
    "another version of the hooks": ("HOOKS = 1", "HOOKS = 99", "protocol", "failed"),
    "a promise that is left out": (
        "class TestStrategy(StrategyContract):\n",
        "class TestStrategy(StrategyContract):\n    test_new_rows_follow = None\n",
        "StrategyContract",
        "left out or replaced: test_new_rows_follow",
    ),
    "a contract that no test keeps": ("(StrategyContract)", "", "StrategyContract", "no test in"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_bad_is_named(written: Path, tmp_path: Path, case: str) -> None:
    old, new, name, text = BAD[case]
    project = tmp_path / "project"
    copytree(written / "m_strategy" / "supasync-m-strategy", project)
    for file in project.rglob("*.py"):
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    (tmp_path / "site").mkdir()
    install(project, tmp_path / "site")
    environment = {"PYTHONPATH": str(tmp_path / "site")}
    done = run(project, "plugins", "check", "m_strategy", "--json", environment=environment)
    assert done.returncode == (2 if name == "protocol" else 3)
    (found,) = [each for each in json.loads(done.stdout)["checks"] if each["name"] == name]
    assert found["result"] == "failed"
    assert text in found["text"] + found["result"] + (found["hint"] or "")
    if "ZeroDivisionError" in text:
        lines = found["hint"].splitlines()
        assert found["text"] == f"{len(lines) - 1} tests failed"
        assert all(line.startswith("test_") for line in lines[:-1])
        assert lines[-1] == f"run pytest in {project} for more"


def test_a_secret_in_the_name_of_a_project_is_found(tmp_path: Path) -> None:
    """It would be stored and printed."""
    (tmp_path / "tables.yaml").write_text("version: 1\nplugins: mine.py\n")
    (tmp_path / "mine.py").write_text(
        "from supasync_core import hookimpl\n"
        "from supasync_core.api.registration import Backend, Setting\n"
        "HOOKS = 1\n@hookimpl\ndef supasync_register_sources(registry):\n"
        "    settings = {'key': Setting(secret=True, check=lambda value: value == 'x')}\n"
        "    registry.add('mine', Backend('mine', print, settings, lambda found: found.settings['key']))\n"
    )
    done = run(tmp_path, "plugins", "check", "mine")
    assert done.returncode == 3
    assert "ref contains a secret setting" in done.stdout
    assert "the check of key returns bool, not a sentence or None" in done.stdout


def test_files_of_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    for name in ("click", "pluggy", "yaml", "json"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close(); print('no numbers')\n", "utf-8")
    done = run(tmp_path, "plugins", "check", "csv")
    assert "ok        import" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "ran").exists()


def test_the_list_of_plugins_is_as_before(tmp_path: Path, site: Path) -> None:
    rows = json.loads(run_with(site, tmp_path, "plugins", "--json").stdout)
    assert {f"m_{kind}" for kind in KINDS} < {row["name"] for row in rows}
