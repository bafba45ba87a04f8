"""The backend `jsonl` keeps every contract."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from supasync_core.api.backend import Sink, Source
from supasync_core.api.registration import Fence
from supasync_core.api.state_store import StateStore
from supasync_core.model.batch import Batch
from supasync_core.testing import EVENTS, SinkContract, SourceContract, StateStoreContract

from supasync_jsonl.backend import JsonlSink, JsonlSource, JsonlStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder without files."""
    return tmp_path


@pytest.fixture
def closer() -> Iterator[ExitStack]:
    """Closes what a test opened."""
    with ExitStack() as stack:
        yield stack


class TestSource(SourceContract):
    @pytest.fixture
    def filled(self, path: Path, closer: ExitStack) -> Callable[[Batch], Source]:
        def fill(batch: Batch) -> Source:
            with closing(JsonlSink(path)) as sink:
                sink.upsert(EVENTS, batch)
            return closer.enter_context(closing(JsonlSource(path)))

        return fill


class TestSink(SinkContract):
    @pytest.fixture
    def opened(self, path: Path, closer: ExitStack) -> Callable[[], Sink]:
        return lambda: closer.enter_context(closing(JsonlSink(path)))

    @pytest.fixture
    def fenced(self, path: Path, closer: ExitStack) -> Callable[[Fence], Sink]:
        return lambda fence: closer.enter_context(closing(JsonlSink(path, fence)))


class TestStore(StateStoreContract):
    @pytest.fixture
    def opened(self, path: Path, closer: ExitStack) -> Callable[[], StateStore]:
        return lambda: closer.enter_context(closing(JsonlStore(path)))
