"""A state store in NEW's table ``sync_metadata``, behind the two functions of `supasync schema sql`.

They keep the rules of `supasync_core.api.journal` inside PostgreSQL. A subclass says how they are called, so
backends that reach the same database by different ways share one state.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar
from uuid import uuid4

from supasync_core.api import journal
from supasync_core.api.kept_records import record_from_json
from supasync_core.api.state_store import Claim, Entry, Past, Record, Run, Spending, StateStore
from supasync_core.model import state_json, timestamps
from supasync_core.model.errors import StateError
from supasync_core.model.state import State

RECORD: Final = (
    "run_id",
    "created_at",
    "sync_status",
    "command",
    "holder",
    "finished_at",
    "last_sync_timestamp",
    "records_synced",
    "error_message",
    "requests",
    "bytes",
    "details",
    "state",
)
"""The columns of a record."""
VERSION: Final = 2
"""Of the functions; earlier ones return a smaller one or none."""
HINT: Final = "run: supasync schema sql, and paste what it prints into NEW's SQL editor"
_OLDER: Final = (
    "NEW's functions are those of an earlier version and still work; for what the new ones add, paste what "
    "supasync schema sql prints into NEW's SQL editor again"
)
_TIMES: Final = ("created_at", "finished_at", "last_sync_timestamp", "since", "until", "now")

T = TypeVar("T")


class FunctionStore(StateStore):
    """Keeps state and records in NEW; a subclass says how functions are called and rows are read."""

    project: str
    """The project, for messages."""

    @abstractmethod
    def call(self, function: str, arguments: Mapping[str, object], read: Callable[[Any], T]) -> T:
        """What ``read`` makes of the JSON that the function returns; StateError where it is not there."""

    @abstractmethod
    def records(self, limit: int, *, runs: bool = False) -> Sequence[Mapping[str, Any]]:
        """The newest rows of `RECORD`; ``runs`` leaves out those of older sync scripts."""

    @abstractmethod
    def spendings(self, since: str) -> Iterator[Spending]:
        """What the runs since that time cost, oldest first."""

    def begin(self, claim: Claim) -> Run:
        """Take the lease; when asked again after a lost answer, the same holder takes over its own."""
        arguments = {
            "holder": claim.holder,
            "source_ref": claim.source,
            "command": claim.command,
            "lease_seconds": claim.lease,
            "baseline": claim.baseline,
        }

        def granted(answer: Any) -> Run:  # noqa: ANN401 - JSON
            if not isinstance(answer, dict):
                raise StateError(f"{self.project}: supasync_begin gave no object", hint=HINT)
            run = journal.granted(_with_plain_times(answer), claim)
            return run if answer.get("version", 1) >= VERSION else replace(run, note=_OLDER)

        return self.call("supasync_begin", arguments, granted)

    def save(self, run_id: str, entry: Entry) -> bool:
        """Store state and record; by ``save_id`` the same save is recognized when it is sent again."""
        terms = {"lease": entry.lease, "retention": entry.retention, "save_id": str(uuid4())}
        arguments = {"run": run_id, "entry": {**journal.entry_to_json(entry), **terms}}
        answer = self.call("supasync_save", arguments, lambda answer: answer)
        if not isinstance(answer, bool):
            raise StateError(f"{self.project}: supasync_save gave no boolean", hint=HINT)
        return answer

    def past(self, limit: int, since: str | None = None) -> Past:
        """The state and the newest records; rows of older sync scripts are shown, and hold no state."""
        rows = [parsed(row) for row in self.records(limit)] if limit else []
        states = [state for record, state in rows if record.id]
        if limit and not states:
            states = [parsed(row)[1] for row in self.records(1, runs=True)]
        spendings = () if since is None else tuple(self.spendings(since))
        return Past(states[0] if states else None, tuple(record for record, _ in rows), spendings)


def parsed(row: Mapping[str, Any]) -> tuple[Record, State | None]:
    """A row of the table, read whole, so that what cannot be read is noticed here; only a run has an id."""
    stored = row["state"] if row["run_id"] else None
    old = {"run_id": "", "command": "old"} if row["run_id"] is None else {}
    record = record_from_json({**_with_plain_times(row), **old})
    return record, stored and state_json.from_json(stored)


def _with_plain_times(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Times as supasync writes them everywhere, whatever the server's time zone."""
    texts = {name: answer[name] for name in _TIMES if answer.get(name)}
    return {**answer, **{name: timestamps.to_text(timestamps.parse(text)) for name, text in texts.items()}}
