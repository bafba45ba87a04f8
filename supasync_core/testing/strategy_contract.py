"""The contract of strategies."""
# ruff: noqa: S101 - a contract asserts

import json
from dataclasses import replace

import pytest

from supasync_core.api.blind_spots import unseen
from supasync_core.api.strategy import Job, Strategy
from supasync_core.model import state_json, timestamps
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.testing.memory_source import MemorySource, Pair, SurveyedSource

_HOUR = 3600
_ROWS = 40


class StrategyContract:
    """What every way of reading a table promises. Fixtures: ``plugin``, and ``table`` with the key ``id``."""

    @pytest.fixture(params=[MemorySource, SurveyedSource])
    def pair(self, plugin: Strategy, table: Table, request: pytest.FixtureRequest) -> Pair:
        """A source of forty rows that are a day old and older, with a survey or without; an empty sink.

        A page of them lasts longer than the overlap, which would make good what a state claims too early.
        """
        pair = Pair(plugin, replace(table, page_size=7), request.param())
        for key in range(_ROWS):
            pair.write(key, ago=24 * _HOUR + key * 600, created_only=key % 3 == 0)
        return pair

    def test_its_own_settings_are_no_problem(self, plugin: Strategy, table: Table) -> None:
        """The table of the fixture is one that the plugin can read."""
        assert plugin.problems(table) == []

    def test_the_keysets_hold_every_row_once(self, pair: Pair) -> None:
        """Together they are the table; none shares a row with another."""
        for row in pair.source.stored.values():
            holding = [
                keyset
                for keyset in pair.plugin.keysets(pair.table)
                if all(row[name] is None for name in keyset.nulls)
                and (keyset.column is None or row[keyset.column] is not None)
            ]
            assert len(holding) == 1

    @pytest.mark.parametrize("page_size", [1, 3, 39, 40, 41, 1000])
    def test_the_first_run_brings_every_row(self, pair: Pair, page_size: int) -> None:
        """Whatever the size of a page."""
        pair.table = replace(pair.table, page_size=page_size)
        pair.run()
        assert pair.sink == pair.source.stored

    def test_pending_is_what_a_run_would_read(self, pair: Pair) -> None:
        """Counted without reading."""
        job = Job(pair.table, pair.source, pair.state, "2026-01-01T00:00:00Z")
        assert pair.source.count(pair.table, pair.plugin.pending(job)) == _ROWS

    def test_a_run_that_died_anywhere_is_made_good(self, pair: Pair) -> None:
        """No state claims a row that was not confirmed."""
        for die_after in range(12):
            again = Pair(pair.plugin, pair.table, pair.source)
            again.run(die_after=die_after)
            again.run()
            assert again.sink == pair.source.stored

    def test_new_rows_follow(self, pair: Pair) -> None:
        """What comes later is read by the next run."""
        pair.run()
        for key in range(40, 60):
            pair.source.advance(_HOUR)
            pair.write(key)
            pair.run()
        assert pair.sink == pair.source.stored

    def test_it_names_the_kinds_that_it_cannot_see(self, plugin: Strategy, table: Table) -> None:
        """Sorted, each once; a plugin that leaves the method out claims to see everything."""
        kinds = getattr(plugin, "unseen", lambda _table: ())(table)
        assert isinstance(kinds, tuple)
        assert list(kinds) == sorted({*kinds} & {"deletes", "updates"})

    def test_an_update_follows_unless_it_is_named_as_unseen(self, pair: Pair) -> None:
        """What moves is ``updated_at`` alone: a plugin that reads by something else has to say so."""
        pair.run()
        self._settle(pair)
        pair.source.advance(_HOUR)
        for key in range(0, _ROWS, 3):
            created = pair.source.stored[str(key)]["created_at"]
            pair.source.write(
                str(key),
                stamp=pair.source.now,
                created=int(timestamps.parse(created or "")),
                commit_at=pair.source.now,
            )
        pair.source.advance(_HOUR)
        pair.run()
        assert pair.sink == pair.source.stored or "updates" in unseen(pair.plugin, pair.table)

    def test_a_transaction_that_commits_late_is_not_lost(self, pair: Pair) -> None:
        """As long as it commits within the overlap."""
        pair.run()
        pair.source.advance(_HOUR)
        pair.write(40, late=600)
        pair.source.advance(1)
        pair.write(41)
        pair.source.advance(60)
        pair.run()
        pair.source.advance(_HOUR)
        pair.run()
        assert pair.sink == pair.source.stored

    def test_rows_that_commit_in_another_order_are_not_lost(self, pair: Pair) -> None:
        """A timestamp, a key and a version are drawn when a transaction begins, and seen when it commits."""
        pair.run()
        for n in range(24):
            pair.source.advance(240)
            pair.write(_ROWS + n, late=n * 7 % 5 * 150)
            if n % 3 == 0:
                pair.run()
        self._settle(pair)
        assert pair.sink == pair.source.stored

    def test_a_row_from_the_future_hides_none(self, pair: Pair) -> None:
        """The clock of one app may be hours ahead."""
        pair.run()
        pair.write(40, ago=-10 * _HOUR)
        pair.run()
        pair.source.advance(_HOUR)
        pair.write(41)
        self._settle(pair)
        assert pair.sink == pair.source.stored

    def test_a_transaction_that_the_source_tells_of_is_waited_for(self, pair: Pair) -> None:
        """Longer than the overlap, where a survey gives the horizon."""
        if not isinstance(pair.source, SurveyedSource):
            return
        pair.run()
        pair.source.advance(_HOUR)
        pair.write(40, late=2 * _HOUR)
        for key in (41, 42):
            pair.source.advance(_HOUR / 2)
            pair.write(key)
            pair.run()
        pair.source.advance(2 * _HOUR)
        self._settle(pair)
        assert pair.sink == pair.source.stored

    @pytest.mark.parametrize("page", [1, 2, 4])
    def test_a_page_that_did_not_come_is_made_good(self, pair: Pair, page: int) -> None:
        """It looks like the end of the table, and nothing behind it may count as read."""
        first = pair.source.pages + page

        def lose() -> None:
            pair.source.lost = int(pair.source.pages + 1 == first)

        pair.source.between_pages = lose
        pair.run()
        pair.source.between_pages = lambda: None
        self._settle(pair)
        assert pair.sink == pair.source.stored

    def test_rows_behind_a_baseline_follow(self, pair: Pair) -> None:
        """A baseline is for what the sink has already, and for nothing later."""
        pair.state = pair.plugin.baseline(pair.table, timestamps.to_text(pair.source.now))
        pair.source.advance(_HOUR)
        pair.write(40)
        pair.source.advance(_HOUR)
        pair.run()
        assert "40" in pair.sink

    def test_a_table_at_rest_is_not_sent_again_for_ever(self, pair: Pair) -> None:
        """The third run sends nothing."""
        sent = []
        for _ in range(4):
            sent.append(pair.run())
            pair.source.advance(_HOUR)
        assert sent[2:] == [0, 0]

    def test_the_state_survives_being_stored(self, pair: Pair) -> None:
        """It is kept as JSON between two runs."""
        pair.run()
        kept = json.loads(json.dumps(state_json.to_json(State("somewhere", {"events": pair.state}))))
        assert state_json.from_json(kept).table("events") == pair.state

    @staticmethod
    def _settle(pair: Pair) -> None:
        """Two more runs, an hour apart."""
        for _ in range(2):
            pair.source.advance(_HOUR)
            pair.run()
