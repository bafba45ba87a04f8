"""The base classes keep the contracts with as little as they ask for: `read` alone, or a driver's module."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing

import psycopg
import pytest

from supasync_core.api.backend import Sink, Source
from supasync_core.api.base import BaseSink, BaseSource
from supasync_core.api.sql_backend import SqlDatabase, SqlSource
from supasync_core.api.sql_sink import SqlSink
from supasync_core.api.sql_store import SqlStore
from supasync_core.api.sql_window import SqlWindow
from supasync_core.api.state_store import StateStore
from supasync_core.api.whole_tables import TableRows, object_text
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Column, Table
from supasync_core.model.timestamps import Horizon
from supasync_core.testing import SinkContract, SourceContract, StateStoreContract
from tests.servers.postgres import Cluster

EVENTS = (
    'CREATE TABLE events (id bigint PRIMARY KEY, label text COLLATE "C", amount numeric, payload json, '
    "created_at timestamptz, updated_at timestamptz)"
)


class Pages(BaseSource):
    """What gives pages, and can do nothing else."""

    def __init__(self, rows: Batch) -> None:
        self.stored = rows

    def read(self, table: Table, window: Window) -> Batch:
        if table.where or table.name != "events":
            raise SchemaError(f"{table.name}: no such table, or no such filter", table=table.name)
        return TableRows(table, self.stored).page(window)


class Kept(Pages, BaseSink):
    """A sink in memory; all that are opened hold the same rows."""

    def __init__(self, shared: list[Batch]) -> None:
        self.shared = shared

    @property
    def stored(self) -> Batch:  # type: ignore[override]
        return self.shared[0]

    def upsert(self, table: Table, batch: Batch) -> int:
        names = dict.fromkeys(name for row in batch.rows for name in row)
        stored = dict(zip(table.keys(self.stored), map(raw_json.cells, self.stored.rows.texts), strict=True))
        for key, text in zip(table.keys(batch), batch.rows.texts, strict=True):
            new = {
                name: raw_json.cells(text).get(name, "null") for name in names if name not in table.exclude
            }
            stored[key] = stored.get(key, {}) | new
        self._keep(stored.values())
        return batch.count

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        stored = dict(zip(table.keys(self.stored), map(raw_json.cells, self.stored.rows.texts), strict=True))
        found = [key for key in table.exact_keys(keys) if stored.pop(key, None) is not None]
        self._keep(stored.values())
        return len(found)

    def _keep(self, rows: Iterable[dict[str, str]]) -> None:
        self.shared[0] = Batch(raw_json.join(map(object_text, rows)))


class TestSourceOfPages(SourceContract):
    @pytest.fixture
    def filled(self) -> Callable[[Batch], Source]:
        return Pages


class TestSinkOfPages(SinkContract):
    @pytest.fixture
    def opened(self) -> Callable[[], Sink]:
        shared = [Batch(b"[]")]
        return lambda: Kept(shared)


class PostgresWindow(SqlWindow):
    """PostgreSQL prints every value as JSON itself, and compares timestamps as such."""

    def selected(self, name: str) -> str:
        return f"to_json({self.column(name)})::text"


class Postgres(SqlDatabase):
    driver = psycopg

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.place)

    def columns(self, table: Table) -> Sequence[Column] | None:
        query = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        found = self.execute(f"{query} ORDER BY ordinal_position", [table.relation]).fetchall()
        return [Column(name, kind) for name, kind in found] or None


class PostgresSource(Postgres, SqlSource):
    conditions = PostgresWindow

    def cell(self, value: object, column: Column) -> str:
        return "null" if value is None else str(value)

    def horizon(self) -> Horizon:
        self.connection.rollback()  # time stands still in a transaction
        (micros,) = self.execute("SELECT extract(epoch FROM clock_timestamp()) * 1000000").fetchall()[0]
        return Horizon(int(micros))


class PostgresSink(PostgresSource, SqlSink):
    def kind(self, table: Table, name: str, source: str) -> str:
        return source or "text"

    def parameter(self, cell: str, column: Column) -> object:
        if cell == "null":
            return None
        return cell if column.type == "json" else super().parameter(cell, column)


class PostgresStore(Postgres, SqlStore):
    pass


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Iterator[str]:
    cluster.create("base_classes")
    yield "base_classes"
    cluster.drop("base_classes")


@pytest.fixture
def address(cluster: Cluster, database: str) -> str:
    """A database with the empty table of the contracts, and no state."""
    cluster.execute(database, "DROP TABLE IF EXISTS events")
    cluster.execute(database, "DROP TABLE IF EXISTS sync_metadata")
    cluster.execute(database, EVENTS)
    return cluster.url(database)


@pytest.fixture
def closer() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class TestSourceOfPostgres(SourceContract):
    where = "id > 2"

    @pytest.fixture
    def filled(self, address: str, closer: ExitStack) -> Callable[[Batch], Source]:
        def fill(batch: Batch) -> Source:
            with closing(PostgresSink(address)) as sink:
                sink.upsert(Table(name="events"), batch)
            return closer.enter_context(closing(PostgresSource(address)))

        return fill


class TestSinkOfPostgres(SinkContract):
    @pytest.fixture
    def opened(self, address: str, closer: ExitStack) -> Callable[[], Sink]:
        return lambda: closer.enter_context(closing(PostgresSink(address)))


class TestStoreOfPostgres(StateStoreContract):
    @pytest.fixture
    def opened(self, address: str, closer: ExitStack) -> Callable[[], StateStore]:
        return lambda: closer.enter_context(closing(PostgresStore(address)))
