"""The state and the history of all runs: the same table and functions in NEW that the backend `rest` uses."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import sleep as wait
from typing import Any, Final, TypeVar

import psycopg

from supasync_core.api.function_store import RECORD, FunctionStore
from supasync_core.api.kept_records import spending
from supasync_core.api.registration import Context
from supasync_core.api.state_store import LEASE, Claim, Run, Spending
from supasync_core.model import timestamps
from supasync_core.model.errors import LockedError
from supasync_core.model.timestamps import Instant
from supasync_postgres.database import shared
from supasync_postgres.transaction import Statement, Transaction

_TYPES: Final = {"run": "uuid", "entry": "jsonb", "lease_seconds": "integer", "baseline": "boolean"}
"""Of the functions' arguments; all others are texts."""
_TAKEN: Final = "select pg_advisory_xact_lock(hashtextextended('public.sync_metadata: writes', 0))"
_PATIENCE: Final = 120
"""Seconds that a run waits for the write of another one, which has lost its lease, to end."""

T = TypeVar("T")


class PostgresStore(FunctionStore):
    """Calls the functions of `supasync schema sql` by SQL."""

    def __init__(self, context: Context, sleep: Callable[[float], None] = wait) -> None:
        # Of OLD it is asked once whether the two projects are swapped.
        self._database = shared(context, read_only=context.project == "OLD", sleep=sleep)
        self.project = self._database.project
        self._latest: Instant | None = None

    def begin(self, claim: Claim) -> Run:
        run = super().begin(claim)
        self._latest = timestamps.parse(run.now)
        return run

    def call(self, function: str, arguments: Mapping[str, object], read: Callable[[Any], T]) -> T:
        """The function's answer. A run that takes the lease waits for the writes of the one before."""
        given = ", ".join(f'"{name}" => %s::{_TYPES.get(name, "text")}' for name in arguments)
        texts = [json.dumps(value) if isinstance(value, dict) else str(value) for value in arguments.values()]
        text = f"SELECT to_json(public.{function}({given}))"
        statement = Statement(text, texts, "state", seconds=_PATIENCE)

        def ask(transaction: Transaction) -> Any:  # noqa: ANN401 - JSON
            if function == "supasync_begin":
                _wait_for_writes(transaction)
            return json.loads(transaction.run(statement).text())

        return read(self._database.work(ask, statement))

    def records(self, limit: int, *, runs: bool = False) -> Sequence[Mapping[str, Any]]:
        which = "where m.run_id is not null" if runs else ""
        columns = ", ".join(f"m.{name}" for name in RECORD)
        return self._rows(
            f"select {columns} from public.sync_metadata m {which} order by m.seq desc limit {limit}"  # noqa: S608 - constants
        )

    def spendings(self, since: str) -> Iterator[Spending]:
        rows = self._rows(
            "select m.created_at, m.details -> 'costs' as costs, m.details -> 'database_bytes' as sizes "
            "from public.sync_metadata m where m.run_id is not null and m.created_at >= %s order by m.seq",
            since,
        )
        for row in rows:
            yield spending(row["created_at"], row["costs"], row["sizes"])

    def now(self) -> Instant | None:
        return self._latest

    def close(self) -> None:
        self._database.close()

    def _rows(self, query: str, *values: str) -> list[dict[str, Any]]:
        text = f"SELECT coalesce(json_agg(r), '[]') FROM ({query}) r"  # noqa: S608 - constants
        found: list[dict[str, Any]] = json.loads(self._database.one(Statement(text, values, "state")).text())
        return found


def _wait_for_writes(transaction: Transaction) -> None:
    """LockedError where another run's write does not end."""
    try:
        transaction.script(_TAKEN, "state")
    except psycopg.errors.QueryCanceled:
        raise LockedError(
            "the write of another run is still open in NEW",
            hint="is that run stopped, or its machine asleep? End its process; NEW itself ends an idle write "
            f"after {LEASE // 60} minutes, unless it stopped while it sent rows",
        ) from None
