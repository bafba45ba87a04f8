"""The backend `csv` keeps every contract, once it is told the other side's types."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from supasync_core.api.backend import Sink, Source
from supasync_core.api.registration import Fence
from supasync_core.api.state_store import StateStore
from supasync_core.model.batch import Batch
from supasync_core.model.table import Column, Shape
from supasync_core.testing import EVENTS, SinkContract, SourceContract, StateStoreContract
from supasync_csv.sink import CsvSink
from supasync_csv.source import CsvSource
from supasync_csv.store import CsvStore

POSTGRES = Shape((Column("id", "bigint"), Column("payload", "json")))


@pytest.fixture
def closer() -> Iterator[ExitStack]:
    """Closes what a test opened."""
    with ExitStack() as stack:
        yield stack


def _sink(path: Path) -> CsvSink:
    sink = CsvSink(path)
    sink.typed(EVENTS, POSTGRES)
    return sink


def _source(path: Path) -> CsvSource:
    source = CsvSource(path)
    source.typed(EVENTS, POSTGRES)
    return source


class TestSource(SourceContract):
    where = "id::int > 2"

    @pytest.fixture
    def filled(self, tmp_path: Path, closer: ExitStack) -> Callable[[Batch], Source]:
        """A folder as the sink writes it."""

        def fill(batch: Batch) -> Source:
            with closing(_sink(tmp_path)) as sink:
                sink.upsert(EVENTS, batch)
            return closer.enter_context(closing(_source(tmp_path)))

        return fill


class TestSink(SinkContract):
    @pytest.fixture
    def opened(self, tmp_path: Path, closer: ExitStack) -> Callable[[], Sink]:
        """A folder without files."""
        return lambda: closer.enter_context(closing(_sink(tmp_path)))

    @pytest.fixture
    def fenced(self, tmp_path: Path, closer: ExitStack) -> Callable[[Fence], Sink]:
        return lambda fence: closer.enter_context(closing(CsvSink(tmp_path, fence)))


class TestStore(StateStoreContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], StateStore]:
        """Stores on one folder."""
        return lambda: CsvStore(tmp_path)
