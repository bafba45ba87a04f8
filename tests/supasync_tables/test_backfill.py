"""A first load by key: interrupted, resumed and raced, it loses nothing; what its requests cost."""

import json
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.api.strategy import Readers
from supasync_core.model import state_json, timestamps
from supasync_core.model.batch import Batch, Cursor, Window
from supasync_core.model.errors import SchemaError, TransientError
from supasync_core.model.state import KeysetState, State, TableState
from supasync_core.model.table import Shape, Table
from supasync_core.testing.memory_source import MemorySource, Pair, SurveyedSource
from supasync_tables import key_ranges
from supasync_tables.incremental import Incremental

OVERLAP = 60
TABLE = Table(
    name="events",
    timestamp=("updated_at", "created_at"),
    page_size=3,
    overlap=timedelta(seconds=OVERLAP),
)


class Watched(MemorySource):
    """Notes the windows that are read."""

    windows: list[Window]

    def read(self, table: Table, window: Window) -> Batch:
        self.__dict__.setdefault("windows", []).append(window)
        return super().read(table, window)


def pair_of(rows: int = 0, source: MemorySource | None = None) -> Pair:
    pair = Pair(Incremental(), TABLE, source or Watched())
    for key in range(rows):
        pair.write(key, ago=86_400 - 1000 * key)
    return pair


def by_key(pair: Pair) -> list[str | None]:
    """Where the pages began that were read in the order of the key."""
    assert isinstance(pair.source, Watched)
    spans = [window.spans[0] for window in pair.source.windows]
    return [span.after.key[0] if span.after else None for span in spans if span.keyset.column is None]


def test_a_first_load_of_several_pages_is_read_by_key_then_by_timestamp() -> None:
    pair = pair_of(8)
    pair.run()
    assert pair.sink == pair.source.stored
    assert by_key(pair) == [None, "2", "5", "7"]
    assert pair.source.pages == 5, "one more looks for what changed meanwhile"
    cursor = pair.state.keyset("updated_at").cursor
    assert cursor == Cursor(pair.source.stored["7"]["updated_at"])
    assert pair.state.backfill is None


def test_a_run_goes_on_behind_the_last_confirmed_key_and_knows_how_far_it_is() -> None:
    pair = pair_of(12)
    pair.run(die_after=2)
    known = pair.state.backfill
    assert known is not None
    assert (known.rows, known.total, pair.state.keysets) == (6, 12, {})
    pair.source.windows = []  # type: ignore[attr-defined]
    pair.run()
    assert by_key(pair)[0] == known.behind[0]
    assert pair.sink == pair.source.stored


def test_the_position_survives_being_stored() -> None:
    pair = pair_of(12)
    pair.run(die_after=2)
    kept = json.loads(json.dumps(state_json.to_json(State("somewhere", {"events": pair.state}))))
    assert state_json.from_json(kept).table("events") == pair.state
    del kept["tables"]["events"]["backfill"]
    assert state_json.from_json(kept).table("events").backfill is None, "as earlier versions stored it"


def test_a_first_load_by_timestamp_of_an_earlier_version_goes_on_as_it_began() -> None:
    pair = pair_of(12)
    cursor = pair.table.place(pair.source.stored["5"], "updated_at")
    at = timestamps.to_text(pair.source.now)
    pair.state = TableState(keysets={"updated_at": KeysetState(cursor, moved_at=at)})
    pair.run()
    assert by_key(pair) == [None], "the rows without any timestamp alone"
    assert set(pair.sink) == {"5", "6", "7", "8", "9", "10", "11"}


def test_what_changes_while_keys_are_read_is_there_at_the_end_of_the_run() -> None:
    pair = pair_of(9)

    def meanwhile() -> None:
        if pair.source.pages == 2:
            pair.write(0)
            pair.source.write("05", stamp=None, created=pair.source.now, commit_at=pair.source.now)
            pair.source.between_pages = lambda: None

    pair.source.between_pages = meanwhile
    pair.run()
    assert pair.sink == pair.source.stored


def test_a_row_that_a_slow_clock_stamps_behind_the_key_is_read_by_the_next_run() -> None:
    """Its transaction was open when the first page was read; the app's clock is eight hours behind."""
    pair = Pair(Incremental(), TABLE)
    slow = 8 * 3600
    for key in range(1, 9):
        pair.write(key, ago=slow)
        pair.source.advance(1)
    pair.write(0, ago=slow, late=OVERLAP - 10)

    def meanwhile() -> None:
        if pair.source.pages == 1:
            pair.source.advance(7200)
            pair.write(8, ago=slow)
            pair.source.between_pages = lambda: None

    pair.source.between_pages = meanwhile
    pair.run()
    assert "0" not in pair.sink
    pair.source.advance(3600)
    pair.run()
    assert pair.sink == pair.source.stored


def test_a_table_that_is_emptied_while_its_backfill_is_stopped_is_complete() -> None:
    pair = pair_of(12)
    pair.run(die_after=2)
    pair.source.stored = {}
    pair.source.advance(3600)
    pair.run()
    assert pair.state.backfill is None
    assert pair.state.read_at is not None


def test_rows_that_are_all_from_the_future_are_read_once_and_counted() -> None:
    pair = pair_of()
    for key in range(7):
        pair.write(key, ago=-365 * 86_400)
    assert pair.run() == 7
    assert pair.state.future_rows == 7


def test_texts_of_two_forms_are_found_though_no_page_holds_both() -> None:
    pair = pair_of(6)
    for key in range(3, 6):
        text = pair.source.stored[str(key)]["updated_at"] or ""
        pair.source.stored[str(key)]["updated_at"] = text.replace("T", " ")
    with pytest.raises(SchemaError, match="as texts, these do not sort by time"):
        pair.run()
    pair.source.shape = lambda _table: Shape(texts=True)  # type: ignore[assignment,method-assign]
    pair.run()
    assert pair.sink == pair.source.stored


def test_rows_without_the_timestamp_are_not_taken_for_rows_without_a_value() -> None:
    pair = pair_of(3)
    read = pair.source.read

    def without(table: Table, window: Window) -> Batch:
        page = read(table, window)
        rows = [{k: v for k, v in row.items() if k != "created_at"} for row in page.rows]
        return replace(page, body=json.dumps(rows).encode())

    pair.source.read = without  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="lack requested columns"):
        pair.run()


KEYS = ("0", "1", "2", "4", "40", "5", "6", "7", "70", "8", "9")
steps = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(KEYS), st.floats(0, OVERLAP - 30), st.integers(0, 2)),
    st.tuples(st.just("rename"), st.sampled_from(KEYS), st.sampled_from(KEYS)),
    st.tuples(st.just("delete"), st.sampled_from(KEYS)),
    st.tuples(st.just("advance"), st.floats(0, 300)),
    st.tuples(st.just("slow"), st.floats(0, 20)),
)
Step = tuple[object, ...]
OLD_ROWS: list[Step] = [("old", key, 86_400 * (i * 7 % 11 + 1)) for i, key in enumerate(KEYS)]
"""Rows that no read by timestamp would find behind those that come later."""


def play(pair: Pair, step: Step, behind: int) -> None:
    """One thing that the app does, or time that passes."""
    source, at = pair.source, pair.source.now - behind * 1_000_000
    match step:
        case ("write", str(key), float(late), int(kind)):
            known = source.stored.get(key, {}).get("updated_at")
            stamp = at if kind == 0 or known else None
            created = at if kind == 1 else None
            source.write(key, stamp=stamp, created=created, commit_at=source.now + round(late * 1_000_000))
        case ("old", str(key), int(ago)):
            source.write(key, stamp=at - ago * 1_000_000, commit_at=source.now)
        case ("rename", str(key), str(to)) if key in source.stored and key != to:
            if not any(row["id"] in (key, to) for _, row in source.open):
                source.write(to, stamp=at, commit_at=source.now)
                del source.stored[key]
        case ("delete", str(key)):
            source.stored.pop(key, None)
        case ("advance", float(seconds)):
            source.advance(seconds)
        case ("slow", float(seconds)):
            source.takes = seconds


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    before=st.lists(steps, max_size=25) | st.just(OLD_ROWS),
    runs=st.lists(st.tuples(st.integers(0, 10), st.lists(steps, max_size=6), st.integers(0, 1)), max_size=4),
    meanwhile=st.lists(steps, max_size=20),
    behind=st.sampled_from([0, 8 * 3600, -8 * 3600]),
    page_size=st.sampled_from([1, 1, 2, 3, 4]),
    surveyed=st.booleans(),
    readers=st.integers(1, 3),
    largest=st.integers(1, 2),
)
def test_a_backfill_that_is_stopped_and_raced_loses_no_row(  # noqa: PLR0913 - a schedule
    *,
    before: list[Step],
    runs: list[tuple[int, list[Step], int]],
    meanwhile: list[Step],
    behind: int,
    page_size: int,
    surveyed: bool,
    readers: int,
    largest: int,
) -> None:
    source = SurveyedSource() if surveyed else MemorySource()
    pair = Pair(Incremental(), replace(TABLE, page_size=page_size), source, readers=Readers(readers))
    with patch.multiple(key_ranges, SMALL=2, SMALLEST=1, LARGEST=largest):
        _play_runs(pair, before, runs, meanwhile, behind)
    kept = {key: row for key, row in pair.sink.items() if key in pair.source.stored}
    assert kept == pair.source.stored


def _play_runs(
    pair: Pair,
    before: list[Step],
    runs: list[tuple[int, list[Step], int]],
    meanwhile: list[Step],
    behind: int,
) -> None:
    for step in before:
        play(pair, step, behind)
    waiting = list(meanwhile)
    pair.source.between_pages = lambda: play(pair, waiting.pop(0), behind) if waiting else None
    for die_after, between, uncounted in runs:
        pair.source.uncounted = uncounted
        pair.run(die_after=die_after)
        for step in between:
            play(pair, step, behind)
    pair.source.uncounted, waiting[:] = 0, []
    pair.source.advance(4 * OVERLAP)
    pair.run()
    if pair.state.read_at is None:
        pair.run()


def slow_pair(rows: int = 40) -> Pair:
    """A table that was read to its end, and takes two seconds for each page: it is scanned."""
    pair = pair_of(rows)
    for _ in range(2):
        pair.run()
        pair.source.advance(3600)
    pair.source.takes = 2
    pair.source.windows = []  # type: ignore[attr-defined]
    return pair


def test_what_is_new_in_a_table_that_is_scanned_is_read_by_one_scan_of_the_key() -> None:
    pair = slow_pair()
    for key in range(30, 50):
        pair.write(key)
    assert pair.run() == 20
    assert pair.sink == pair.source.stored
    first, *others = pair.source.windows  # type: ignore[attr-defined]
    assert not first.by_key
    assert all(window.by_key for window in others)
    assert len(others) == 8, "seven pages, and an empty one"
    pair.source.advance(3600)
    assert pair.run() == 20, "the overlap, once more"
    pair.source.advance(3600)
    assert pair.run() == 0
    assert pair.state.read_at is not None


def test_a_page_that_holds_all_that_is_new_is_the_only_scan() -> None:
    pair = slow_pair()
    pair.write(7)
    assert pair.run() == 1
    assert len(pair.source.windows) == 1  # type: ignore[attr-defined]


def test_a_scan_that_is_stopped_goes_on_behind_its_key_with_the_same_bounds() -> None:
    pair = slow_pair()
    cursor = pair.state.keyset("updated_at")
    for key in range(20):
        pair.write(key)
    pair.run(die_after=3)
    assert pair.state.backfill is not None
    assert (pair.state.backfill.rows, pair.state.keyset("updated_at")) == (9, cursor)
    pair.source.advance(3600)
    pair.write(0)
    pair.source.advance(3600)
    pair.run()
    assert pair.sink == pair.source.stored
    assert pair.state.backfill is None


def test_a_source_that_cannot_order_by_key_what_it_filters_is_read_by_timestamp() -> None:
    pair = slow_pair()
    pair.source.orders_by_key = False
    for key in range(20):
        pair.write(key)
    assert pair.run() == 20
    assert not any(window.by_key for window in pair.source.windows)  # type: ignore[attr-defined]
    assert pair.sink == pair.source.stored


@pytest.mark.parametrize("stopped", [False, True])
def test_a_scan_whose_page_takes_too_long_is_left_for_the_order_of_the_timestamps(*, stopped: bool) -> None:
    pair = slow_pair()
    for key in range(20):
        pair.write(key)
    if stopped:
        pair.run(die_after=2)
        assert pair.state.backfill is not None
    read, scanned = pair.source.read, 0

    def starved(table: Table, window: Window) -> Batch:
        nonlocal scanned
        scanned += window.by_key
        if window.by_key and scanned > 2 - stopped:
            raise TransientError("events: made up: canceling statement due to statement timeout")
        return read(table, window)

    pair.source.read = starved  # type: ignore[method-assign]
    pair.run()
    assert pair.sink == pair.source.stored
    assert pair.state.backfill is None
    assert pair.state.read_at is not None
