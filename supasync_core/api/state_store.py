"""The contract of a state store: it keeps the state and the records of runs beside the sink."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from supasync_core.model.report import RunStatus
from supasync_core.model.state import State

RecordStatus = RunStatus | Literal["running", "baseline", "reset", "retried", "dropped", "closed", "reopened"]
"""How a run ended, that it is under way, or which command wrote the record."""
LEASE = 600
"""Seconds for which a run holds the sink without a sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who wants to write to the sink: ``holder`` names this installation, ``source`` where rows come from.

    ``lease`` is in seconds. ``baseline`` allows a run without a state.
    """

    holder: str
    source: str
    command: str
    lease: int = LEASE
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A lease that was granted: its id, the state (None before the baseline), the store's time.

    ``note`` is what a person should do about the store; the run continues.
    """

    id: str
    state: State | None
    now: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a run writes: ``status`` is running for a checkpoint, which renews the lease; else it releases it.

    ``horizon`` is the source's time up to which it was read. ``retention`` is in days. ``details`` holds
    counts per table and the ledger.
    """

    status: RecordStatus
    state: State
    horizon: str | None = None
    records: int = 0
    error: str | None = None
    requests: int = 0
    bytes: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    lease: int = LEASE
    retention: int = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run as the store recorded it; times are ISO texts of the store's clock."""

    id: str
    created_at: str
    status: str
    command: str = "sync"
    holder: str | None = None
    finished_at: str | None = None
    horizon: str | None = None
    records: int = 0
    error: str | None = None
    requests: int = 0
    bytes: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spending:
    """What one record says of cost: the ledger's JSON, and the database sizes by project, as far as known.

    ``created_at`` is an ISO text of the store's clock.
    """

    created_at: str
    costs: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Past:
    """What the store holds: the state (None before the baseline), the newest records first, and costs."""

    state: State | None
    records: tuple[Record, ...]
    spendings: tuple[Spending, ...] = ()


class StateStore(Protocol):
    """Keeps the state and the records with the sink, for one writer at a time."""

    def begin(self, claim: Claim) -> Run:
        """Take the lease, or take it over from the same holder or after its expiry.

        LockedError while another holder has it. StateError if the store is not set up, if there is no
        baseline and the claim brings none, or if the state belongs to another source.
        """
        ...

    def save(self, run_id: str, entry: Entry) -> bool:
        """Store state and record in one transaction; False if the run no longer holds the lease."""
        ...

    def past(self, limit: int, since: str | None = None) -> Past:
        """The state and the newest ``limit`` records, without taking the lease. StateError as in begin.

        With a time ``since``, also what every record from then on cost, oldest first, and nothing else of
        them: every run that keeps to budgets asks for a month. With ``limit`` 0 neither the state nor a
        record is fetched.
        """
        ...

    def close(self) -> None:
        """Close connections and files. A store that holds none inherits this."""
        return
