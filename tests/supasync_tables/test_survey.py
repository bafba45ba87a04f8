"""With the source's survey: open transactions wait for their turn, and tables at rest cost nothing."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.api.strategy import Strategy
from supasync_core.model.table import Table
from supasync_core.sync.source_snapshot import FROZEN, SourceSnapshot
from supasync_core.testing.memory_source import MemorySource, Pair, SurveyedSource
from supasync_tables.append import Append
from supasync_tables.incremental import Incremental
from supasync_tables.snapshot import Snapshot

HOUR = 3600.0
TABLE = Table(name="events", timestamp=("updated_at", "created_at"), page_size=3, overlap=timedelta(0))
WAYS: list[tuple[Strategy, Table]] = [
    (Incremental(), TABLE),
    (Append(), replace(TABLE, strategy="append")),
    (Snapshot(), replace(TABLE, strategy="snapshot")),
]


def pair_of(plugin: Strategy | None = None, table: Table = TABLE, **options: object) -> Pair:
    return Pair(plugin or Incremental(), table, SurveyedSource(), **options)  # type: ignore[arg-type]


def late_commit(source: MemorySource) -> Pair:
    """A transaction that is open for two hours, with a newer row that is read meanwhile."""
    pair = Pair(Incremental(), TABLE, source)
    pair.write(1, late=2 * HOUR)
    pair.source.advance(60)
    pair.write(2)
    for _ in range(4):
        pair.source.advance(HOUR)
        pair.run()
    return pair


def test_a_commit_later_than_any_overlap_is_copied() -> None:
    pair = late_commit(SurveyedSource())
    assert pair.sink == pair.source.stored


def test_without_the_survey_the_same_commit_is_lost() -> None:
    pair = late_commit(MemorySource())
    assert set(pair.sink) == {"2"}


@pytest.mark.parametrize(("plugin", "table"), WAYS)
def test_a_table_at_rest_is_not_read(plugin: Strategy, table: Table) -> None:
    pair = pair_of(plugin, table)
    for key in range(20):
        pair.write(key, ago=HOUR + key, created_only=key % 3 == 0)
    pair.run()
    before = pair.source.pages
    for _ in range(5):
        pair.source.advance(HOUR)
        pair.run()
    assert pair.source.pages == before
    assert pair.state.read_at is not None
    pair.write(20)
    pair.source.advance(HOUR)
    pair.run()
    assert pair.sink == pair.source.stored


def test_rows_without_any_timestamp_are_not_read_again_for_nothing() -> None:
    pair = pair_of()
    pair.source.write("1", stamp=None, commit_at=0)
    pair.run()
    before = pair.source.pages
    pair.run()
    assert pair.source.pages == before
    pair.source.write("1", stamp=None, commit_at=1)
    pair.run()
    assert pair.sink == pair.source.stored


def test_rows_that_were_deleted_are_named_once() -> None:
    pair = pair_of()
    for key in range(9):
        pair.write(key, ago=key)
    pair.source.advance(HOUR)
    pair.run()
    del pair.source.stored["3"], pair.source.stored["4"]
    pair.run()
    [note] = pair.snapshot.notes()
    assert note.startswith("events: OLD has 2 rows fewer")
    pair.run()
    assert pair.snapshot.notes() == []


@pytest.mark.parametrize(
    ("change", "told"),
    [("insert", "1 row more, none of them newer"), ("update", "updates that moved no timestamp")],
)
def test_changes_that_move_no_timestamp_are_named(change: str, told: str) -> None:
    pair = pair_of()
    for key in range(9):
        pair.write(key, ago=key)
    for _ in range(3):
        pair.source.advance(HOUR)
        pair.run()
        pair.write(100)
    pair.source.advance(HOUR)
    pair.run()
    pair.source.advance(HOUR)
    if change == "insert":
        pair.write(50, ago=100 * HOUR)
    else:
        pair.source.stored["5"] = {**pair.source.stored["5"], "version": "another"}
    pair.state = replace(
        pair.state, keysets={n: replace(k, settled=True) for n, k in pair.state.keysets.items()}
    )
    pair.run()
    [note] = pair.snapshot.notes()
    assert told in note


def test_a_frozen_horizon_is_said_and_given_up_after_a_while() -> None:
    pair = pair_of()
    pair.write(0)
    pair.run()
    pair.write(1, late=100 * HOUR)
    read = []
    for hour in range(10):
        pair.source.advance(HOUR)
        pair.write(10 + hour)
        read.append(pair.run())
        assert any("has been open for" in note for note in pair.snapshot.notes())
    assert read[:6] == [2, 3, 4, 5, 6, 7]
    assert read[8:] == [2, 2]
    assert "may be missed" in pair.snapshot.notes()[0]
    assert timedelta(hours=9) > FROZEN


def test_no_piece_says_that_the_table_was_read_to_its_end() -> None:
    """Something may still fail behind the last one: the references of rows that refer to each other."""
    pair = pair_of()
    pair.write(1)
    snapshot = SourceSnapshot(pair.source.survey([(TABLE, ["updated_at"])]))  # type: ignore[attr-defined]
    job = snapshot.job(TABLE, pair.source, pair.state, "2026-01-01T00:00:00Z")
    pieces = list(snapshot.read(pair.plugin, job))
    assert [piece.state.extent for piece in pieces] == [None]
    assert snapshot.completed(TABLE, pieces[-1].state).extent == job.extent


def test_a_run_that_dies_claims_nothing() -> None:
    pair = pair_of()
    for key in range(30):
        pair.write(key, ago=key)
    pair.run(die_after=2)
    assert pair.state.extent is None
    pair.run()
    assert pair.state.extent is not None
    assert pair.sink == pair.source.stored


@dataclass
class Schedule:
    """An app whose transactions take up to five hours, and runs in between; rows that are held stay alone."""

    pair: Pair
    dice: random.Random
    keys: int = 0

    def insert(self) -> None:
        self.keys += 1
        late = self.dice.choice((0, 1, 30, HOUR, 5 * HOUR))
        self.pair.write(self.keys, late=late, created_only=self.dice.random() < 0.3)

    def update(self) -> None:
        for key in self._free() if self.pair.table.strategy != "append" else ():
            self.pair.write(int(key), late=self.dice.choice((0, 1, 30, 5 * HOUR)))

    def delete(self) -> None:
        for key in self._free():
            del self.pair.source.stored[key]
            self.pair.sink.pop(key, None)

    def advance(self) -> None:
        self.pair.source.advance(self.dice.choice((1, 10, 600, HOUR)))

    def run(self) -> None:
        self.pair.run()

    def die(self) -> None:
        self.pair.run(die_after=self.dice.randint(0, 3))

    def _free(self) -> list[str]:
        held = {str(row["id"]) for _, row in self.pair.source.open}
        free = sorted(set(self.pair.source.stored) - held)
        return self.dice.sample(free, min(1, len(free)))


@pytest.mark.slow
@pytest.mark.parametrize(("plugin", "table"), WAYS)
@settings(max_examples=80, deadline=None)
@given(dice=st.randoms(use_true_random=False))
def test_no_row_is_lost_however_long_transactions_take(
    plugin: Strategy, table: Table, dice: random.Random
) -> None:
    """Without any overlap: every row is stamped when its transaction begins."""
    pair = pair_of(plugin, table)
    app = Schedule(pair, dice)
    for _ in range(40):
        dice.choice(
            (app.insert, app.insert, app.update, app.advance, app.run, app.run, app.die, app.delete)
        )()
    pair.source.advance(6 * HOUR)
    pair.run()
    assert {key: pair.sink.get(key) for key in pair.source.stored} == pair.source.stored


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(dice=st.randoms(use_true_random=False))
def test_app_clocks_that_are_wrong_are_covered_by_the_overlap(dice: random.Random) -> None:
    """Stamped by an app whose clock is hours off, committed within the overlap of that moment."""
    pair = pair_of(table=replace(TABLE, overlap=timedelta(minutes=15)))
    skew = dice.choice((0, -8 * HOUR, 8 * HOUR, 300))
    for key in range(60):
        match dice.choice(("write", "advance", "run", "run")):
            case "write":
                late = dice.choice((0, 5, 600, 840))
                pair.write(key, ago=skew, late=late, created_only=dice.random() < 0.3)
            case "advance":
                pair.source.advance(dice.choice((1, 60, 880, HOUR)))
            case _:
                pair.run()
    pair.source.advance(2 * HOUR)
    pair.run()
    assert pair.sink == pair.source.stored
