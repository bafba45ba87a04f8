"""A folder with a tables.yaml between two real servers, and the installed command to run in it."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from supasync_core.model.state import State
from supasync_core.model.state_json import to_json
from tests.postgrest.launch import ROLES, Server, serve
from tests.servers.command import HURRIED, start, without_times
from tests.servers.fork_server import Forked
from tests.servers.postgres import Cluster

HERE = Path(__file__).parent
SCHEMA = ROLES + (HERE / "schema.sql").read_text()
ROWS = (HERE / "rows.sql").read_text()
TABLES = ("users", "jobs", "sessions", "usage_logs", "ad_sessions")
OF_ROWS = re.compile(r"\s*(?:analyze|delete|insert|truncate|update)\b", re.IGNORECASE)
"""A statement that changes no table."""
_TABLES = "select tablename from pg_tables where schemaname = %s"
OLD_KEY = "sb_secret_for_tests_old"
NEW_KEY = "sb_secret_for_tests_new"

TABLES_YAML = """\
version: 1
source: {backend: rest, url: "${OLD_SUPABASE_URL}", key: "${OLD_SUPABASE_SERVICE_ROLE_KEY}"}
sink:   {backend: rest, url: "${SUPABASE_URL}", key: "${SUPABASE_SERVICE_ROLE_KEY}"}
enabled: "${ENABLE_HOURLY_SYNC:-true}"
tables:
  users:       {timestamp: [updated_at, created_at]}
  jobs:        {depends_on: [users]}
  sessions:    {depends_on: [users]}
  usage_logs:  {depends_on: [users, jobs]}
  ad_sessions: {depends_on: [users]}
"""
ENDS = TABLES_YAML.partition("tables:\n")[0]
"""The part of it that names both projects."""


@dataclass(frozen=True)
class Completed:
    """How a call of the command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What ``--json`` printed."""
        return json.loads(self.out)


@dataclass
class End:
    """One of the two sides: a database and the server in front of it."""

    cluster: Cluster
    database: str
    server: Server

    def run(self, statement: str) -> None:
        """Run SQL as the owner; the API knows of changed tables when this returns."""
        self.cluster.execute(self.database, statement)
        if " type " in statement:
            self.server.reconnect()  # its connections hold statements that were prepared for the former type
        if not all(map(OF_ROWS.match, statement.rstrip("; \n").split(";"))):
            self.server.reload()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.cluster.connected(self.database) as connection:
            return connection.execute(query.encode()).fetchall()

    def csv(self, query: str) -> str:
        """The rows as psql's copy writes them, with a header."""
        copy = f"copy ({query}) to stdout with (format csv, header)"
        with (
            self.cluster.connected(self.database) as connection,
            connection.cursor().copy(copy.encode()) as rows,
        ):
            return b"".join(rows).decode()

    def texts(self, table: str, schema: str = "public") -> list[str]:
        """Every row of a table as PostgreSQL prints it, sorted: equal lists are equal tables."""
        query = sql.SQL("select t::text from {} t order by 1").format(sql.Identifier(schema, table))
        with self.cluster.connected(self.database) as connection:
            return [row[0] for row in connection.execute(query)]


@dataclass
class Workspace:
    """Two ends and a folder between them."""

    folder: Path
    old: End
    new: End
    environment: dict[str, str] = field(default_factory=dict)
    before: str = HURRIED
    """Code that a command runs first."""
    files: dict[str, str] = field(default_factory=dict)
    """What `keep` has read of the folder."""
    own: set[str] = field(default_factory=set)
    """The files of this installation that were there then."""
    marks: dict[str, object] = field(default_factory=dict)
    """What `_marks` told of each database when it had the kept rows."""

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def command(
        self, *args: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str] | Forked:
        """Start the installed command in the folder, with nothing of our own environment but the path."""
        given = {**self.environment, **(environment or {})}
        return start(self.folder, *args, environment=given, before=self.before)

    def supasync(self, *args: str, environment: Mapping[str, str] | None = None) -> Completed:
        """Run the command to its end; no key and no traceback may ever be in what it prints.

        Its lines come `without_times`.
        """
        with self.command(*args, environment=environment) as process:
            out, err = map(without_times, process.communicate(timeout=240))
        for text in (out, err):
            assert "secret_for_tests" not in text, text
            assert "Traceback" not in text, text
        return Completed(process.wait(), out, err)

    def ready(self) -> "Workspace":
        """Paste the SQL into NEW and write the baseline."""
        self.new.run(self.supasync("schema", "sql").out)
        done = self.supasync("setup")
        assert done.code == 0, done.out + done.err
        return self

    def forget(self) -> None:
        """Take NEW's state back to a baseline without any cursor, and drop the records of all runs."""
        source = self.old.server.url.removeprefix("http://").removesuffix("/rest/v1")
        state = to_json(State(source))
        with self.new.cluster.connected(self.new.database) as connection, connection.transaction():
            connection.execute("delete from sync_metadata where command <> 'setup'")
            connection.execute("update sync_metadata set state = %s", [Jsonb(state)])

    def keep(self) -> "Workspace":
        """Remember the rows of both ends and the files, for `again`."""
        for end in (self.old, self.new):
            with end.cluster.connected(end.database) as connection, connection.transaction():
                connection.execute("create schema kept")
                tables = [table for (table,) in connection.execute(_TABLES, ["public"]).fetchall()]
                for table in tables:
                    names = (sql.Identifier("kept", table), sql.Identifier("public", table))
                    connection.execute(sql.SQL("create table {} as table {}").format(*names))
                self.marks[end.database] = _marks(connection, tables)
        self.files = {path.name: path.read_text() for path in self.folder.iterdir() if path.is_file()}
        self.own = {path.name for path in self.folder.glob(".supasync/*")}
        return self

    def again(self) -> "Workspace":
        """Back to what was kept, of this installation; both servers answer, and have seen no request."""
        for end in (self.old, self.new):
            with end.cluster.connected(end.database) as connection, connection.transaction():
                connection.execute("set session_replication_role = replica")
                tables = [table for (table,) in connection.execute(_TABLES, ["kept"]).fetchall()]
                for (table,) in connection.execute(_TABLES, ["public"]).fetchall():
                    if table not in tables:
                        gone = sql.Identifier("public", table)
                        connection.execute(sql.SQL("drop table {} cascade").format(gone))
                if _marks(connection, tables) != self.marks[end.database]:
                    _restore(connection, tables)
                    self.marks[end.database] = _marks(connection, tables)
            end.server.accept()
            end.server.reload()
            end.server.behave()
            end.server.reset()
        made = [path for path in self.folder.glob(".supasync/*") if path.name not in self.own]
        for path in [*self.folder.iterdir(), *made]:
            if path.is_file():
                path.unlink()
            elif path.name != ".supasync":
                rmtree(path)
        for name, text in self.files.items():
            self.write(name, text)
        return self

    def requests(self) -> int:
        """How many requests both servers saw since the last call."""
        count = 0
        for end in (self.old, self.new):
            count += len(end.server.requests())
            end.server.reset()
        return count

    def assert_equal(self, *tables: str) -> None:
        """Both databases hold the same rows, compared in SQL text."""
        for table in tables or TABLES:
            assert self.new.texts(table) == self.old.texts(table), table


def _marks(connection: psycopg.Connection[Any], tables: list[str]) -> dict[str, object]:
    """The number of rows of each table, and the last transaction that wrote one: no change leaves both."""
    query = sql.SQL("select count(*), max(xmin::text::bigint) from {}")
    named = {table: query.format(sql.Identifier("public", table)) for table in tables}
    return {table: connection.execute(each).fetchone() for table, each in named.items()}


def _restore(connection: psycopg.Connection[Any], tables: list[str]) -> None:
    """Give the tables the rows that were kept."""
    names = sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
    connection.execute(sql.SQL("truncate {} cascade").format(names))
    for table in tables:
        pair = (sql.Identifier("public", table), sql.Identifier("kept", table))
        connection.execute(sql.SQL("insert into {} overriding system value table {}").format(*pair))


Opened = Callable[[Cluster, str, Mapping[str, str]], AbstractContextManager[Server]]
"""Starts a server for a database, with the role of each key."""


def postgrest(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Server:
    """The server of `tests.postgrest`."""
    return serve(cluster.url(database, "authenticator"), keys=keys)


@contextmanager
def between(  # noqa: PLR0913 - two ends and what lies between them
    cluster: Cluster,
    folder: Path,
    old: str,
    new: str,
    tables: str = TABLES_YAML,
    *,
    opened: Opened = postgrest,
) -> Iterator[Workspace]:
    """A workspace between two fresh databases that were made by the SQL ``old`` and ``new``."""
    name = uuid4().hex[:8]
    with (
        _end(cluster, f"old_{name}", old, OLD_KEY, opened) as left,
        _end(cluster, f"new_{name}", new, NEW_KEY, opened) as right,
    ):
        space = Workspace(folder, left, right)
        space.write("tables.yaml", tables)
        space.write(
            ".env",
            f"OLD_SUPABASE_URL={left.server.url.removesuffix('/rest/v1')}\n"
            f"OLD_SUPABASE_SERVICE_ROLE_KEY={OLD_KEY}\n"
            f"SUPABASE_URL={right.server.url.removesuffix('/rest/v1')}\n"
            f"SUPABASE_SERVICE_ROLE_KEY={NEW_KEY}\n",
        )
        yield space
        if isinstance(left.server, Server):
            changes = left.server.changes()
            assert not changes, f"OLD was sent {changes}"


@contextmanager
def _end(cluster: Cluster, database: str, statements: str, key: str, opened: Opened) -> Iterator[End]:
    cluster.copy(database, statements)
    keys = {key: "service_role", key.replace("secret", "publishable"): "anon"}
    try:
        with opened(cluster, database, keys) as server:
            yield End(cluster, database, server)
    finally:
        cluster.drop(database)
