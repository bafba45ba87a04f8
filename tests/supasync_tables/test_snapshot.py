"""`snapshot` reads everything and sends what changed."""

import pytest

from supasync_core import clock
from supasync_core.backend import Job
from supasync_core.errors import SchemaError
from supasync_core.state import TableState
from supasync_core.tables import Table
from supasync_core.testing.memory import MemorySource
from supasync_tables import snapshot
from supasync_tables.snapshot import Snapshot

TABLE = Table(name="plans", plugin="snapshot", page_size=4)


def fill(source: MemorySource, count: int) -> None:
    for key in range(count):
        source.write(f"{key:05}", stamp=None, commit_at=source.now)


def run(source: MemorySource, sink: dict[str, object], state: TableState) -> tuple[TableState, int]:
    sent = 0
    for piece in Snapshot().read(Job(TABLE, source, state, clock.to_text(source.now))):
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


def test_a_table_of_exactly_whole_pages_costs_no_extra_request() -> None:
    source = MemorySource()
    fill(source, 8)
    run(source, {}, TableState())
    assert source.pages == 2


def test_a_large_table_is_refused_after_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "CEILING", 5)
    source = MemorySource()
    fill(source, 6)
    with pytest.raises(SchemaError, match="too many"):
        run(source, {}, TableState())
    assert source.pages == 1
