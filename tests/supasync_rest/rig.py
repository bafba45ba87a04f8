"""A project on a real server, and what the tests do with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supasync_core.api.registration import Context, Fence
from supasync_core.model.cost import Ledger
from supasync_core.schema import scripts
from supasync_rest.retry_policy import RetryPolicy
from supasync_rest.sink import RestSink
from supasync_rest.source import RestSource
from supasync_rest.store import RestStore
from tests.postgrest.launch import ROLES, Server, serve

if TYPE_CHECKING:
    from tests.servers.postgres import Cluster

KEY = "sb_secret_for-tests"
ANON = "sb_publishable_for-tests"
SCHEMA_SQL = scripts.ready()
NAMES = iter(f"rest{number}" for number in range(10_000))

TABLES = """
create table users (id uuid primary key, email text, updated_at timestamptz not null);
create table jobs (id bigint primary key, updated_at timestamptz, created_at timestamptz, cost numeric,
  doc json);
create table pairs (tenant int, code text, note text, primary key (tenant, code));
create table "Odd, one" ("unit.price" int primary key, "select" text, "with""quote" text, "größe" text,
  "order" timestamptz, "not" int);
create table numbered (id bigint generated always as identity primary key, label text);
create table computed (id int primary key, a int, "the sum" int generated always as (a + 1) stored);
create table keyless (name text, n int);
create table checked (id int primary key, name text not null, qty int check (qty < 100), code text unique,
  parent int references checked);
create table secret (id int primary key, label text);
create table deferred (id int primary key, code text, unique (code) deferrable);
create schema other;
create table other.things (id int primary key, label text);
grant usage on schema other to service_role;
grant all on all tables in schema public to service_role;
grant all on all tables in schema other to service_role;
revoke all on secret from service_role;
"""


@dataclass
class Rig:
    """A server over a database, the clock of its client's waits, and the client's ledger."""

    server: Server
    cluster: Cluster
    database: str
    key: str = KEY
    ledger: Ledger = field(default_factory=Ledger)
    waits: list[float] = field(default_factory=list)
    opened: ExitStack = field(default_factory=ExitStack)
    fence: Fence = field(default_factory=Fence)
    notes: dict[str, None] = field(default_factory=dict)

    def context(self, project: str = "NEW") -> Context:
        """What a backend is opened with."""
        settings = {"url": self.server.url, "key": self.key}
        return Context(settings, Path(), self.ledger, project, self.fence, self.notes.setdefault)

    @property
    def retry_policy(self) -> RetryPolicy:
        """Retries whose waits are only written down."""
        return RetryPolicy(sleep=self.waits.append)

    def source(self) -> RestSource:
        """The project as OLD."""
        return self.opened.enter_context(closing(RestSource(self.context("OLD"), self.retry_policy)))

    def sink(self) -> RestSink:
        """The project as NEW."""
        return self.opened.enter_context(closing(RestSink(self.context(), self.retry_policy)))

    def store(self) -> RestStore:
        """The project's state store."""
        return self.opened.enter_context(closing(RestStore(self.context(), self.retry_policy)))

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL as superuser; the rows of its last statement."""
        with self.cluster.connected(self.database) as connection:
            done = connection.execute(sql.encode())
            found = done.fetchall() if done.description else []
        self.cluster.renew(sql)
        return found


@contextmanager
def rig(cluster: Cluster, sql: str = TABLES, **options: Any) -> Iterator[Rig]:
    """A database of its own behind a server of its own."""
    database = next(NAMES)
    cluster.copy(database, ROLES + sql)
    keys = {KEY: "service_role", ANON: "anon"}
    with serve(cluster.url(database, "authenticator"), keys=keys, **options) as server:
        running = Rig(server, cluster, database)
        with running.opened:
            yield running
    cluster.drop(database)
