"""A run on a real terminal: bars while it works, its lines alone when it has ended."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyte
import pytest

from tests.diff.calling import call
from tests.servers.command import COMMAND

pytestmark = pytest.mark.slow
ROWS = 8_000
TABLES_YAML = """\
version: 1
source: {backend: duckdb, path: old.duckdb}
sink: {backend: duckdb, path: new.duckdb}
defaults: {page_size: 500}
tables: {users: , jobs: {depends_on: users}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("old", "new"):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as connection:
            for table in ("users", "jobs"):
                connection.execute(f"create table {table} (id bigint primary key, updated_at timestamptz)")
                if name == "old":
                    stamped = (
                        "select n, timestamptz '2024-01-01 00:00:00+00' + to_seconds(n) from range(?) _(n)"
                    )
                    connection.execute(f"insert into {table} {stamped}", [ROWS])
    (tmp_path / "tables.yaml").write_text(TABLES_YAML)
    assert call(tmp_path, "setup").code == 0
    return tmp_path


def on_a_terminal(folder: Path, columns: int, *command: str, **variables: str) -> Iterator[bytes]:
    """What a command writes to a terminal of that width."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environment.pop(name, None)
    environment |= variables
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
        assert process.wait() == 0


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_bars_move_and_leave_the_lines_alone(folder: Path, columns: int) -> None:
    screen = pyte.Screen(columns, 24)
    stream = pyte.ByteStream(screen)
    seen: set[str] = set()
    for chunk in on_a_terminal(folder, columns, str(COMMAND), "sync"):
        stream.feed(chunk)
        seen.update(line.strip() for line in screen.display)
    assert any(f"/{ROWS:,}" in line and "/s" in line for line in seen), seen
    assert any(line.startswith("in all") for line in seen), seen
    assert any("━" in line for line in seen) == (columns >= 80)
    lines = [line.rstrip() for line in screen.display if line.strip()]
    assert lines[:2] == [f"users: {ROWS:,}/{ROWS:,} rows synced", f"jobs: {ROWS:,}/{ROWS:,} rows synced"]
    assert " ".join(lines[2:]).startswith(f"success: {2 * ROWS:,} rows synced")
    assert "users" not in " ".join(lines[2:])


def test_a_redirected_stdout_gets_every_line_though_bars_move_on_stderr(folder: Path) -> None:
    command = ("sh", "-c", f"{COMMAND} sync > out.txt")
    assert b"".join(on_a_terminal(folder, 80, *command))
    lines = (folder / "out.txt").read_text().splitlines()
    assert lines[:2] == [f"users: {ROWS:,}/{ROWS:,} rows synced", f"jobs: {ROWS:,}/{ROWS:,} rows synced"]
    assert len(lines) == 3


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "TERM=dumb"])
def test_a_terminal_that_wants_no_colours_gets_none(folder: Path, variable: dict[str, str]) -> None:
    shown = b"".join(on_a_terminal(folder, 80, str(COMMAND), "sync", **variable))
    assert b"\x1b[3" not in shown
    assert b"\x1b[9" not in shown
    assert f"users: {ROWS:,}/{ROWS:,} rows synced".encode() in shown
