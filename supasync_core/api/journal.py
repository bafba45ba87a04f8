"""The rules of a state store as plain functions, for stores that have no server to keep them.

A journal is a list of entries, oldest first, each a JSON object with the columns of ``sync_metadata``. The
SQL that ``supasync schema sql`` prints follows the same rules inside PostgreSQL; the shipped contract holds
both to them.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

from supasync_core.api.kept_records import record_from_json, spending
from supasync_core.api.state_store import Claim, Entry, Past, Run, Spending, StateStore
from supasync_core.model import state_json, timestamps
from supasync_core.model.errors import LockedError, StateError
from supasync_core.model.state import State

Journal = list[dict[str, Any]]
Answer = Mapping[str, Any]

REOPEN = "state reopen"
"""The one command that may take the lease of a closed state."""
NO_BASELINE = "there is no baseline yet: nothing was ever synced"
_NOT_SET_UP = "run: supasync setup"


class JournalStore(StateStore):
    """A state store that is a journal: a subclass says how it is changed, one process at a time."""

    @abstractmethod
    def changing(self) -> AbstractContextManager[Journal]:
        """The journal for one process at a time; it is created if need be, and what is changed is kept.

        Nothing is kept of what was changed where the block ends with an error.
        """

    def entries(self) -> Journal:
        """The journal, empty if there is none yet; a store that can read without creating it does so here."""
        with self.changing() as entries:
            return list(entries)

    def begin(self, claim: Claim) -> Run:
        """Take the lease, as `StateStore.begin` says."""
        with self.changing() as entries:
            answer = begin(entries, claim, timestamps.now())
        return granted(answer, claim)

    def save(self, run_id: str, entry: Entry) -> bool:
        """Store state and record together."""
        with self.changing() as entries:
            return save(entries, run_id, entry, timestamps.now())

    def past(self, limit: int, since: str | None = None) -> Past:
        """What the journal holds."""
        return past(self.entries(), limit, since)


def begin(journal: Journal, claim: Claim, now: timestamps.Instant) -> Answer:
    """Grant the lease by appending a running entry to the journal, or refuse and leave it as it is."""
    newest = journal[-1] if journal else None
    stored = newest and newest["state"]
    refused = _refusal(newest, claim, now)
    if refused:
        return refused
    if newest and newest["sync_status"] == "running":
        newest.update(sync_status="interrupted", finished_at=timestamps.to_text(now))
    run_id = str(uuid4())
    journal.append(
        {
            "run_id": run_id,
            "created_at": timestamps.to_text(now),
            "sync_status": "running",
            "last_sync_timestamp": newest and newest["last_sync_timestamp"],
            "records_synced": 0,
            "error_message": None,
            "command": claim.command,
            "holder": claim.holder,
            "lease_until": timestamps.to_text(now + claim.lease * 1_000_000),
            "finished_at": None,
            "requests": 0,
            "bytes": 0,
            "details": {},
            "state": stored,
        }
    )
    return {"run": run_id, "state": stored, "now": timestamps.to_text(now)}


def save(journal: Journal, run_id: str, entry: Entry, now: timestamps.Instant) -> bool:
    """Write the entry into the running run; False, and no change, if another run has taken over."""
    newest = journal[-1] if journal else None
    if newest is None or newest["run_id"] != run_id or newest["sync_status"] != "running":
        return False
    running = entry.status == "running"
    newest.update(entry_to_json(entry))
    newest["lease_until"] = timestamps.to_text(now + entry.lease * 1_000_000) if running else None
    newest["finished_at"] = None if running else timestamps.to_text(now)
    if not running:
        _prune(journal, now - entry.retention * 86_400_000_000)
    return True


def past(journal: Journal, limit: int, since: str | None = None) -> Past:
    """The state and the newest records, newest first; what the records since then cost, oldest first."""
    stored = journal[-1]["state"] if journal and limit else None
    return Past(
        stored and state_json.from_json(stored),
        tuple(record_from_json(entry) for entry in journal[: -limit - 1 : -1]),
        () if since is None else tuple(_spendings(journal, timestamps.parse(since))),
    )


def _spendings(journal: Journal, since: timestamps.Instant) -> Iterator[Spending]:
    for entry in journal:
        if timestamps.parse(entry["created_at"]) >= since:
            details = entry["details"] if isinstance(entry["details"], dict) else {}
            yield spending(entry["created_at"], details.get("costs"), details.get("database_bytes"))


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """The entry under the column names of ``sync_metadata``; without a horizon the last one stays."""
    horizon = {"last_sync_timestamp": entry.horizon} if entry.horizon else {}
    return {
        "sync_status": entry.status,
        **horizon,
        "records_synced": entry.records,
        "error_message": entry.error,
        "requests": entry.requests,
        "bytes": entry.bytes,
        "details": dict(entry.details),
        "state": state_json.to_json(entry.state),
    }


def granted(answer: Answer, claim: Claim) -> Run:
    """The run that an answer of ``begin`` grants; raises what it refuses."""
    match answer.get("refused"):
        case None:
            stored = answer["state"]
            return Run(answer["run"], stored and state_json.from_json(stored), answer["now"])
        case "locked":
            raise LockedError(
                f"another run holds the lease: {answer['holder']}, since {answer['since']}, "
                f"until {answer['until']} unless it renews it",
                hint="wait for it to end; if that machine is gone, the lease passes on when it expires",
            )
        case "baseline":
            raise StateError(NO_BASELINE, hint=_NOT_SET_UP)
        case "closed":
            raise StateError(
                f"NEW was closed at {answer['at']}: the app writes to it, and nothing is copied over that",
                hint="if it is to take rows of OLD again after all: supasync state reopen",
            )
        case "source":
            raise _foreign(answer["source"], claim.source)
        case other:
            raise StateError(f"the state store refuses: {other}", hint="upgrade supasync on this machine")


def current(past: Past, source: str) -> State:
    """The current state; StateError without a baseline, or if it belongs to another source."""
    if past.state is None:
        raise StateError(NO_BASELINE, hint=_NOT_SET_UP)
    if past.state.source != source:
        raise _foreign(past.state.source, source)
    return past.state


def _foreign(stored: str, source: str) -> StateError:
    return StateError(
        f"this sink holds rows of {stored}, and the source is now {source}",
        hint="point tables.yaml at the right projects: cursors of one mean nothing in another",
    )


def _refusal(newest: Answer | None, claim: Claim, now: timestamps.Instant) -> Answer | None:
    stored = newest and newest["state"]
    if stored and not (isinstance(stored, dict) and {"source", "closed"} <= stored.keys()):
        raise state_json.damaged("it names no source")
    if stored and stored["source"] != claim.source:
        return {"refused": "source", "source": stored["source"]}
    if stored and stored["closed"] and claim.command != REOPEN:
        return {"refused": "closed", "at": stored["closed"]}
    if newest and newest["sync_status"] == "running" and newest["holder"] != claim.holder:
        until = newest["lease_until"]
        if timestamps.parse(until) > now:
            return {
                "refused": "locked",
                "holder": newest["holder"],
                "since": newest["created_at"],
                "until": until,
            }
    if not stored and not claim.baseline:
        return {"refused": "baseline"}
    return None


def _prune(journal: Journal, before: timestamps.Instant) -> None:
    """Keep the state in the newest entry alone, and drop entries that are older than the retention."""
    for entry in journal[:-1]:
        entry["state"] = None
    journal[:-1] = [entry for entry in journal[:-1] if timestamps.parse(entry["created_at"]) >= before]


def keeps_state(name: str, columns: Collection[str]) -> bool:
    """Whether a table of that name with these columns is a state store's own."""
    return name == "sync_metadata" and {"run_id", "sync_status", "state"} <= set(columns)
