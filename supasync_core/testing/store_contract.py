"""What every state store promises, as tests."""

# ruff: noqa: S101, D102 - these are tests, though they are shipped: a name says what is tested

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from supasync_core.api.state_store import Claim, Entry, RecordStatus, StateStore
from supasync_core.model import state_json, timestamps
from supasync_core.model.errors import LockedError, StateError
from supasync_core.model.state import State, TableState
from supasync_core.testing.sample_state import LARGE, SAMPLE


class StateStoreContract:
    """What every state store promises. ``opened`` opens the same store again; it is empty at first."""

    @pytest.fixture
    def opened(self) -> Callable[[], StateStore]:
        raise NotImplementedError

    @pytest.fixture
    def store(self, opened: Callable[[], StateStore]) -> StateStore:
        """The store with a baseline."""
        store = opened()
        _baseline(store)
        return store

    def test_nothing_is_stored_at_first(self, opened: Callable[[], StateStore]) -> None:
        past = opened().past(5)
        assert (past.state, past.records) == (None, ())

    def test_without_a_baseline_a_run_is_refused(self, opened: Callable[[], StateStore]) -> None:
        """A cursor is never guessed."""
        with pytest.raises(StateError, match="baseline"):
            opened().begin(_claim())

    def test_a_state_survives(self, opened: Callable[[], StateStore]) -> None:
        """What one process saved is what the next one begins with."""
        store = opened()
        _baseline(store)
        store.close()
        assert opened().past(1).state == SAMPLE
        store = opened()
        run = store.begin(_claim())
        assert run.state == SAMPLE
        assert store.save(run.id, replace(_entry("success"), state=LARGE))
        store.close()
        assert opened().past(1).state == LARGE

    def test_costs_are_listed_since_a_time(self, opened: Callable[[], StateStore], store: StateStore) -> None:
        """Oldest first, with the sizes, and nothing from before that time."""
        costs = {"OLD": {"read": {"requests": 5, "sent": 1, "received": 2**40}}}
        for number in (1, 2):
            run = store.begin(_claim())
            details = {"costs": costs, "database_bytes": {"OLD": number}, "tables": {"events": {}}}
            assert store.save(run.id, replace(_entry("success"), details=details))
        past = opened().past(0, "2000-01-01T00:00:00Z")
        assert (past.state, past.records) == (None, ())
        baseline, first, second = past.spendings
        assert (baseline.costs, baseline.sizes) == ({}, {})
        assert first.costs == second.costs == costs
        assert [first.sizes, second.sizes] == [{"OLD": 1}, {"OLD": 2}]
        assert baseline.created_at <= first.created_at <= second.created_at
        assert opened().past(2, "2999-01-01T00:00:00Z") == opened().past(2)
        both = opened().past(1, first.created_at)
        assert (both.state, len(both.records), both.spendings) == (SAMPLE, 1, past.spendings[1:])

    def test_a_record_survives(self, opened: Callable[[], StateStore], store: StateStore) -> None:
        """With its counts, its error and its details."""
        run = store.begin(_claim(command="sync --full"))
        entry = replace(
            _entry("partial"), records=7, error="a: b", requests=3, bytes=2**40, details={"events": {"n": 1}}
        )
        assert store.save(run.id, entry)
        record = opened().past(1).records[0]
        assert (record.id, record.status, record.command, record.holder) == (
            run.id,
            "partial",
            "sync --full",
            "one",
        )
        assert (record.records, record.error, record.requests, record.bytes) == (7, "a: b", 3, 2**40)
        assert record.details == {"events": {"n": 1}}
        assert record.finished_at is not None
        assert record.horizon is not None
        assert timestamps.parse(record.horizon) == timestamps.parse("2024-05-01T12:01:00Z")

    def test_records_come_newest_first(self, store: StateStore) -> None:
        for status in ("success", "failed"):
            store.save(store.begin(_claim()).id, _entry(status))
        assert [record.status for record in store.past(2).records] == ["failed", "success"]
        assert [record.status for record in store.past(9).records] == ["failed", "success", "baseline"]

    def test_the_horizon_stays_where_a_run_has_none(self, store: StateStore) -> None:
        """A failed run takes nothing back."""
        horizon = store.past(1).records[0].horizon
        store.save(store.begin(_claim()).id, replace(_entry("failed"), horizon=None))
        assert store.past(1).records[0].horizon == horizon is not None

    def test_a_second_holder_is_refused(self, opened: Callable[[], StateStore]) -> None:
        """The message names the first one."""
        _baseline(opened())
        opened().begin(_claim(lease=60))
        with pytest.raises(LockedError, match="one"):
            opened().begin(_claim("two"))

    def test_of_two_that_begin_at_once_one_gets_the_lease(self, opened: Callable[[], StateStore]) -> None:
        """Whoever looks first and writes later gives it twice."""
        _baseline(opened())
        stores = [opened(), opened()]
        together = Barrier(len(stores))

        def begin(number: int) -> str | None:
            together.wait(timeout=60)
            try:
                return stores[number].begin(_claim(f"holder {number}")).id
            except LockedError:
                return None

        with ThreadPoolExecutor(len(stores)) as pool:
            for _ in range(3):
                granted = list(pool.map(begin, range(len(stores))))
                assert granted.count(None) >= 1
                for store, run in zip(stores, granted, strict=True):
                    assert run is None or store.save(run, _entry("success"))

    def test_the_same_holder_takes_over(self, opened: Callable[[], StateStore]) -> None:
        """Its machine has rebooted in the middle of a run; that run is recorded as interrupted."""
        _baseline(opened())
        store = opened()
        first = store.begin(_claim(lease=60))
        second = opened().begin(_claim(lease=60))
        assert first.id != second.id
        assert [record.status for record in store.past(2).records] == ["running", "interrupted"]

    def test_an_expired_lease_is_taken_over(self, opened: Callable[[], StateStore]) -> None:
        """A machine that died holds up the others for one lease."""
        _baseline(opened())
        opened().begin(_claim(lease=1))
        time.sleep(1.05)
        assert opened().begin(_claim("two")).state == SAMPLE

    def test_a_checkpoint_renews_the_lease(self, opened: Callable[[], StateStore], store: StateStore) -> None:
        """A long run shows that it is alive."""
        run = store.begin(_claim(lease=1))
        assert store.save(run.id, replace(_entry("running"), lease=60))
        time.sleep(1.05)
        with pytest.raises(LockedError):
            opened().begin(_claim("two"))

    def test_the_last_save_releases_the_lease(self, store: StateStore) -> None:
        ends: list[RecordStatus] = ["failed", "success", "interrupted"]
        for number, status in enumerate(ends):
            run = store.begin(_claim(f"holder {number}", lease=60))
            assert store.save(run.id, _entry(status))

    def test_a_run_that_lost_its_lease_saves_nothing(
        self, opened: Callable[[], StateStore], store: StateStore
    ) -> None:
        """It learns that, and must stop."""
        first = store.begin(_claim(lease=60))
        second = opened().begin(_claim(lease=60))
        changed = State(SAMPLE.source, {"events": TableState(read_at="2030-01-01T00:00:00Z")})
        assert store.save(first.id, replace(_entry("success"), state=changed)) is False
        past = store.past(1)
        assert (past.state, past.records[0].id, past.records[0].status) == (SAMPLE, second.id, "running")

    def test_a_finished_run_saves_nothing_more(self, store: StateStore) -> None:
        run = store.begin(_claim())
        assert [store.save(run.id, _entry("success")) for _ in range(2)] == [True, False]

    def test_another_source_is_refused(self, opened: Callable[[], StateStore]) -> None:
        """Cursors of one project mean nothing in another; a baseline does not change that."""
        _baseline(opened())
        for baseline in (False, True):
            with pytest.raises(StateError, match="elsewhere"):
                opened().begin(replace(_claim(), source="elsewhere", baseline=baseline))

    def test_a_closed_state_is_refused_until_it_is_reopened(self, store: StateStore) -> None:
        """After the switch nothing may be copied over what the app writes."""
        closed = replace(SAMPLE, closed="2026-01-02T00:00:00Z")
        assert store.save(store.begin(_claim()).id, replace(_entry("closed"), state=closed))
        with pytest.raises(StateError, match="closed at 2026-01-02"):
            store.begin(_claim())
        run = store.begin(replace(_claim(), command="state reopen"))
        assert store.save(run.id, _entry("reopened"))
        assert store.begin(_claim()).state == SAMPLE

    def test_a_newer_format_is_refused(
        self, opened: Callable[[], StateStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An older supasync does not misread what a newer one wrote."""
        with monkeypatch.context() as newer:
            newer.setattr(state_json, "FORMAT", state_json.FORMAT + 1)
            _baseline(opened())
        with pytest.raises(StateError, match="newer"):
            opened().begin(_claim())
        with pytest.raises(StateError, match="newer"):
            opened().past(1)

    def test_pruning_keeps_the_state(self, store: StateStore) -> None:
        """Old records go, the newest one and what the next run needs stay."""
        store.save(store.begin(_claim()).id, _entry("success"))
        store.save(store.begin(_claim()).id, replace(_entry("success"), retention=0))
        past = store.past(9)
        assert (past.state, len(past.records)) == (SAMPLE, 1)


def _claim(holder: str = "one", *, lease: int = 60, command: str = "sync") -> Claim:
    return Claim(holder=holder, source=SAMPLE.source, command=command, lease=lease)


def _entry(status: RecordStatus) -> Entry:
    return Entry(status=status, state=SAMPLE, horizon="2024-05-01T12:01:00Z")


def _baseline(store: StateStore) -> None:
    run = store.begin(replace(_claim(command="setup"), baseline=True))
    assert store.save(run.id, _entry("baseline"))
