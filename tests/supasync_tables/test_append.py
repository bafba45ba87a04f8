"""`append` finds every row whose transaction commits within the overlap of drawing its key."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.api.strategy import Job
from supasync_core.model import timestamps
from supasync_core.model.errors import SchemaError
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.testing.memory_source import SECOND, MemorySource, Pair
from supasync_tables import append
from supasync_tables.append import Append
from supasync_tables.leaps import LONE

TABLE = Table(name="log", strategy="append", page_size=4)
WIDE = Table(name="log", strategy="append", page_size=100)


def run(
    source: MemorySource,
    sink: dict[str, object],
    state: TableState,
    *,
    die_after: int = -1,
    table: Table = TABLE,
) -> TableState:
    job = Job(table, source, state, timestamps.to_text(source.now))
    for i, piece in enumerate(Append().read(job)):
        if i == die_after:
            break
        if piece.batch:
            sink.update({str(row["id"]): row for row in piece.batch.rows})
        state = piece.state
    return state


def add(source: MemorySource, key: int, late: float = 0) -> None:
    source.write(str(key), stamp=None, commit_at=source.now + round(late * SECOND))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.floats(0, 860), st.floats(0, 4000), st.booleans(), st.integers(-1, 3)), max_size=40
    )
)
def test_keys_that_appear_late_are_found(steps: list[tuple[float, float, bool, int]]) -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    for key, (late, pause, runs, die_after) in enumerate(steps):
        add(source, key, late)
        source.advance(pause)
        if runs:
            state = run(source, sink, state, die_after=die_after)
    source.advance(4000)
    run(source, sink, state)
    assert sink == source.stored


def test_an_idle_log_settles_and_then_reads_nothing() -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    for key in range(50):
        add(source, key)
    read = []
    for _ in range(4):
        before = source.rows_read
        state = run(source, sink, state)
        read.append(source.rows_read - before)
        source.advance(3600)
    assert read == [50, 50, 0, 0]


def test_a_long_log_is_not_read_again_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append, "OVERLAP_KEYS", 1000)
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    for key in range(3000):
        source.stored[str(key)] = {"id": str(key), "updated_at": None, "created_at": None}
    state = run(source, sink, state, table=WIDE)
    before = source.rows_read
    source.advance(3600)
    run(source, sink, state, table=WIDE)
    assert source.rows_read - before <= 1000 + WIDE.page_size
    assert sink == source.stored


def test_a_load_that_died_goes_on_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append, "OVERLAP_KEYS", 1000)
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    for key in range(3000):
        source.stored[str(key)] = {"id": str(key), "updated_at": None, "created_at": None}
    state = run(source, sink, state, die_after=24, table=WIDE)
    before = source.rows_read
    run(source, sink, state, table=WIDE)
    assert source.rows_read - before < 2000
    assert sink == source.stored


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.floats(0, 860), st.floats(0, 900), st.booleans(), st.integers(-1, 9), st.floats(0, 90)),
        max_size=40,
    ),
    keys=st.integers(1, 400),
    uncounted=st.integers(0, 3),
)
def test_the_floor_of_a_stopped_run_hides_no_late_key(
    steps: list[tuple[float, float, bool, int, float]], keys: int, uncounted: int
) -> None:
    """Keys grow by any steps, so that what lies between two of them says nothing of time."""
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    state = run(source, sink, state)
    for i, (late, pause, runs, die_after, takes) in enumerate(steps):
        add(source, i * keys, late)
        source.advance(pause)
        source.takes, source.uncounted = takes, uncounted
        if runs and (i > 5 or die_after < 0):
            state = run(source, sink, state, die_after=die_after)
    source.takes, source.uncounted = 1, 0
    source.advance(4000)
    state = run(source, sink, state)
    assert sink == source.stored


@pytest.mark.slow
def test_a_key_that_is_held_while_thousands_are_added_outlives_a_stopped_run() -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    for key in range(50):
        add(source, key)
    for _ in range(3):
        state = run(source, sink, state, table=WIDE)
        source.advance(3600)
    add(source, 51, late=300)
    for key in range(52, 30_000, 5):
        source.stored[str(key)] = {"id": str(key), "updated_at": None, "created_at": None}
    state = run(source, sink, state, die_after=40, table=WIDE)
    source.advance(3600)
    state = run(source, sink, state, table=WIDE)
    assert sink == source.stored


def test_a_floor_above_the_cursor_is_not_believed() -> None:
    """A run of 0.1.0 that was stopped has left it there."""
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    for key in range(50):
        add(source, key)
    for _ in range(2):
        state = run(source, sink, state)
        source.advance(3600)
    for key in range(50, 60):
        add(source, key)
    state = state.with_keyset("id", replace(state.keyset("id"), settled=False, floor="58"))
    run(source, sink, state)
    assert sink == source.stored


def test_a_log_that_is_always_stopped_gets_to_its_end() -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    add(source, 0)
    state = run(source, sink, state)
    for key in range(1, 100):
        add(source, key)
    for _ in range(14):
        source.advance(3600)
        state = run(source, sink, state, die_after=4)
    assert sink == source.stored


def test_fewer_rows_than_were_counted_are_no_complete_read() -> None:
    source, state = MemorySource(), TableState()
    for key in range(20):
        add(source, key)
    source.between_pages = lambda: setattr(source, "lost", int(source.pages == 2))
    pieces = list(Append().read(Job(TABLE, source, state, timestamps.to_text(source.now))))
    assert pieces[-1].total == 20
    assert pieces[-1].state.read_at is None
    assert sum(piece.batch.count for piece in pieces if piece.batch) == 8


def test_a_key_that_is_no_whole_number_is_refused() -> None:
    source = MemorySource()
    source.stored["1"] = {"id": "2026-01-01", "updated_at": None}
    with pytest.raises(SchemaError, match="whole numbers"):
        run(source, {}, TableState())


def test_a_key_of_two_columns_is_a_problem_of_the_settings() -> None:
    assert Append().problems(Table(name="log", key=("a", "b")))


def test_a_version_that_commits_late_in_a_first_load_is_read_however_far_behind() -> None:
    """Updates are seen by it, so that no comparison comes that would find the row."""
    pair = Pair(Append("version"), Table(name="events", strategy="append"))
    pair.write(1, late=600)
    pair.source.drawn = 50_000
    for key in range(2, 2 + LONE + 1):
        pair.write(key)
    pair.run()
    assert (len(pair.sink), "1" in pair.sink) == (LONE + 1, False)
    pair.source.advance(3600)
    pair.run()
    assert pair.sink == pair.source.stored
    pair.source.advance(3600)
    pair.run()
    assert pair.run() == 0, "what is settled is not read again"


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 5),
            st.integers(0, 860),
            st.integers(0, 4000),
            st.sampled_from([1, 30_000]),
            st.sampled_from([None, 0, 1, 2, -1]),
        ),
        max_size=30,
    )
)
def test_no_version_is_lost_however_numbers_and_commits_fall(
    steps: list[tuple[int, int, int, int, int | None]],
) -> None:
    """Rows are written again and again, their transactions last almost as long as the overlap."""
    pair, until = Pair(Append("version"), Table(name="events", strategy="append", page_size=3)), 0
    for key, late, pause, drawn, dies in steps:
        pair.source.drawn += drawn
        lasting = max(late, until - pair.source.now // SECOND)  # rows commit in the order of their writes
        if lasting < 860:
            until = pair.source.now // SECOND + lasting
            pair.write(key, late=lasting)
        pair.source.advance(pause)
        if dies is not None:
            pair.run(die_after=None if dies < 0 else dies)
    for _ in range(3):
        pair.source.advance(4000)
        pair.run()
    assert pair.sink == pair.source.stored


def test_a_number_far_beyond_hides_no_row_before_it() -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    for key in range(50):
        add(source, key)
    add(source, 2**63 - 1)
    for key in range(50, 80):
        state = run(source, sink, state)
        source.advance(3600)
        before = source.rows_read
        state = run(source, sink, state)
        assert source.rows_read - before <= 52
        add(source, key)
    run(source, sink, state)
    assert sink == source.stored


def test_a_number_far_beyond_in_an_empty_log_hides_none() -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    add(source, 2**63 - 1)
    for key in range(8):
        state = run(source, sink, state, die_after=key % 3)
        source.advance(3600)
        add(source, key)
    run(source, sink, state)
    assert sink == source.stored


def test_numbers_that_go_on_behind_a_leap_are_read_once_and_the_leap_is_said() -> None:
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    notes = []
    numbers = [*range(50), *range(10**6, 10**6 + 200)]
    for key in numbers:
        add(source, key)
        if key % 20 == 0:
            source.advance(3600)
            job = Job(WIDE, source, state, timestamps.to_text(source.now))
            for piece in Append().read(job):
                sink.update({str(row["id"]): row for row in piece.batch.rows} if piece.batch else {})
                state = piece.state
                notes.append(piece.note or "")
    for _ in range(3):
        source.advance(3600)
        state = run(source, sink, state, table=WIDE)
    before = source.rows_read
    run(source, sink, state, table=WIDE)
    assert (source.rows_read - before, sink == source.stored) == (0, True)
    told = list(dict.fromkeys(filter(None, notes)))
    assert told[0] == (
        "log: id leaps from 49 to 1000000: every run reads the 1 row behind again, "
        "so that none in between is missed"
    )
    assert told[-1] == (
        "log: id leaps from 49 to 1000000, and goes on there: rows in between that come later are not read, "
        "but by supasync sync --full log"
    )


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 10**7), st.booleans(), st.floats(0, 860), st.floats(0, 4000), st.integers(-1, 3)
        ),
        max_size=40,
    )
)
def test_rows_far_beyond_hide_none_of_a_log(steps: list[tuple[int, bool, float, float, int]]) -> None:
    """As long as they are few."""
    source, sink, state = MemorySource(), dict[str, object](), TableState()
    for key, (far, is_far, late, pause, die_after) in enumerate(steps):
        add(source, 10**6 + far if is_far else key, late)
        source.advance(pause)
        state = run(source, sink, state, die_after=die_after)
    source.advance(4000)
    run(source, sink, state)
    assert sink == source.stored
