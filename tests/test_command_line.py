"""The installed command: help, summaries, version, and options before and after a command's name."""

import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from docs.generate import commands
from supasync_core.staging.csv.dialects import DIALECTS
from tests.servers.command import run

WIDTH = 80


def call(*args: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run(folder or Path.cwd(), *args)


def summaries(shown: str) -> Iterator[tuple[str, str]]:
    """Each line below ``Commands:``, as the name and what is said of it."""
    for line in shown.partition("\nCommands:\n")[2].splitlines():
        name, _, text = line.strip().partition("  ")
        yield name, text.strip()


GROUPS = {ctx.command_path: command for command, ctx in commands() if isinstance(command, click.Group)}


@pytest.mark.parametrize("path", GROUPS)
def test_a_summary_is_a_whole_sentence_on_one_line(path: str) -> None:
    shown = call(*path.split()[1:], "--help").stdout
    found = dict(summaries(shown))
    assert set(found) >= {name for name in GROUPS[path].commands if path != "supasync"}
    for name, text in found.items():
        assert text.endswith("."), (name, text)
        assert "..." not in text
        assert text[0].isupper(), (name, text)
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_help_is_what_the_option_shows() -> None:
    assert call("help").stdout == call("--help").stdout
    assert call("help", "sync").stdout == call("sync", "--help").stdout == call("sync", "-h").stdout
    assert call("help", "reconcile", "undo").stdout == call("reconcile", "undo", "--help").stdout
    assert call("help", "reconcile", "old", "new").stdout == call("reconcile", "old", "new", "-h").stdout
    wrong = call("help", "snyc")
    assert wrong.returncode == 2
    assert "unknown command snyc, did you mean sync?" in wrong.stderr


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("gap nonsense", "gap has no command nonsense: it has import, sql"),
        ("reconcile a", "reconcile has no command a: it has LEFT RIGHT, clear, undo"),
        ("sync foo", "supasync sync has no command foo"),
        ("reconcile undo foo", "supasync reconcile undo has no command foo"),
    ],
)
def test_the_help_of_an_unknown_subcommand_names_the_known_ones(names: str, message: str) -> None:
    wrong = call("help", *names.split())
    assert (wrong.returncode, message in wrong.stderr) == (2, True), wrong.stderr


def test_the_help_names_every_dialect() -> None:
    shown = " ".join(call("diff", "--help").stdout.split()).partition("--dialect")[2]
    assert [name for name in DIALECTS if name not in shown] == []


def test_a_script_without_tables_says_what_it_lacks(tmp_path: Path) -> None:
    done = call("schema", "sql", folder=tmp_path)
    assert (done.returncode, "sync_metadata" in done.stdout) == (0, True)
    assert done.stderr.startswith("note: there is no tables.yaml in this folder")
    assert "note:" not in done.stdout


def test_a_switch_to_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(
        "version: 1\nsource: {backend: csv, path: old}\nsink: {backend: duckdb, path: new.duckdb}\n"
        "tables:\n  jobs: {key: id, timestamp: updated_at}\n"
    )
    done = call("cutover", "--plan", folder=tmp_path)
    assert done.returncode == 2
    assert "cutover works for a sink of backend postgres, rest, not for backend: duckdb" in done.stderr


def test_the_version_is_told() -> None:
    assert call("-V").stdout == call("--version").stdout == f"supasync {version('supasync')}\n"


@pytest.mark.parametrize(
    "args",
    [
        ["sync"],
        ["diff", "old", "new"],
        ["schema", "diff"],
        ["schema", "sql", "--old"],
        ["reconcile", "undo"],
        ["reconcile", "clear", "--apply"],
        ["reconcile", "--apply", "clear"],
        ["reconcile", "old", "new"],
        ["reconcile", "--apply", "old", "new"],
        ["reconcile", "--table", "undo", "old", "new"],
    ],
    ids=" ".join,
)
def test_config_stands_before_or_after_the_command(tmp_path: Path, args: list[str]) -> None:
    config = ["--config", "elsewhere.yaml"]
    for given in ([*config, *args], [args[0], *config, *args[1:]], [*args, *config]):
        done = call(*given, folder=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("error: elsewhere.yaml: no such file"), done.stderr


def test_a_word_of_reconcile_is_a_command_and_a_path_is_a_side(tmp_path: Path) -> None:
    assert "unexpected extra argument" in call("reconcile", "clear", "new", folder=tmp_path).stderr
    assert "No such option '--delete'" in call("reconcile", "undo", "--delete", folder=tmp_path).stderr
    assert "Missing argument 'RIGHT'" in call("reconcile", "old", folder=tmp_path).stderr
    for name in ("undo", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "people.csv").write_text("id\n1\n", encoding="utf-8")
    done = call("reconcile", "./undo", "./other", "--key", "id", folder=tmp_path)
    assert (done.returncode, "nothing was written" in done.stdout) == (0, True), done.stderr


def test_the_text_for_null_has_an_example() -> None:
    for path in (["diff"], ["reconcile", "a", "b"], ["gap", "import"]):
        shown = " ".join(call(*path, "--help").stdout.split())
        assert r"The text that stands for NULL in the CSV, for example \N" in shown
