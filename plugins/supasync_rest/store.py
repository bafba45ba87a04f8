"""The state and the history of all runs, in NEW's table ``sync_metadata`` behind two SQL functions."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from supasync_core.api import journal
from supasync_core.api.registration import Context
from supasync_core.api.state_store import Claim, Entry, Past, Record, Run, Spending
from supasync_core.model import state_json, timestamps
from supasync_core.model.errors import StateError
from supasync_core.model.state import State
from supasync_core.model.timestamps import Instant
from supasync_rest.client import Client
from supasync_rest.error_mapping import SCHEMA_HINT
from supasync_rest.messages import Request, Response
from supasync_rest.retry_policy import RetryPolicy

_COLUMNS = (
    "run_id,created_at,sync_status,command,holder,finished_at,last_sync_timestamp,"
    "records_synced,error_message,requests,bytes,details,state"
)
_COSTS = "seq,created_at,costs:details->costs,sizes:details->database_bytes"
_PAGE = 1000
VERSION = 2
"""Of the functions in `schema.sql`; earlier ones return a smaller one or none."""
_OLDER = (
    "NEW's functions are those of an earlier version and still work; for what the new ones add, paste what "
    "supasync schema sql prints into NEW's SQL editor again"
)
_TIMES = ("created_at", "finished_at", "last_sync_timestamp", "since", "until", "now")

T = TypeVar("T")


class RestStore:
    """Keeps the rules of `supasync_core.api.journal` inside PostgreSQL; `schema.sql` holds them."""

    def __init__(self, context: Context, retry_policy: RetryPolicy | None = None) -> None:
        self._client = Client(context, ("GET", "POST"), retry_policy)

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
                raise StateError(f"{self._client.project}: supasync_begin gave no object", hint=SCHEMA_HINT)
            run = journal.granted(_with_plain_times(answer), claim)
            return run if answer.get("version", 1) >= VERSION else replace(run, note=_OLDER)

        return self._call("supasync_begin", arguments, granted)

    def save(self, run_id: str, entry: Entry) -> bool:
        """Store state and record; by ``save_id`` the same save is recognized when it is sent again."""
        terms = {"lease": entry.lease, "retention": entry.retention, "save_id": str(uuid4())}
        arguments = {"run": run_id, "entry": {**journal.entry_to_json(entry), **terms}}
        answer = self._call("supasync_save", arguments, lambda answer: answer)
        if not isinstance(answer, bool):
            raise StateError(f"{self._client.project}: supasync_save gave no boolean", hint=SCHEMA_HINT)
        return answer

    def past(self, limit: int, since: str | None = None) -> Past:
        """The state and the newest records; rows of older sync scripts are shown, and hold no state."""
        rows = self._rows(f"limit={limit}") if limit else []
        states = [state for record, state in rows if record.id]
        if limit and not states:
            states = [state for _, state in self._rows("run_id=not.is.null&limit=1")]
        spendings = () if since is None else tuple(self._spendings(since))
        return Past(states[0] if states else None, tuple(record for record, _ in rows), spendings)

    def _spendings(self, since: str) -> Iterator[Spending]:
        """A thousand runs take about 400 kB, compressed some 20 kB; more come page by page."""
        behind: int | None = 0
        since = quote(since, safe=":")
        while behind is not None:
            path = f"/sync_metadata?select={_COSTS}&order=seq&run_id=not.is.null&created_at=gte.{since}"
            path = f"{path}&seq=gt.{behind}&limit={_PAGE}"
            request = Request(path=path, purpose="state", headers={"Prefer": "count=exact"}, state=True)
            found, behind = self._client.send(request, partial(self._spent, request, behind))
            yield from found

    def now(self) -> Instant | None:
        return self._client.now()

    def close(self) -> None:
        self._client.close()

    def _call(self, function: str, arguments: Mapping[str, object], read: Callable[[Any], T]) -> T:
        request = Request.call(function, arguments, "state", state=True)
        return self._client.send(request, lambda answer: read(json.loads(answer.body)))

    def _rows(self, filters: str) -> list[tuple[Record, State | None]]:
        path = f"/sync_metadata?select={_COLUMNS}&order=seq.desc&{filters}"
        request = Request(path=path, purpose="state", state=True)
        return self._client.send(request, lambda answer: list(map(_row, json.loads(answer.body))))

    def _spent(self, request: Request, behind: int, answer: Response) -> tuple[list[Spending], int | None]:
        """A page of what was spent, and where the next one begins; None behind the last page."""
        rows = json.loads(answer.body)
        spent = [journal.spending(row["created_at"], row["costs"], row["sizes"]) for row in rows]
        if not rows or len(rows) >= (answer.total or 0):
            return spent, None
        if rows[-1]["seq"] <= behind:
            raise self._client.unfit(request, "with rows before those that it was asked for", answer)
        return spent, rows[-1]["seq"]


def _row(row: Mapping[str, Any]) -> tuple[Record, State | None]:
    """A row of the table, read whole, so that what cannot be read is noticed here; only a run has an id."""
    stored = row["state"] if row["run_id"] else None
    old = {"run_id": "", "command": "old"} if row["run_id"] is None else {}
    record = journal.record_from_json({**_with_plain_times(row), **old})
    return record, stored and state_json.from_json(stored)


def _with_plain_times(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Times as supasync writes them everywhere, whatever the server's time zone."""
    texts = {name: answer[name] for name in _TIMES if answer.get(name)}
    return {**answer, **{name: timestamps.to_text(timestamps.parse(text)) for name, text in texts.items()}}
