"""The installed command, started as a fork of a process that has imported it, or as whoever types it does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from supasync_core.staging import refused_sql
from tests.servers.fork_server import Forked, ForkServer

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = Path(sys.executable).with_name("supasync")
OURS = (
    "supasync_account",
    "supasync_core",
    "supasync_rest",
    "supasync_csv",
    "supasync_duckdb",
    "supasync_notify",
    "supasync_postgres",
    "supasync_tables",
)
SETTINGS = "{version: 1, source: {backend: csv, path: old}, sink: {backend: csv, path: new}, tables: {t: {}}}"
LOADED = f"""
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from supasync_core import config
from supasync_core.api.plugin_host import Host
sys.path[0] = {str(COMMAND.parent)!r}
host = Host()
host.load_installed()
with TemporaryDirectory() as folder:
    Path(folder, "tables.yaml").write_text({SETTINGS!r})
    config.load(Path(folder, "tables.yaml"), {{}}, host)
"""
"""Finds the plugins and reads settings once, as each command does."""
FORKS = ForkServer(
    entry="supasync_core.cli:main",
    modules=(
        *(f"{name}.*" for name in OURS),
        *("certifi", "duckdb", "filelock", "msgspec", "rich.console", "rich.progress", "rich.table"),
        *("httpx", "psycopg", "storage3", "supabase", "tenacity", "urllib3", "yaml"),
    ),
    warm=LOADED,
)
AT_START = ("PYTHON", "LANG", "LC_", "COVERAGE", "COV_")
"""Variables that only a new interpreter obeys."""

LISTED = """
from supasync_core.staging import refused_sql
refused_sql._HAS = {!r}
"""
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d ", re.MULTILINE)


HURRIED = """
from time import sleep
from supasync_rest.retry_policy import RetryPolicy
RetryPolicy.__init__.__kwdefaults__["sleep"] = lambda seconds: sleep(seconds / 20)
"""
"""What makes the waits between attempts short; the unit tests of the client tell how long they are."""


def run(
    folder: Path,
    *args: str,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60,
    before: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder to its end, after the code ``before``; its lines come `without_times`."""
    with start(folder, *args, environment=environment, before=before) as process:
        out, err = map(without_times, process.communicate(timeout=timeout))
        return subprocess.CompletedProcess([COMMAND, *args], process.wait(), out, err)


def without_times(text: str) -> str:
    """The lines without the time that each line of a long command begins with, off a terminal."""
    return TIME.sub("", text)


def start(
    folder: Path, *args: str, environment: Mapping[str, str] | None = None, before: str = ""
) -> subprocess.Popen[str] | Forked:
    """Start the command in a folder, after the code ``before``, with only the path of our environment.

    A fork lists no macros of DuckDB files where this process does not: `macros_unlisted` in the conftest.
    """
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COV")}
    given = {**kept, "HOME": str(folder), **(environment or {})}
    if not any(name.startswith(AT_START) for name in given):
        before = LISTED.format(vars(refused_sql)["_HAS"]) + before
        return FORKS.start([str(COMMAND), *args], folder, given, before)
    return subprocess.Popen(
        [sys.executable, "-c", f"{before}\nfrom supasync_core.cli import main\nmain()", *args],
        cwd=folder,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
