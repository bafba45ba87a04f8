"""Two databases with a server in front of each, and what a contender needs to know of them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast
from uuid import uuid4

import psutil
import psycopg

from benchmarks.data import Case
from supasync_core.model.batch import Cursor
from supasync_core.model.state import KeysetState, TableState
from supasync_core.model.state_json import from_json, to_json
from supasync_core.schema.scripts import ready
from tests.postgrest.launch import ROLES, Server, serve
from tests.servers.lite import LiteServer
from tests.servers.postgres import Cluster

COMMAND = Path(sys.executable).with_name("supasync")
PAGE = 1000
AWAY = 0.04
"""Seconds that each answer of the server ``far`` takes longer: the way from a home to a region and back."""
OLD_KEY = "sb_secret_for_benchmarks_old"
NEW_KEY = "sb_secret_for_benchmarks_new"


@dataclass(frozen=True)
class Task:
    """What every contender is told: both ends, their databases, the tables parents first, the pages.

    ``pages`` are the addresses of all pages by table, made from the database beforehand.
    """

    old: str
    new: str
    old_database: str
    new_database: str
    tables: list[str]
    after: dict[str, list[str]]
    since: str | None
    connections: int
    pages: dict[str, list[str]]
    bodies: str

    def write(self, path: Path) -> None:
        """As JSON, for a process of its own."""
        path.write_text(json.dumps(asdict(self)))


@dataclass
class Ground:
    """Where one case is played."""

    cluster: Cluster
    case: Case
    folder: Path
    old: str
    new: str
    old_url: str
    new_url: str
    servers: list[psutil.Process]
    logs: list[Server]

    def declare(self, workers: int = 2) -> None:
        """Write tables.yaml, for so many workers."""
        tables = "\n".join(f"  {table}: {settings}" for table, settings in self.case.tables.items())
        (self.folder / "tables.yaml").write_text(
            f"version: 1\nworkers: {workers}\n"
            f"source: {{backend: rest, url: '{self.old_url}', key: '${{OLD}}'}}\n"
            f"sink: {{backend: rest, url: '{self.new_url}', key: '${{NEW}}'}}\n"
            f"defaults: {{overlap: 1s}}\ntables:\n{tables}\n"
        )

    def sql(self, database: str, statement: str) -> list[tuple[object, ...]]:
        """Run SQL as the owner."""
        with psycopg.connect(self.cluster.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def empty_new(self) -> None:
        """NEW as it was before anything was copied."""
        names = ", ".join(f"public.{name}" for name in self.case.tables)
        self.sql(self.new, f"truncate {names}")
        self.sql(self.new, "delete from public.sync_metadata")
        self.supasync("setup")

    def begun_by_timestamp(self) -> None:
        """A state in which every table is read in the order of its timestamps, from the first one."""
        ((stored,),) = self.sql(self.new, "select state from sync_metadata order by seq desc limit 1")
        began = KeysetState(Cursor("1900-01-01T00:00:00Z"), moved_at="2026-01-01T00:00:00Z")
        state = from_json(cast("dict[str, object]", stored))
        for name in self.case.tables:
            state = state.with_table(name, TableState(keysets={"updated_at": began}))
        text = json.dumps(to_json(state)).replace("'", "''")
        self.sql(self.new, f"update sync_metadata set state = '{text}'")

    def equal(self) -> bool:
        """Whether both databases hold the same rows."""
        digest = "select count(*), sum(hashtextextended(t::text, 0)) from public.{} t"
        return all(
            self.sql(self.old, digest.format(name)) == self.sql(self.new, digest.format(name))
            for name in self.case.tables
        )

    def supasync(self, *args: str) -> str:
        """Run the installed command."""
        done = subprocess.run([COMMAND, *args], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout

    def now(self) -> str:
        """OLD's time."""
        return str(self.sql(self.old, "select to_json(now()) #>> '{}'")[0][0])

    def traffic(self) -> tuple[int, int] | None:
        """Requests and bytes of bodies since the last call, where the servers tell."""
        if not self.logs:
            return None
        seen = [request for server in self.logs for request in server.requests()]
        for server in self.logs:
            server.reset()
        return len(seen), sum(request["bytes_in"] + request["bytes_out"] for request in seen)

    def server_seconds(self) -> float:
        """CPU seconds that both servers and PostgreSQL have used so far."""
        return sum(seconds_of(process) for process in self.servers)

    def task(self, connections: int, since: str | None = None) -> Task:
        """What contenders are told."""
        bodies = self.folder / "bodies"
        bodies.mkdir(exist_ok=True)
        return Task(
            old=self.old_url,
            new=self.new_url,
            old_database=self.cluster.url(self.old),
            new_database=self.cluster.url(self.new),
            tables=list(self.case.tables),
            after={name: list(self.case.after.get(name, ())) for name in self.case.tables},
            since=since,
            connections=connections,
            pages={name: self._pages(name, since) for name in self.case.tables},
            bodies=str(bodies),
        )

    def _pages(self, table: str, since: str | None) -> list[str]:
        """The addresses of the table's pages, each from a place to the next, in the order of the key."""
        where = f"where updated_at > '{since}'" if since else ""
        size = max(1, min(PAGE, 1_000_000 // self._width(table)))
        found = self.sql(
            self.old,
            f"select id from (select id, row_number() over (order by id) as n from public.{table} {where}) t "
            f"where n % {size} = 1 or {size} = 1 order by n",
        )
        changed = "&updated_at=gt." + since.replace("+", "%2B") if since else ""
        return [f"/{table}?id=gte.{key}&order=id.asc&limit={size}{changed}" for (key,) in found]

    def _width(self, table: str) -> int:
        found = self.sql(self.old, f"select avg(length(to_json(t)::text))::int from public.{table} t")
        return int(str(found[0][0] or 1))


def seconds_of(process: psutil.Process) -> float:
    """Of the process, the children that it has reaped, and those that live."""
    times = process.cpu_times()
    own = float(times.user + times.system + times.children_user + times.children_system)
    for child in process.children(recursive=True):
        try:
            spent = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        own += spent.user + spent.system + spent.children_user + spent.children_system
    return own


@contextmanager
def ground(cluster: Cluster, case: Case, folder: Path, server: str) -> Iterator[Ground]:
    """OLD filled, NEW empty and set up, both served."""
    name = uuid4().hex[:6]
    old, new = f"old_{name}", f"new_{name}"
    cluster.create(old, ROLES + case.schema + case.rows + "analyze;")
    if case.fill:
        with psycopg.connect(cluster.url(old)) as connection:
            case.fill(connection)
            connection.execute("analyze")
    cluster.create(new, ROLES + case.schema + ready())
    folder.mkdir()
    with _served(cluster, old, OLD_KEY, server) as left, _served(cluster, new, NEW_KEY, server) as right:
        (folder / ".env").write_text(f"OLD={OLD_KEY}\nNEW={NEW_KEY}\n")
        servers = [psutil.Process(pid) for pid in (left[1], right[1], cluster.watchdog.pid)]
        logs = [each[2] for each in (left, right) if each[2]]
        made = Ground(cluster, case, folder, old, new, left[0], right[0], servers, logs)
        made.declare()
        yield made
    cluster.drop(old)
    cluster.drop(new)


@contextmanager
def _served(cluster: Cluster, database: str, key: str, kind: str) -> Iterator[tuple[str, int, Server | None]]:
    """The address and the process of a server."""
    if kind == "lite":
        url = cluster.url(database)
        publishable = key.replace("secret", "publishable")
        with LiteServer.start(url, secret_key=key, publishable_key=publishable) as lite:
            yield lite.url, lite.process.pid, None
    else:
        with serve(cluster.url(database, "authenticator"), keys={key: "service_role"}) as own:
            if kind == "far":
                own.misbehave({"kind": "delay", "seconds": AWAY, "times": None})
            yield own.url.removesuffix("/rest/v1"), own.process.pid, own
