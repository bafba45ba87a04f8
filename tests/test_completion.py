"""A shell completes commands, options and tables."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.diff.calling import call
from tests.servers.command import COMMAND

TABLES_YAML = """\
version: 1
source: {backend: csv, path: old}
sink: {backend: duckdb, path: new.duckdb}
plugins: own.py
tables: {users: , usage_logs: , jobs: , "u$(touch pwned)": , "u;id": , "u*": , "u\\nplain,u": , "-u": }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tables.yaml").write_text(TABLES_YAML)
    (tmp_path / "own.py").write_text("open('loaded', 'w').close()\nprint('loaded')\n")
    return tmp_path


def completed(folder: Path, line: str) -> list[str]:
    """What bash gets for the last word of the line."""
    words = line.split(" ")
    asked = {"_SUPASYNC_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [COMMAND], cwd=folder, env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return [each.partition(",")[2] for each in done.stdout.split()]


@pytest.mark.slow
def test_commands_options_and_tables_are_completed(folder: Path) -> None:
    assert completed(folder, "supasync ver") == ["verify"]
    assert completed(folder, "supasync schema sql --hor") == ["--horizon"]
    assert completed(folder, "supasync sync --table us") == ["users", "usage_logs"]
    assert completed(folder, "supasync reconcile undo --") != []
    assert completed(folder, "supasync --log-file new.log sync --ful") == ["--full"]
    assert not (folder / "new.log").exists()


@pytest.mark.slow
def test_a_name_that_a_shell_would_run_is_not_offered_and_no_plugin_is_run(folder: Path) -> None:
    assert completed(folder, "supasync sync --table u") == ["users", "usage_logs"]
    assert completed(folder, "supasync sync --full ") == ["users", "usage_logs", "jobs"]
    assert not (folder / "loaded").exists()


@pytest.mark.slow
def test_a_file_with_a_mistake_completes_nothing_and_prints_nothing(folder: Path) -> None:
    (folder / "tables.yaml").write_text("tables: [")
    assert completed(folder, "supasync sync --full ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_one_that_the_shell_reads(tmp_path: Path, shell: str) -> None:
    done = call(tmp_path, "completion", shell)
    assert (done.code, "_SUPASYNC_COMPLETE" in done.out) == (0, True)
    assert f"supasync completion {shell}" in done.err
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=done.out, text=True, check=True)


def test_another_shell_is_a_mistake_with_the_known_ones(tmp_path: Path) -> None:
    done = call(tmp_path, "completion", "tcsh")
    assert done.code == 2
    assert "'bash', 'zsh', 'fish'" in done.err
