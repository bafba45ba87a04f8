"""Output that nobody takes, and signals at any moment: the exit code tells the truth."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kept_folder import as_kept, keep
from tests.servers.command import COMMAND, run, start

pytestmark = pytest.mark.slow
TABLES = """\
version: 1
source: {backend: csv, path: old}
sink: {backend: duckdb, path: new.duckdb}
tables: {u: {strategy: snapshot}}
"""
FULL_OUTPUT = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1)"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    (folder / "old").mkdir()
    (folder / "old" / "u.csv").write_text("id,v\n1,a\n2,→ 😀\n", encoding="utf-8")
    (folder / "other.csv").write_text("id,v\n1,a\n2,b\n", encoding="utf-8")
    (folder / "tables.yaml").write_text(TABLES)
    assert run(folder, "setup").returncode == 0
    return keep(folder)


@pytest.fixture
def folder(made: Path) -> Path:
    return as_kept(made)


def sh(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A line of a shell in which supasync is the installed command."""
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_sync_does_its_work_whether_or_not_anybody_can_read_its_output(folder: Path, closed: str) -> None:
    done = sh(folder, f"supasync sync {closed}")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert run(folder, "diff", "old", "new").returncode == 0, "NEW has all rows, and the lease is free"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "| true; exit ${PIPESTATUS[0]}"])
def test_a_reader_that_is_gone_changes_no_exit_code(folder: Path, closed: str) -> None:
    done = sh(folder, f"cp other.csv u.csv; supasync diff old/u.csv u.csv {closed}")
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False), done.stderr


@FULL
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("schema sql", 3),
        ("gap sql", 3),
        ("status", 3),
        ("status --json", 3),
        ("schedule cron", 3),
        ("plugins", 3),
        ("--help", 3),
        ("--version", 3),
        ("diff old/u.csv old/u.csv", 2),
        ("diff old/u.csv old/u.csv --format csv", 2),
        ("diff old/u.csv old/u.csv --format json", 2),
    ],
)
def test_a_full_disk_is_never_a_success(folder: Path, command: str, code: int) -> None:
    done = start(folder, *command.split(), before=FULL_OUTPUT)
    _, told = done.communicate(timeout=60)
    assert done.wait() == code
    assert "could not be written: No space left on device" in told
    assert "Traceback" not in told


@FULL
def test_a_sync_into_a_full_log_copies_and_does_not_say_that_all_is_well(folder: Path) -> None:
    assert sh(folder, "supasync sync > /dev/full 2>&1").returncode == 3
    assert run(folder, "diff", "old", "new").returncode == 0
    assert sh(folder, "supasync nonsense 2> /dev/full").returncode == 2


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "utf-8"])
def test_every_character_can_be_printed_for_people(folder: Path, encoding: str) -> None:
    done = compared(folder, "table", encoding)
    assert (rb"\u2192 \U0001f600" if encoding != "utf-8" else "→ 😀".encode()) in done.stdout


def test_what_nobody_has_made_visible_moves_no_terminal_either(folder: Path) -> None:
    done = run(folder, "verify\x9b8m\u202e")
    assert done.returncode == 2
    assert r"unknown command verify\u009b8m\u202e" in done.stderr
    assert done.stderr.replace("\n", "").isprintable()


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_programs_get_utf_8_whatever_the_terminal_takes(folder: Path, form: str) -> None:
    assert "→ 😀".encode() in compared(folder, form, "ascii").stdout


def compared(folder: Path, form: str, encoding: str) -> subprocess.CompletedProcess[bytes]:
    """A comparison in this form that finds a row, printed by an interpreter with this encoding."""
    line = f"cp other.csv u.csv; supasync diff old/u.csv u.csv --format {form}"
    done = sh(folder, line, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 1, done.stderr
    return done


MOMENTS = (
    "click.core",
    "pluggy",
    "yaml",
    "supasync_core.project.migration",
    "duckdb",
    "supasync_core.sync.runner",
)
"""Modules: a signal is sent when the start has got to import them."""


def ended(folder: Path, number: signal.Signals, moment: str) -> tuple[int, str]:
    """The exit code of a sync that is sent the signal at that moment, and what it printed from then on."""
    command = [sys.executable, "-X", "importtime", "-m", "supasync_core", "sync"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stderr
        next(line for line in started.stderr if line.split("|")[-1].strip() == moment)
        started.send_signal(number)
        rest = started.stderr.read()
        return started.wait(60), rest


@pytest.mark.parametrize(
    ("number", "moments"),
    [(signal.SIGINT, MOMENTS), (signal.SIGTERM, MOMENTS[::5]), (signal.SIGHUP, MOMENTS[::5])],
)
def test_a_signal_at_any_moment_of_the_start_ends_with_130_and_no_traceback(
    folder: Path, number: signal.Signals, moments: tuple[str, ...]
) -> None:
    """All three are heard by the same functions: one before the command begins, one from then on."""
    for moment in moments:
        code, told = ended(folder, number, moment)
        assert code in {130, 0}, (moment, code, told)  # 0: it was done before it heard
        assert "Traceback" not in told, (moment, told)
    assert run(folder, "sync").returncode == 0, "the lease was given back"


def test_a_signal_that_is_ignored_stays_so(folder: Path) -> None:
    line = "trap '' HUP; supasync sync & p=$!; sleep 0.3; kill -HUP $p; wait $p"
    assert sh(folder, line).returncode == 0


def test_an_encoding_that_is_none_of_text_is_told(folder: Path) -> None:
    for name in ("base64", "nonsense", "zlib", "rot13"):
        done = run(folder, "diff", "other.csv", "other.csv", "--encoding", name)
        assert done.returncode == 2
        assert f"--encoding {name}: is not an encoding of text" in done.stderr


SPEAKER = """
import os, subprocess
from supasync_core import hookimpl

def loud(row):
    subprocess.run(["echo", "from a program"], check=True)
    os.write(1, b"from the descriptor\\n")
    return row

@hookimpl
def supasync_register_transforms(registry):
    registry.add("loud", loud)
"""


def test_what_a_program_of_a_plugin_prints_leaves_json_alone(folder: Path) -> None:
    (folder / "loud.py").write_text(SPEAKER)
    tables = TABLES.replace("{u: {", "{u: {transform: loud, ") + "plugins: loud.py\n"
    (folder / "tables.yaml").write_text(tables)
    done = sh(folder, "supasync sync --json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tables"]["u"]["status"] == "ok"
    assert done.stderr.count(b"from a program") == 2
    assert done.stderr.count(b"from the descriptor") == 2
