"""The state and the history of all runs, in NEW's table ``sync_metadata`` behind two SQL functions."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from supasync_core.api.function_store import RECORD, FunctionStore, parsed
from supasync_core.api.kept_records import spending
from supasync_core.api.registration import Context
from supasync_core.api.state_store import Spending
from supasync_core.model.timestamps import Instant
from supasync_rest.client import Client
from supasync_rest.messages import Request, Response
from supasync_rest.retry_policy import RetryPolicy

_COSTS = "seq,created_at,costs:details->costs,sizes:details->database_bytes"
_PAGE = 1000

T = TypeVar("T")


class RestStore(FunctionStore):
    """Calls the functions of `schema.sql`."""

    def __init__(self, context: Context, retry_policy: RetryPolicy | None = None) -> None:
        self._client = Client(context, ("GET", "POST"), retry_policy)
        self.project = self._client.project

    def call(self, function: str, arguments: Mapping[str, object], read: Callable[[Any], T]) -> T:
        request = Request.call(function, arguments, "state", state=True)
        return self._client.send(request, lambda answer: read(json.loads(answer.body)))

    def records(self, limit: int, *, runs: bool = False) -> Sequence[Mapping[str, Any]]:
        only = "run_id=not.is.null&" if runs else ""
        path = f"/sync_metadata?select={','.join(RECORD)}&order=seq.desc&{only}limit={limit}"
        return self._client.send(Request(path=path, purpose="state", state=True), _rows)

    def spendings(self, since: str) -> Iterator[Spending]:
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

    def _spent(self, request: Request, behind: int, answer: Response) -> tuple[list[Spending], int | None]:
        """A page of what was spent, and where the next one begins; None behind the last page."""
        rows = json.loads(answer.body)
        spent = [spending(row["created_at"], row["costs"], row["sizes"]) for row in rows]
        if not rows or len(rows) >= (answer.total or 0):
            return spent, None
        if rows[-1]["seq"] <= behind:
            raise self._client.unfit(request, "with rows before those that it was asked for", answer)
        return spent, rows[-1]["seq"]


def _rows(answer: Response) -> list[dict[str, Any]]:
    """The rows; one that cannot be read is noticed here, where the request is sent again."""
    rows: list[dict[str, Any]] = json.loads(answer.body)
    for row in rows:
        parsed(row)
    return rows
