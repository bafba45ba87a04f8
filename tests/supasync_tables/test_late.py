"""A run dies with a batch under way, which arrives at any time before it must have: no older row stays."""

from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.api.state_store import LEASE
from supasync_core.api.strategy import Strategy
from supasync_core.model import timestamps
from supasync_core.model.state import State, Writing
from supasync_core.model.table import Table
from supasync_core.project.lease import KILLED, taken_over
from supasync_core.testing.memory_source import SECOND, MemorySource, Pair, SurveyedSource
from supasync_tables.incremental import Incremental
from supasync_tables.snapshot import Snapshot

OVERLAP = 60
LAG = timedelta(seconds=OVERLAP)
WAYS: dict[str, tuple[Strategy, Table]] = {
    "incremental": (
        Incremental(),
        Table(name="events", timestamp=("updated_at", "created_at"), page_size=3, overlap=LAG),
    ),
    "snapshot": (Snapshot(), Table(name="events", timestamp=(), strategy="snapshot", page_size=3)),
}
WRITES = st.lists(st.tuples(st.integers(1, 9), st.integers(0, OVERLAP - 20), st.integers(0, 400)), max_size=4)
SOON = st.lists(st.tuples(st.integers(1, 9), st.integers(0, OVERLAP - 20), st.integers(0, 100)), max_size=4)
"""What happens before the batch must have arrived."""
Writes = list[tuple[int, int, int]]


class Rig(Pair):
    """Runs under the rules of a lease; one of them may die."""

    writing: Writing | None = None
    behind: int = 0
    """Seconds by which the app's clock is."""

    def write_all(self, writes: Writes) -> None:
        """Rows change, commit late, and time passes."""
        for key, late, pause in writes:
            self.write(key, ago=self.behind, late=late)
            self.source.advance(pause)

    def began(self) -> None:
        """What every run does with the state that it finds."""
        now = timestamps.to_text(self.source.now)
        state = State("somewhere", {"events": self.state}, writing=self.writing)
        self.state = taken_over(state, "here", now, ["events"]).table("events")
        self.writing = None

    def whole(self) -> None:
        """A run to its end."""
        self.began()
        known = self.state
        self.run()
        self.state = self.state.beside(known)

    def dies(self, confirmed: int) -> dict[str, dict[str, str | None]]:
        """A run that dies when so many pieces are confirmed and saved; the rows that were under way."""
        self.began()
        known, begun = self.state, self.source.now
        self.snapshot = self._look()
        since = min(begun, self.snapshot.horizon or begun) - 10 * SECOND
        self.writing = Writing("here", timestamps.to_text(since), timestamps.to_text(begun))
        job = self.snapshot.job(self.table, self.source, known, timestamps.to_text(begun))
        pieces = self.snapshot.read(self.plugin, job)
        for piece in islice(pieces, confirmed):
            if piece.batch:
                self.sink.update({str(row["id"]): dict(row) for row in piece.batch.rows})
            self.state = piece.state.beside(known)
        behind = next(pieces, None)
        batch = behind.batch if behind else None
        return {str(row["id"]): dict(row) for row in batch.rows} if batch else {}


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    first=WRITES,
    before=WRITES,
    after=SOON,
    later=SOON,
    confirmed=st.integers(0, 4),
    arrives=st.integers(0, 2),
    rest=st.sampled_from([None, 0, 3600]),
    back=st.booleans(),
    behind=st.sampled_from([0, 8 * 3600]),
)
@pytest.mark.parametrize("source", [MemorySource, SurveyedSource])
@pytest.mark.parametrize("way", WAYS)
def test_what_was_under_way_is_written_over(  # noqa: PLR0913 - a schedule
    *,
    way: str,
    source: type[MemorySource],
    first: Writes,
    before: Writes,
    after: Writes,
    later: Writes,
    confirmed: int,
    arrives: int,
    rest: int | None,
    back: bool,
    behind: int,
) -> None:
    """Without a ``rest`` between complete reads there was none: it dies during a first load."""
    plugin, table = WAYS[way]
    rig = Rig(plugin, table, source())
    rig.behind = behind
    rig.write_all([*first, (5, 0, 1)])
    if rest is not None:
        rig.whole()
        rig.source.advance(rest)
        rig.whole()
    rig.write_all([*before, (5, 0, 1)])
    was = dict(rig.source.stored)
    under_way = rig.dies(confirmed)
    rig.write_all(after)
    if back and way == "snapshot":
        rig.source.stored = rig.source.stored | was | {"5": replace_version(was["5"])}
    for number, writes in enumerate([later, []]):
        if arrives == number:
            rig.sink.update(under_way)
        rig.whole()
        rig.write_all(writes)
    if arrives == 2:
        rig.sink.update(under_way)
    rig.source.advance(KILLED.total_seconds() + LEASE + 2 * OVERLAP)
    rig.whole()
    assert rig.sink == rig.source.stored


def replace_version(row: dict[str, str | None]) -> dict[str, str | None]:
    """Another value without another time."""
    return {**row, "version": "other"}


def test_a_note_of_long_ago_holds_nothing_back() -> None:
    table = replace(Rig(*WAYS["incremental"]).state, read_at="2026-01-01T00:00:00Z")
    writing = Writing("here", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
    state = State("somewhere", {"events": table}, writing=writing)
    assert taken_over(state, "here", "2026-01-01T00:30:00Z", ["events"]).table("events").late is None
    assert taken_over(state, "there", "2026-01-01T00:30:00Z", ["events"]).table("events").late is not None
    assert taken_over(state, "there", "2026-01-02T00:30:00Z", ["events"]).table("events").late is None


def test_a_table_that_is_read_anew_is_still_held_back() -> None:
    writing = Writing("there", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
    state = taken_over(State("somewhere", writing=writing), "here", "2026-01-01T00:30:00Z", ["events"])
    assert state.without_table("events").table("events").late == state.table("events").late is not None
