"""`snapshot` reads everything and sends what changed."""

import pytest

from supasync_core.api.strategy import Job
from supasync_core.model import timestamps
from supasync_core.model.errors import SchemaError
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.testing.memory_source import MemorySource
from supasync_tables import snapshot
from supasync_tables.snapshot import Snapshot

TABLE = Table(name="plans", strategy="snapshot", page_size=4)


def fill(source: MemorySource, count: int) -> None:
    for key in range(count):
        source.write(f"{key:05}", stamp=None, commit_at=source.now)


def run(source: MemorySource, sink: dict[str, object], state: TableState) -> tuple[TableState, int]:
    sent = 0
    for piece in Snapshot().read(Job(TABLE, source, state, timestamps.to_text(source.now))):
        if piece.batch:
            sink.update({str(row["id"]): row for row in piece.batch.rows})
            sent += piece.batch.count
        state = piece.state
    return state, sent


def test_only_the_pages_that_changed_are_sent() -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    fill(source, 10)
    state, first = run(source, sink, state)
    state, idle = run(source, sink, state)
    source.advance(60)
    source.write("00005", stamp=None, commit_at=source.now)
    state, changed = run(source, sink, state)
    assert (first, idle, changed) == (10, 0, 4)
    assert sink == source.stored


def test_a_table_of_one_page_costs_no_extra_request() -> None:
    source = MemorySource()
    fill(source, 4)
    run(source, {}, TableState())
    assert source.pages == 1


def test_rows_that_push_others_behind_the_count_hide_no_change() -> None:
    """Read to an empty page, not to the number of rows that were counted first."""
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    for key in range(1, 9):
        source.write(f"{key:05}", stamp=None, commit_at=source.now)
    state, _ = run(source, sink, state)
    source.advance(60)
    source.write("00008", stamp=None, commit_at=source.now)

    def grow() -> None:
        for key in range(4) if source.pages == 4 else ():
            source.write(f"{50 + key:05}", stamp=None, commit_at=source.now)

    source.between_pages = grow
    source.pages = 3
    state, _ = run(source, sink, state)
    assert sink == source.stored


@pytest.mark.parametrize("uncounted", [1, 9])
def test_a_count_that_takes_too_long_hides_no_page(uncounted: int) -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    fill(source, 10)
    source.uncounted = uncounted
    state, sent = run(source, sink, state)
    assert (sent, sink) == (10, source.stored)
    assert state.read_at is not None


def test_fewer_rows_than_were_counted_are_no_complete_read() -> None:
    source = MemorySource()
    fill(source, 10)
    source.between_pages = lambda: setattr(source, "lost", int(source.pages == 1))
    pieces = list(Snapshot().read(Job(TABLE, source, TableState(), timestamps.to_text(source.now))))
    assert pieces[-1].total == 10
    assert pieces[-1].state.read_at is None


def test_rows_that_are_deleted_meanwhile_are_not_missed() -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    fill(source, 10)

    def between_pages() -> None:
        if source.pages == 1:
            source.stored.pop("00001", None)

    source.between_pages = between_pages
    state, _ = run(source, sink, state)
    assert state.read_at is not None


def test_a_large_table_is_refused_after_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "CEILING", 5)
    source = MemorySource()
    fill(source, 6)
    with pytest.raises(SchemaError, match="too many"):
        run(source, {}, TableState())
    assert source.pages == 1
