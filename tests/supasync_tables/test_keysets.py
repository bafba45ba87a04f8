"""Rows with any of several timestamps, or none: each keyset is read in its own order."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.api.strategy import Job, Strategy
from supasync_core.model import timestamps
from supasync_core.model.table import Table
from supasync_core.testing.memory_source import SECOND, MemorySource, Pair, SurveyedSource
from supasync_tables.append import Append
from supasync_tables.incremental import Incremental
from supasync_tables.snapshot import Snapshot

NAMES = ("updated_at", "created_at", "seen_at")
Stamps = tuple[bool, bool, bool]


def pair_of(names: Sequence[str] = NAMES, page_size: int = 5, source: MemorySource | None = None) -> Pair:
    table = Table(name="events", timestamp=tuple(names), page_size=page_size, overlap=timedelta(minutes=15))
    return Pair(Incremental(), table, source or MemorySource())


def put(pair: Pair, key: int, stamped: Sequence[str], ago: float = 0) -> None:
    """A row, committed at once, with the same time in each of these columns."""
    text = timestamps.to_text(pair.source.now - round(ago * SECOND)).replace("Z", "+00:00")
    row: dict[str, str | None] = {name: text if name in stamped else None for name in NAMES}
    pair.source.stored[f"{key:05}"] = {"id": f"{key:05}", "version": str(pair.source.now), **row}


@pytest.mark.parametrize("source", [MemorySource, SurveyedSource])
def test_rows_without_a_timestamp_hide_none_that_has_one(source: type[MemorySource]) -> None:
    pair = pair_of(("updated_at", "created_at"), source=source())
    for key in range(12):
        put(pair, key, ())
    pair.run()
    for key in range(100, 103):
        put(pair, key, ("created_at",))
    pair.run()
    assert pair.sink == pair.source.stored


def test_rows_without_a_timestamp_hide_none_at_the_first_load() -> None:
    pair = pair_of(("updated_at", "created_at"))
    for key in range(12):
        put(pair, key, ())
    for key in range(100, 107):
        put(pair, key, ("created_at",), ago=key)
    pair.run()
    assert pair.sink == pair.source.stored


def test_rows_with_the_last_timestamp_alone_hide_none_with_the_one_before() -> None:
    pair = pair_of()
    for key in range(12):
        put(pair, key, ("seen_at",), ago=3600 - key)
    pair.run()
    for key in range(100, 103):
        put(pair, key, ("created_at",))
    pair.run()
    assert pair.sink == pair.source.stored


stamps = st.sets(st.sampled_from(NAMES))
steps = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 20), stamps),
    st.tuples(st.just("many"), st.integers(0, 14), stamps),
    st.tuples(st.just("advance"), st.floats(0, 5000)),
    st.tuples(st.just("run"), st.none() | st.integers(0, 5), st.integers(0, 1)),
)


def play(pair: Pair, step: tuple[object, ...]) -> None:
    match step:
        case ("put", int(key), set(stamped)) if f"{key:05}" not in pair.source.stored:
            put(pair, key, sorted(stamped))
        case ("many", int(count), set(stamped)):
            base = 100 + len(pair.source.stored)
            for key in range(base, base + count):
                put(pair, key, sorted(stamped))
        case ("advance", float(seconds)):
            pair.source.advance(seconds)
        case ("run", die_after, int(uncounted)):
            pair.source.uncounted = uncounted
            pair.run(die_after=die_after)  # type: ignore[arg-type]


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    schedule=st.lists(steps, max_size=25),
    names=st.permutations(NAMES),
    several=st.integers(1, 3),
    page_size=st.integers(1, 5),
    surveyed=st.booleans(),
)
def test_every_row_arrives_whichever_timestamps_it_has(
    schedule: list[tuple[object, ...]], names: list[str], several: int, page_size: int, *, surveyed: bool
) -> None:
    """Also where runs die and counts take too long; and a complete read leaves nothing out."""
    pair = pair_of(names[:several], page_size, SurveyedSource() if surveyed else MemorySource())
    for step in schedule:
        play(pair, step)
    pair.source.uncounted = 0
    pair.source.advance(7200)
    pair.run()
    assert pair.sink == pair.source.stored
    assert pair.state.read_at is not None


WAYS: list[tuple[Strategy, str]] = [
    (Incremental(), "incremental"),
    (Append(), "append"),
    (Snapshot(), "snapshot"),
]


@pytest.mark.parametrize(("plugin", "name"), WAYS)
@pytest.mark.parametrize("rows", [0, 3, 20])
def test_a_count_that_takes_too_long_is_no_reason_to_stop(plugin: Strategy, name: str, rows: int) -> None:
    pair = Pair(plugin, Table(name="events", strategy=name, page_size=5))
    for key in range(rows):
        pair.write(key, ago=86400)
    for _ in range(3):
        pair.source.uncounted = 1
        pair.run()
        pair.source.advance(3600)
    assert pair.sink == pair.source.stored
    assert pair.state.read_at is not None


@pytest.mark.parametrize("page", range(1, 4))
def test_a_source_that_ends_its_pages_early_is_not_read_completely(page: int) -> None:
    pair = pair_of()
    for key in range(20):
        put(pair, key, NAMES[key % 4 :][:1], ago=86400)
    pair.source.between_pages = lambda: setattr(pair.source, "lost", 99 * (pair.source.pages >= page))
    job = Job(pair.table, pair.source, pair.state, timestamps.to_text(pair.source.now))
    pieces = list(Incremental().read(job))
    read = sum(piece.batch.count for piece in pieces if piece.batch)
    assert read < 20
    assert pieces[-1].total == 20
    assert pieces[-1].state.read_at is None


def test_rows_that_are_deleted_while_others_come_are_not_missed() -> None:
    pair = pair_of(("updated_at", "created_at"))
    for key in range(20):
        put(pair, key, ("updated_at",), ago=86400)

    def meanwhile() -> None:
        if pair.source.pages == 2:
            del pair.source.stored["00015"], pair.source.stored["00016"]
            put(pair, 30, ("updated_at",))
            pair.source.between_pages = lambda: None

    pair.source.between_pages = meanwhile
    pair.run()
    assert pair.state.read_at is not None
    assert pair.sink == pair.source.stored


def test_a_slow_page_hides_no_commit_within_the_overlap() -> None:
    """It was looked up six seconds before it was answered; its last row comes from a clock that is fast."""
    table = Table(name="events", timestamp=("updated_at",), page_size=50, overlap=timedelta(seconds=6))
    pair = Pair(Incremental(), table)
    pair.source.takes = 6
    pair.write(1, ago=-5)
    pair.write(2, ago=2, late=2.8)
    pair.run()
    pair.source.advance(3600)
    pair.run()
    assert pair.sink == pair.source.stored
