"""The backend `sqlite` keeps every contract."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from supasync_core.api.backend import Sink, Source
from supasync_core.api.registration import Fence
from supasync_core.api.state_store import StateStore
from supasync_core.model.batch import Batch
from supasync_core.testing import EVENTS, SinkContract, SourceContract, StateStoreContract

from supasync_sqlite.backend import SqliteSink, SqliteSource, SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that does not exist yet."""
    return tmp_path / "events.sqlite"


@pytest.fixture
def closer() -> Iterator[ExitStack]:
    """Closes what a test opened."""
    with ExitStack() as stack:
        yield stack


class TestSource(SourceContract):
    where = '"id" > 2'

    @pytest.fixture
    def filled(self, path: Path, closer: ExitStack) -> Callable[[Batch], Source]:
        def fill(batch: Batch) -> Source:
            with closing(SqliteSink(path)) as sink:
                sink.upsert(EVENTS, batch)
            return closer.enter_context(closing(SqliteSource(path)))

        return fill


class TestSink(SinkContract):
    @pytest.fixture
    def opened(self, path: Path, closer: ExitStack) -> Callable[[], Sink]:
        return lambda: closer.enter_context(closing(SqliteSink(path)))

    @pytest.fixture
    def fenced(self, path: Path, closer: ExitStack) -> Callable[[Fence], Sink]:
        return lambda fence: closer.enter_context(closing(SqliteSink(path, fence)))


class TestStore(StateStoreContract):
    @pytest.fixture
    def opened(self, path: Path, closer: ExitStack) -> Callable[[], StateStore]:
        return lambda: closer.enter_context(closing(SqliteStore(path)))
