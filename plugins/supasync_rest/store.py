"""The state and the records of all runs, in NEW's table ``sync_metadata`` behind two SQL functions."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
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
"""Of the functions in `schema.sql`; earlier ones tell none, or a smaller one."""
_OLDER = (
    "NEW's functions are those of an earlier version, and go on to work; for what is better in new ones, "
    "paste what supasync schema sql prints into NEW's SQL editor again"
)
_TIMES = ("created_at", "finished_at", "last_sync_timestamp", "since", "until", "now")

T = TypeVar("T")


class RestStore:
    """Keeps the rules of `supasync_core.api.journal` inside PostgreSQL; `schema.sql` holds them."""

    def __init__(self, context: Context, retry_policy: RetryPolicy | None = None) -> None:
        self._client = Client(context, ("GET", "POST"), retry_policy)

    def begin(self, claim: Claim) -> Run:
        """Take the lease; asked again after a lost answer, the same holder takes over its own."""
        given = {
            "holder": claim.holder,
            "source_ref": claim.source,
            "command": claim.command,
            "lease_seconds": claim.lease,
            "baseline": claim.baseline,
        }

        def granted(answer: Any) -> Run:  # noqa: ANN401 - JSON
            if not isinstance(answer, dict):
                raise StateError(f"{self._client.project}: supasync_begin gives no answer", hint=SCHEMA_HINT)
            run = journal.granted(_with_plain_times(answer), claim)
            return run if answer.get("version", 1) >= VERSION else replace(run, note=_OLDER)

        return self._call("supasync_begin", given, granted)

    def save(self, run_id: str, entry: Entry) -> bool:
        """Store state and record; ``save_id`` makes the same save known when it is sent again."""
        terms = {"lease": entry.lease, "retention": entry.retention, "save_id": str(uuid4())}
        given = {**journal.entry_to_json(entry), **terms}
        answer = self._call("supasync_save", {"run": run_id, "entry": given}, lambda answer: answer)
        if not isinstance(answer, bool):
            raise StateError(f"{self._client.project}: supasync_save gives no answer", hint=SCHEMA_HINT)
        return answer

    def past(self, limit: int, since: str | None = None) -> Past:
        """The state and the newest records; rows of older sync scripts are shown, and hold no state."""
        rows = self._rows(f"limit={limit}") if limit else []
        runs = [row for row in rows if row.is_run]
        if limit and not runs:
            runs = self._rows("run_id=not.is.null&limit=1")
        spendings = () if since is None else tuple(self._spendings(since))
        return Past(runs[0].state if runs else None, tuple(row.record for row in rows), spendings)

    def _spendings(self, since: str) -> list[Spending]:
        """A thousand records take about 400 kB, compressed some 20 kB; more come page by page."""
        found: list[Spending] = []
        behind = 0
        while True:
            path = f"/sync_metadata?select={_COSTS}&order=seq&run_id=not.is.null&created_at=gte.{since}"
            request = Request(
                method="GET",
                path=f"{path}&seq=gt.{behind}&limit={_PAGE}",
                purpose="state",
                headers={"Prefer": "count=exact"},
                state=True,
            )
            page = self._client.send(request, partial(self._spent, request, behind))
            found += page.spendings
            if page.last:
                return found
            behind = page.behind

    def now(self) -> Instant | None:
        """NEW's time at its latest answer."""
        return self._client.now()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _call(self, function: str, arguments: Mapping[str, object], read: Callable[[Any], T]) -> T:
        """What ``read`` makes of the function's answer; where it cannot, the answer is not usable."""
        request = Request(
            method="POST",
            path=f"/rpc/{function}",
            purpose="state",
            headers={"Content-Type": "application/json"},
            body=json.dumps(arguments).encode(),
            state=True,
        )
        return self._client.send(request, lambda answer: read(self._json(request, answer)))

    def _rows(self, filters: str) -> "list[_Row]":
        path = f"/sync_metadata?select={_COLUMNS}&order=seq.desc&{filters}"
        request = Request(method="GET", path=path, purpose="state", state=True)
        return self._client.send(request, lambda answer: [_row(each) for each in self._json(request, answer)])

    def _spent(self, request: Request, behind: int, answer: Response) -> "_Spent":
        """A page of what was spent, behind which the next one begins."""
        rows = self._json(request, answer)
        spent = [journal.spending(row["created_at"], row["costs"], row["sizes"]) for row in rows]
        last = not rows or len(rows) >= (answer.total or 0)
        if not last and rows[-1]["seq"] <= behind:
            raise self._client.unfit(request, "with rows before those that it was asked for", answer)
        return _Spent(spent, last, rows[-1]["seq"] if rows else behind)

    def _json(self, request: Request, answer: Response) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(answer.body)
        except ValueError as err:
            raise self._client.unfit(request, "with something that is not JSON", answer) from err


@dataclass(frozen=True, slots=True)
class _Spent:
    spendings: list[Spending]
    last: bool
    behind: int


@dataclass(frozen=True, slots=True)
class _Row:
    record: Record
    is_run: bool
    state: State | None


def _row(row: Mapping[str, Any]) -> _Row:
    """A row of the table, all of it read; what cannot be read is no row of ours."""
    is_run = bool(row["run_id"])
    stored = row["state"] if is_run else None
    return _Row(_record(row), is_run, stored and state_json.from_json(stored))


def _record(row: Mapping[str, Any]) -> Record:
    old = {"run_id": "", "command": "old"} if row["run_id"] is None else {}
    return journal.record_from_json({**_with_plain_times(row), **old})


def _with_plain_times(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Times as supasync writes them everywhere, whatever the server's time zone."""
    texts = {name: answer[name] for name in _TIMES if answer.get(name)}
    return {**answer, **{name: timestamps.to_text(timestamps.parse(text)) for name, text in texts.items()}}
