"""Starting is quick: what a command does not need is not even imported. `make bench` measures the time."""

import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from supasync_core.cli.command_help import summary
from supasync_core.cli.commands import COMMANDS, cli
from supasync_core.project.session import Session

HEAVY = {
    "duckdb",
    "filelock",
    "httpx",
    "jinja2",
    "msgspec",
    "pandas",
    "postgrest",
    "psycopg",
    "rich",
    "supabase",
    "tenacity",
    "urllib3",
    "yaml",
}
RUN = "import supasync_core.sync.runner, supasync_rest.source, supasync_rest.sink, supasync_rest.store, sys"
ASKED = (
    "import sys; from supasync_core.cli.commands import cli; "
    "cli([{}], standalone_mode=False); print(*sys.modules)"
)
FEW = 47
"""Modules of ours that a help text may import; which of the standard library it takes is Python's own."""


def modules(option: str) -> set[str]:
    """What a process has imported when it has answered."""
    command = [sys.executable, "-c", ASKED.format(f"'{option}'")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def modules_of_python() -> set[str]:
    """What Python has imported before the command begins: an editable installation brings some."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_help_imports_little() -> None:
    found = modules("--help")
    assert not HEAVY & found
    assert not {"base64", "importlib.resources", "json"} & found - modules_of_python()
    assert not {"supasync_core.api.backend", "supasync_core.model.report"} & found
    assert not [name for name in found if name.startswith("supasync_core.cli.") and name.count(".") > 2]
    assert not {f"supasync_core.cli.{module}" for module, _ in COMMANDS.values()} & found
    ours = [name for name in found if name.startswith("supasync")]
    assert len(ours) <= FEW, ours


def test_an_hourly_run_between_two_projects_imports_nothing_that_it_does_not_use() -> None:
    code = f"{RUN}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unused = {"asyncio", "duckdb", "httpx", "postgrest", "pydantic", "rich", "supabase", "tenacity"}
    unused |= {"supasync_core.sync.comparison.table_walk", "supasync_core.verify.table_comparison"}
    assert not unused & set(done.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli, obj=Session()), name)
    assert command is not None
    assert COMMANDS[name][1] == command.short_help == summary(command.help or "")


def test_every_package_is_typed_and_the_sdist_brings_what_its_tests_read() -> None:
    root = Path(__file__).parent.parent
    packages = [root / "supasync_core", *(each.parent for each in root.glob("plugins/*/__init__.py"))]
    assert [each.name for each in packages if not (each / "py.typed").exists()] == []
    build = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    brought = build["targets"]["sdist"]["include"]
    assert {"CONTRIBUTING.md", ".env.example", "benchmarks", "tests", "docs"} <= set(brought)
