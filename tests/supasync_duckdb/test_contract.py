"""The backend `duckdb` keeps every contract."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from shutil import copyfile

import duckdb
import pytest

from supasync_core.api.backend import Sink, Source
from supasync_core.api.registration import Fence
from supasync_core.api.state_store import StateStore
from supasync_core.model.batch import Batch
from supasync_core.testing import EVENTS, SinkContract, SourceContract, StateStoreContract
from supasync_duckdb.sink import DuckdbSink
from supasync_duckdb.source import DuckdbSource
from supasync_duckdb.store import DuckdbStore

TYPED = (
    "CREATE TABLE events (id BIGINT PRIMARY KEY, label VARCHAR, amount VARCHAR, payload JSON, "
    "created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ)"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each test's file is: DuckDB's engine of the last one waits for it."""
    return tmp_path_factory.mktemp("contract") / "events.duckdb"


@pytest.fixture
def path(place: Path) -> Iterator[Path]:
    """A file that does not exist yet."""
    yield place
    for each in place.parent.iterdir():
        each.unlink()


@pytest.fixture(scope="session")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose table has types, and no row."""
    path = tmp_path_factory.mktemp("typed") / "events.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(TYPED)
    return path


@pytest.fixture
def closer() -> Iterator[ExitStack]:
    """Closes what a test opened."""
    with ExitStack() as stack:
        yield stack


class TestSource(SourceContract):
    where = "id > 2"

    @pytest.fixture
    def filled(self, path: Path, closer: ExitStack) -> Callable[[Batch], Source]:
        """A file as the sink writes it: raw JSON cells."""

        def fill(batch: Batch) -> Source:
            with closing(DuckdbSink(path)) as sink:
                sink.upsert(EVENTS, batch)
            return closer.enter_context(closing(DuckdbSource(path)))

        return fill


class TestSourceOfTypedTables(TestSource):
    @pytest.fixture(autouse=True)
    def _typed(self, path: Path, typed: Path) -> None:
        copyfile(typed, path)


class TestSink(SinkContract):
    @pytest.fixture
    def opened(self, path: Path, closer: ExitStack) -> Callable[[], Sink]:
        """A file that the first batch creates."""
        return lambda: closer.enter_context(closing(DuckdbSink(path)))

    @pytest.fixture
    def fenced(self, path: Path, closer: ExitStack) -> Callable[[Fence], Sink]:
        return lambda fence: closer.enter_context(closing(DuckdbSink(path, fence)))


class TestSinkOfTypedTables(TestSink):
    @pytest.fixture(autouse=True)
    def _typed(self, path: Path, typed: Path) -> None:
        copyfile(typed, path)


class TestStore(StateStoreContract):
    @pytest.fixture
    def opened(self, path: Path, closer: ExitStack) -> Callable[[], StateStore]:
        """Stores of one process share the file."""
        return lambda: closer.enter_context(closing(DuckdbStore(path)))
