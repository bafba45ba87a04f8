"""Two real servers with small tables of every kind, and verification without a process of its own."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import Composed
from psycopg.types.json import Jsonb

from supasync_core import config
from supasync_core.api.plugin_host import Host
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.state import State
from supasync_core.model.state_json import to_json
from supasync_core.model.table import Table
from supasync_core.project.migration import opened
from supasync_core.staging.staging_file import Staging
from supasync_core.verify import Progress, TableVerdict, Verification, verify
from supasync_core.verify.deleted_rows import Deletions, Search
from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES, Server, serve
from tests.servers.postgres import Cluster

SQL = """
create table plain (id bigint primary key, label text, amount numeric, doc jsonb, updated_at timestamptz,
  created_at timestamptz);
create table pairs (tenant int, code text, label text, updated_at timestamptz,
  primary key (tenant, code));
create table mixed (code {code} primary key, label text, updated_at timestamptz);
create table logs (id bigint primary key, label text);
create table small (code text primary key, label text);
create view seen as select * from plain;
grant all on all tables in schema public to service_role;
"""
TABLES = """\
  plain: {timestamp: [updated_at, created_at]}
  pairs: {key: [tenant, code], page_size: 2}
  mixed: {key: code}
  logs: {strategy: append, page_size: 2}
  small: {strategy: snapshot, key: code, page_size: 2}
"""
MOST_ROWS = 3
"""What the servers give in one page, so that a handful of rows has many borders."""
TRANSFORMS = """
from supasync_core import hookimpl

def shout(row):
    if row["label"] == "secret":
        return None
    row["label"] = row["label"].upper()
    return row

def renumber(row):
    row["id"] = row["id"] + 1000
    return row

@hookimpl
def supasync_register_transforms(registry):
    registry.add("shout", shout)
    registry.add("renumber", renumber)
"""


def unwatched(_table: Table, _done: int, _total: int | None) -> None:
    """Show nothing."""


@dataclass
class Pair:
    """Both projects, and the staging of one machine."""

    space: Workspace
    host: Host = field(default_factory=Host)
    head: str = ENDS
    """The part of tables.yaml that names both projects."""

    def __post_init__(self) -> None:
        self.host.load_installed()
        self.space.write("shout.py", TRANSFORMS)
        self.host.load_file(self.space.folder / "shout.py")

    def old(self, statement: str | Composed) -> None:
        """Run SQL in OLD."""
        self.space.old.cluster.execute(self.space.old.database, statement)

    def new(self, statement: str | Composed) -> None:
        """Run SQL in NEW."""
        self.space.new.cluster.execute(self.space.new.database, statement)

    def both(self, statement: str) -> None:
        """Run SQL in both."""
        self.old(statement)
        self.new(statement)

    def verify(
        self, tables: str = TABLES, *only: str, exact: bool = False, progress: Progress = unwatched
    ) -> Verification:
        """What a verification of these tables finds."""
        self.space.write("verify.yaml", f"{self.head}tables:\n{tables}\n")
        environment = self.space.environment
        settings = config.load(self.space.folder / "verify.yaml", environment, self.host)
        path = self.space.folder / "staging.duckdb"
        with opened(settings, self.host) as project, closing(Staging(path)) as staging:
            chosen = project.select(only, "--table")
            return verify(project, chosen, exact=exact, staging=staging, progress=progress)

    def deletions(self, declared: str, state: State | None = None) -> Deletions:
        """What is deleted in OLD of the only table that is declared."""
        self.space.write("verify.yaml", f"{ENDS}tables:\n{declared}\n")
        settings = config.load(self.space.folder / "verify.yaml", {}, self.host)
        path = self.space.folder / "staging.duckdb"
        with opened(settings, self.host) as project, closing(Staging(path)) as staging:
            (table,) = settings.tables
            search = Search(project, table, state or State(project.source_ref), staging)
            span = Span(Keyset(None))
            while (batch := project.source.read(search.how.old, Window((span,), 1000))).count:
                search.step(batch)
                span = replace(span, after=table.place(batch.rows[-1], None))
            return search.finish()

    def one(self, table: str, declared: str = TABLES, *, exact: bool = False) -> TableVerdict:
        """The verdict on one table."""
        return self.verify(declared, table, exact=exact).tables[0]

    def state(self, **table: object) -> None:
        """Give NEW's state of the table ``plain`` these values, the others none."""
        state = State(self.source_ref, **table)  # type: ignore[arg-type]
        with psycopg.connect(self.space.new.cluster.url(self.space.new.database)) as connection:
            connection.execute("update sync_metadata set state = %s", [Jsonb(to_json(state))])

    @property
    def source_ref(self) -> str:
        """How OLD is named."""
        return self.space.old.server.url.removeprefix("http://").removesuffix("/rest/v1")

    def forget(self) -> None:
        """Be another machine: without a staging."""
        (self.space.folder / "staging.duckdb").unlink(missing_ok=True)


def _stingy(cluster: Cluster, database: str, keys: dict[str, str]) -> Server:
    return serve(cluster.url(database, "authenticator"), keys=keys, max_rows=MOST_ROWS)


@contextmanager
def pair(cluster: Cluster, folder: Path) -> Iterator[Pair]:
    """Both projects without rows, NEW set up. NEW sorts the keys of ``mixed`` as texts, OLD as numbers."""
    old, new = (ROLES + SQL.format(code=kind) for kind in ("bigint", "text"))
    with between(cluster, folder, old, new, opened=_stingy) as space:  # type: ignore[arg-type]
        space.new.run(space.supasync("schema", "sql").out)
        running = Pair(space)
        space.write("tables.yaml", f"{ENDS}tables:\n{TABLES}\n")
        done = space.supasync("setup")
        assert done.code == 0, done.out + done.err
        yield running


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair that the tests of one module share."""
    with pair(cluster, tmp_path_factory.mktemp("pair")) as running:
        yield running


@pytest.fixture
def ends(shared: Pair) -> Pair:
    """The shared pair, without rows and without a staging."""
    shared.both("truncate plain, pairs, mixed, logs, small")
    shared.forget()
    shared.state()
    return shared
