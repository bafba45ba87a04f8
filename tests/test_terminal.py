"""A run on a real terminal: bars while it works, its lines alone when it has ended."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pyte
import pytest

from tests.diff.calling import call
from tests.kept_folder import as_kept, keep
from tests.servers.command import COMMAND, TIME

pytestmark = pytest.mark.slow
USERS, JOBS = 75_000, 25_000
TABLES_YAML = """\
version: 1
source: {backend: duckdb, path: old.duckdb}
sink: {backend: duckdb, path: new.duckdb}
defaults: {page_size: 12500}
tables: {users: , jobs: {depends_on: users}}
"""
COUNTED = [f"users: {USERS:,}/{USERS:,} rows synced", f"jobs: {JOBS:,}/{JOBS:,} rows synced"]

BUSY = """
import sys
from threading import Event, Thread
from supasync_core.cli import output, streams
from supasync_core.cli.lines import Lines

def refresh():
    while not ended.is_set():
        progress.refresh()

streams.guard(str, Lines())
sys.setswitchinterval(1e-6)
ended = Event()
with output.moving("{task.description}") as progress:
    thread = Thread(target=refresh)
    thread.start()
    for number in range(300):
        for task in [progress.add_task("one") for _ in range(4)]:
            progress.remove_task(task)
        output.line(f"line {number}")
    ended.set()
    thread.join()
"""
"""A program whose bars are drawn by one thread while the other one prints lines."""


def made(folder: Path, **rows: int) -> Path:
    """A folder between two files; OLD has so many rows of each table, and NEW a baseline."""
    folder.mkdir()
    for name in ("old", "new"):
        with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
            for table, number in rows.items():
                connection.execute(f"create table {table} (id bigint primary key, updated_at timestamptz)")
                if name == "old":
                    stamped = (
                        "select n, timestamptz '2024-01-01 00:00:00+00' + to_seconds(n) from range(?) _(n)"
                    )
                    connection.execute(f"insert into {table} {stamped}", [number])
    (folder / "tables.yaml").write_text(TABLES_YAML)
    assert call(folder, "setup").code == 0
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100,000 rows."""
    return keep(made(tmp_path_factory.mktemp("terminal") / "large", users=USERS, jobs=JOBS))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keep(made(tmp_path_factory.mktemp("terminal") / "small", users=3, jobs=2))


@pytest.fixture
def folder(small: Path) -> Path:
    return as_kept(small)


def on_a_terminal(
    folder: Path,
    columns: int,
    *command: str,
    code: int = 0,
    lines: int = 24,
    variables: Mapping[str, str] | None = None,
) -> Iterator[bytes]:
    """What a command writes to a terminal of that size."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environment.pop(name, None)
    environment |= variables or {}
    process = subprocess.Popen(
        list(command), cwd=folder, stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    )
    os.close(terminal)
    try:
        while chunk := os.read(master, 65536):
            yield chunk
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(master)
        assert process.wait() == code


def colour_of(screen: pyte.Screen, text: str) -> str:
    """The colour of the first character of a text on the screen."""
    row = next(number for number, line in enumerate(screen.display) if text in line)
    return str(screen.buffer[row][screen.display[row].index(text)].fg)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_bars_move_and_leave_the_lines_alone(large: Path, columns: int) -> None:
    folder = as_kept(large)
    screen = pyte.Screen(columns, 24)
    stream = pyte.ByteStream(screen)
    seen: set[str] = set()
    for chunk in on_a_terminal(folder, columns, str(COMMAND), "sync"):
        stream.feed(chunk)
        seen.update(line.strip() for line in screen.display)
    assert any(f"/{USERS:,}" in line and "/s" in line for line in seen), seen
    assert any(line.startswith("in all") for line in seen), seen
    assert any("━" in line for line in seen) == (columns >= 80)
    shown = re.sub(r"[0-9.]+ s$", "N s", "\n".join(line.rstrip() for line in screen.display).rstrip())
    end = "success: 100,000 rows synced, 0 requests, 0 bytes, N s"
    wrapped = {40: "success: 100,000 rows synced, 0 requests\n, 0 bytes, N s"}
    assert shown.split("\n") == [*COUNTED, *wrapped.get(columns, end).split("\n")]
    assert [colour_of(screen, text) for text in (f"{JOBS:,}", "success:")] == ["green", "green"]
    assert colour_of(screen, "100,000") == "default"


def test_no_line_is_lost_while_bars_come_move_and_go(tmp_path: Path) -> None:
    screen = pyte.Screen(80, 400)
    stream = pyte.ByteStream(screen)
    for chunk in on_a_terminal(tmp_path, 80, sys.executable, "-c", BUSY, lines=400):
        stream.feed(chunk)
    assert [line.rstrip() for line in screen.display[:300]] == [f"line {number}" for number in range(300)]


def test_a_redirected_stdout_gets_every_line_though_bars_move_on_stderr(folder: Path) -> None:
    command = ("sh", "-c", f"{COMMAND} sync > out.txt")
    b"".join(on_a_terminal(folder, 80, *command))
    lines = (folder / "out.txt").read_text().splitlines()
    assert all(TIME.match(line) for line in lines)
    assert [TIME.sub("", line) for line in lines[:2]] == [
        "users: 3/3 rows synced",
        "jobs: 2/2 rows synced",
    ]
    assert len(lines) == 3


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "TERM=dumb"])
def test_a_terminal_that_wants_no_colours_gets_none(folder: Path, variable: dict[str, str]) -> None:
    for command in ("sync", "check"):
        shown = b"".join(on_a_terminal(folder, 80, str(COMMAND), command, variables=variable))
        assert not re.search(rb"\x1b\[[0-9;]*[39][0-9]", shown)
        assert b"users" in shown


def test_what_failed_is_red_and_what_waits_for_it_is_not(folder: Path) -> None:
    with duckdb.connect(str(folder / "new.duckdb")) as connection:
        connection.execute("alter table users drop column updated_at")
    screen = pyte.Screen(120, 24)
    stream = pyte.ByteStream(screen)
    for chunk in on_a_terminal(folder, 120, str(COMMAND), "sync", code=3):
        stream.feed(chunk)
    assert [colour_of(screen, text) for text in ("failed", "skipped")] == ["red", "brown"], screen.display


def test_sql_that_is_longer_than_the_screen_goes_into_a_file_that_is_named(folder: Path) -> None:
    long = b"".join(on_a_terminal(folder, 120, str(COMMAND), "schema", "sql")).decode()
    assert long.splitlines() == ["written to .supasync/schema.sql: paste it into NEW's SQL editor"]
    file = folder / ".supasync/schema.sql"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == call(folder, "schema", "sql").out
    short = b"".join(on_a_terminal(folder, 120, str(COMMAND), "schema", "sql", lines=2000)).decode()
    assert short.replace("\r\n", "\n") == file.read_text()
    queries = b"".join(on_a_terminal(folder, 120, str(COMMAND), "gap", "sql", lines=8)).decode()
    assert "users: .supasync/gap/01_users.sql -> save the result as users.csv" in queries


def test_sql_replaces_no_file_that_is_not_such_sql(folder: Path) -> None:
    (folder / "queries").mkdir()
    (folder / "queries/01_users.sql").write_text("-- my own\n")
    for name, *command in (
        ("old.duckdb", "schema", "sql", "--out", "old.duckdb"),
        ("queries/01_users.sql", "gap", "sql", "--out", "queries"),
    ):
        before = (folder / name).read_bytes()
        done = call(folder, *command)
        assert (done.code, "is not replaced: supasync has not written" in done.err) == (3, True), done.err
        assert (folder / name).read_bytes() == before
        (folder / name).unlink()
        assert [call(folder, *command).code for _ in "12"] == [0, 0]
    for name in ("auth", "storage"):
        command = ["schema", "sql", f"--{name}", "--old", "--out", f"{name}.sql"]
        assert [call(folder, *command, *more).code for more in ([], ["--uninstall"], [])] == [0, 0, 0]
