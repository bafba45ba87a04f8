"""State stores that break one promise each."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from supasync_core.api import journal
from supasync_core.api.state_store import Claim, Entry, Past, Run
from supasync_core.model.state import State
from tests.contracts.honest import Disk, HonestStore
from tests.contracts.lies import lie


def _without_tables_part(state: State, name: str, empty: object) -> State:
    tables = {each: replace(table, **{name: empty}) for each, table in state.tables.items()}  # type: ignore[arg-type]
    return replace(state, tables=tables)


@lie("test_a_state_survives")
class LosesLate(HonestStore):
    """One field of a table's state is not stored."""

    def save(self, run_id: str, entry: Entry) -> bool:
        return super().save(run_id, replace(entry, state=_without_tables_part(entry.state, "late", None)))


@lie("test_a_state_survives")
class LosesQuarantine(HonestStore):
    """Which rows are quarantined is not stored."""

    def save(self, run_id: str, entry: Entry) -> bool:
        return super().save(run_id, replace(entry, state=replace(entry.state, quarantine={})))


@lie("test_a_state_survives")
class CutsLongStates(HonestStore):
    """A state has at most 65,535 characters: more is not stored."""

    def save(self, run_id: str, entry: Entry) -> bool:
        long = len(json.dumps(journal.entry_to_json(entry)["state"])) > 65_535
        return super().save(
            run_id, replace(entry, state=replace(entry.state, quarantine={})) if long else entry
        )


@lie("test_a_state_survives")
class ForgetsOnClose(HonestStore):
    """Closing it deletes what it holds."""

    def close(self) -> None:
        self.disk.journal = "[]"


@lie("test_a_state_survives")
class OfThisProcess(HonestStore):
    """Each one that is opened begins again."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(Disk(slept=disk.slept))


@lie("test_a_second_holder_is_refused")
class GivesTwice(HonestStore):
    """Whoever asks gets the lease."""

    def begin(self, claim: Claim) -> Run:
        return super().begin(replace(claim, holder="anybody"))


@lie("test_of_two_that_begin_at_once_one_gets_the_lease")
class LooksThenWrites(HonestStore):
    """It looks whether the lease is free, and takes it later."""

    @contextmanager
    def changing(self) -> Iterator[journal.Journal]:
        entries = json.loads(self.disk.journal)
        time.sleep(0.05)
        yield entries
        self.disk.journal = json.dumps(entries)


@lie("test_an_expired_lease_is_taken_over")
class NeverExpires(HonestStore):
    """A lease lasts for ever."""

    def now(self) -> int:
        return super().now() - round(self.disk.slept * 1_000_000)


@lie("test_a_checkpoint_renews_the_lease")
class DoesNotRenew(HonestStore):
    """A checkpoint leaves the lease as it is."""

    def save(self, run_id: str, entry: Entry) -> bool:
        return super().save(run_id, replace(entry, lease=0) if entry.status == "running" else entry)


@lie("test_a_run_that_lost_its_lease_saves_nothing")
class SavesForAnybody(HonestStore):
    """A run that lost its lease saves all the same."""

    def save(self, run_id: str, entry: Entry) -> bool:
        return super().save(json.loads(self.disk.journal)[-1]["run_id"], entry)


@lie("test_a_run_that_lost_its_lease_saves_nothing")
class SaysThatItSaved(HonestStore):
    """A run that lost its lease does not learn that."""

    def save(self, run_id: str, entry: Entry) -> bool:
        super().save(run_id, entry)
        return True


@lie("test_another_source_is_refused")
class TakesAnySource(HonestStore):
    """The cursors of one project are used for another."""

    def begin(self, claim: Claim) -> Run:
        entries = json.loads(self.disk.journal)
        state = entries[-1]["state"] if entries else None
        return super().begin(replace(claim, source=state["source"]) if state else claim)


@lie("test_without_a_baseline_a_run_is_refused")
class GuessesABaseline(HonestStore):
    """A run without a baseline begins."""

    def begin(self, claim: Claim) -> Run:
        return super().begin(replace(claim, baseline=True))


@lie("test_a_record_survives")
class LosesTheHorizon(HonestStore):
    """A record does not have the source's time."""

    def past(self, limit: int, since: str | None = None) -> Past:
        found = super().past(limit, since)
        return replace(found, records=tuple(replace(each, horizon=None) for each in found.records))


@lie("test_records_come_newest_first")
class OldestFirst(HonestStore):
    """Records come in the order in which they were written."""

    def past(self, limit: int, since: str | None = None) -> Past:
        found = super().past(limit, since)
        return replace(found, records=found.records[::-1])


@lie("test_pruning_keeps_the_state")
class NeverPrunes(HonestStore):
    """Records are kept for ever."""

    def save(self, run_id: str, entry: Entry) -> bool:
        return super().save(run_id, replace(entry, retention=9000))
