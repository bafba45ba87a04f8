"""What all tests share: one PostgreSQL for the session, and the figures in pytest's last lines."""

import gc
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import duckdb
import pytest
from hypothesis import HealthCheck, settings

from supasync_core.staging import refused_sql
from tests.examples import TIMES
from tests.servers.command import run
from tests.servers.postgres import Cluster

# A loaded machine takes its time, which says nothing of the code. The examples are the same in each run, so
# that a change is judged by what it changes; `make explore` draws others.
settings.register_profile(
    "any-machine",
    deadline=None,
    max_examples=50 * TIMES,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=TIMES == 1,
)
settings.load_profile("any-machine")

gc.disable()  # until all tests are collected: nothing of that is garbage

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
ROOM = 8_000_000_000
"""Bytes: twice what all tests take at once."""


def write_to_memory() -> None:
    """Let tests write to memory where there is plenty: DuckDB and CSV wait for a disk with each file."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    found = os.statvfs(MEMORY)
    if found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"], tempfile.tempdir = str(MEMORY), None


write_to_memory()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running PostgreSQL."""
    with Cluster.start(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture(scope="session")
def demo_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `supasync demo` leaves."""
    folder = tmp_path_factory.mktemp("demo")
    run(folder, "demo", "--folder", ".").check_returncode()
    return folder


@pytest.fixture(autouse=True, scope="module")
def macros_unlisted() -> Iterator[None]:
    """Open DuckDB files without a look for macros: to list them is 10 of 34 ms, thousands of times.

    A test whose file has a macro overrides this by a fixture that does nothing; without, it fails. Forks of
    the command do as their test does; commands that are started as whoever types them does look.
    """
    name = "_HAS"
    listed = getattr(refused_sql, name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(refused_sql, name, listed.partition("UNION ALL")[2])
        yield


@pytest.fixture
def demo_in(demo_made: Path) -> Callable[[Path], Path]:
    """Puts the same into a folder, which is made; its state names the file where it is now."""

    def put(folder: Path) -> Path:
        copytree(demo_made, folder)
        names = [json.dumps(str(place), ensure_ascii=False)[1:-1] for place in (demo_made, folder)]
        with duckdb.connect(folder / "new.duckdb") as connection:
            connection.execute("update sync_metadata set state = replace(state, ?, ?)", names)
        return folder

    return put


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have recorded as their ``summary``."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    lines = [text for report in reports for name, text in report.user_properties if name == "summary"]
    if lines:
        terminalreporter.section("figures")
    for line in dict.fromkeys(lines):
        terminalreporter.line(line)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what collecting tests has made: all of it stays, and 0.2 s a look at it."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a PostgreSQL: `make quick` leaves it out."""
    for item in items:
        if isinstance(item, pytest.Function) and "cluster" in item.fixturenames:
            item.add_marker("server")
