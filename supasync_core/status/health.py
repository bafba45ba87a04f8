"""What the records of the last runs mean, in which of four phases a migration stands, and what is next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from supasync_core.api.blind_spots import UPDATES, compared_at, is_covered
from supasync_core.api.state_store import Past, Record
from supasync_core.model import timestamps
from supasync_core.model.budget import Share
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.project.present import TOLERANCE

_SHOWN = 10
KEPT_OUT = "some rows of OLD cannot be written to NEW until you act: see below"
_AHEAD = "a run noted a time in the future: a clock was wrong; the next run that succeeds puts it right"
PHASES = ("preparation", "continuous sync", "OLD at its limit", "after the switch")
_GAP = (
    "copy the last changes by hand, without OLD's API (its dashboard still works):",
    "  supasync gap sql --out queries         # the queries to run in OLD's SQL editor",
    "  supasync gap import export --dry-run   # check the exported files",
    "  supasync gap import export             # import them into NEW",
    "  supasync cutover --plan                # what the switch needs",
)
_FIRST = {
    "quota": "OLD is over its quota: wait until it is raised or renewed, then supasync sync continues; or",
    "paused": "OLD and its database are paused: restore it in the dashboard, then run supasync sync; or",
    "unreachable": "OLD cannot be reached: fix the network or url:, or restore the project; or",
}

_BY_DATABASE = (
    "  supasync gap transfer                  # its database still answers, by OLD_DATABASE_URL; or"
)
_GET_DATABASE = (
    "write OLD_DATABASE_URL=postgresql://... into .env (OLD's dashboard: Connect -> Session pooler), then:",
)


@dataclass(frozen=True, slots=True)
class TableLag:
    """How far a table lies behind: the source's time of its last complete read, and how long ago that is.

    ``ahead`` rows were stamped later than that: by a wrong clock, or on purpose. ``deletions`` rows were
    found to be deleted in the source and are in the sink still, the first of them by key. ``unseen`` are the
    kinds of changes that reading does not see; ``compared_at`` is when all values were compared last.
    ``blind``: updates may be missing for longer than that is ago. ``comparing`` says of a comparison under
    way how many rows it has met, and of about how many, 0 where nobody knows; ``loading`` says the same of a
    read by key that has not come to its end. ``own`` is what the table's strategy keeps for
    itself.
    """

    name: str
    read_at: str | None
    lag: timedelta | None
    ahead: int = 0
    deletions: int = 0
    deleted: tuple[tuple[str, ...], ...] = ()
    unseen: tuple[str, ...] = ()
    compared_at: str | None = None
    blind: bool = False
    comparing: tuple[int, int] | None = None
    loading: tuple[int, int] | None = None
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The verdict in a sentence and what it rests on; ``age`` is that of the last success, ``at``."""

    verdict: str
    healthy: bool
    age: timedelta | None
    at: str | None
    rate: float | None
    rated: int
    requests: int
    bytes: int
    tables: tuple[TableLag, ...]
    set_aside: int
    kept_out: Mapping[str, int]
    """By table the rows that are quarantined because the sink has a row which the source does not have."""
    runs: tuple[Record, ...]


def judge(
    past: Past, tables: Iterable[tuple[Table, tuple[str, ...]]], interval: timedelta, now: timestamps.Instant
) -> Health:
    """Judge the records at the time ``now``; healthy is a last success younger than two intervals.

    ``tables`` come each with the kinds of changes that reading it does not see.
    """
    syncs = [record for record in past.records if record.command == "sync" and record.status != "running"]
    good = [record for record in syncs if record.status == "success"]
    last = past.state.last_success if past.state else None
    ahead = last is not None and timestamps.parse(last) > now + TOLERANCE
    age = None if ahead else _since(last, now)
    shown = past.records[:_SHOWN]
    kept_out = past.state.kept_out() if past.state else {}
    healthy = age is not None and age <= 2 * interval
    return Health(
        verdict=_AHEAD
        if ahead
        else _verdict(past, syncs[0].status if syncs else None, age, interval, healthy=healthy),
        healthy=healthy,
        age=age,
        at=None if age is None else last,
        rate=len(good) / len(syncs) if syncs else None,
        rated=len(syncs),
        requests=sum(record.requests for record in shown),
        bytes=sum(record.bytes for record in shown),
        tables=tuple(_lag(past, table, unseen, now) for table, unseen in tables),
        kept_out=kept_out,
        set_aside=sum(past.state.quarantined().values()) if past.state else 0,
        runs=shown,
    )


def _verdict(
    past: Past, last_sync: str | None, age: timedelta | None, interval: timedelta, *, healthy: bool
) -> str:
    if past.state is None:
        return "not set up: run supasync setup"
    if age is None:
        return "no run has succeeded yet"
    if healthy and last_sync in (None, "success"):  # without a sync, another command has succeeded
        return KEPT_OUT if past.state.kept_out() else "good"
    if healthy:
        return "the last sync did not succeed; the last success is recent enough"
    return f"no success for {int(age / interval)} intervals: see the errors below, then run supasync sync"


def _lag(past: Past, table: Table, unseen: tuple[str, ...], now: timestamps.Instant) -> TableLag:
    state = past.state.table(table.name) if past.state else TableState()
    lag = _since(state.read_at, now)
    walk, load = state.comparison, state.backfill
    return TableLag(
        table.name,
        state.read_at,
        lag,
        state.future_rows,
        state.deletes.rows or len(state.deletes.held),
        state.deletes.keys or state.deletes.held,
        unseen,
        compared_at(state),
        blind=UPDATES in unseen and not is_covered(table, state, now),
        comparing=(walk.met, walk.rows) if walk and walk.began_at else None,
        loading=(load.rows, load.total) if load else None,
        own=state.own,
    )


def _since(text: str | None, now: timestamps.Instant) -> timedelta | None:
    if text is None:
        return None
    return max(timedelta(0), timestamps.between(timestamps.parse(text), now))


@dataclass(frozen=True, slots=True)
class Phase:
    """The phase's number, from 1 to 4, its name, and the next step in lines."""

    number: int
    next: tuple[str, ...]

    @property
    def name(self) -> str:
        """One of the four names."""
        return PHASES[self.number - 1]


def phase(
    past: Past, shares: Sequence[Share], age: timedelta | None, stale_after: timedelta, *, connected: bool
) -> Phase:
    """What the state, the newest sync and the budgets tell; ``age`` is that of the last success.

    ``connected``: OLD has a connection string, by which a restricted project still answers.
    """
    if past.state is None:
        return Phase(1, ("supasync setup",))
    if past.state.closed:
        return Phase(4, ("when everything works: supasync schema sql --uninstall, then delete OLD",))
    old = _old_ended(past.records)
    lasting = age is None or age > stale_after
    if old in ("quota", "paused") or (old == "unreachable" and lasting):
        database = (*(() if connected else _GET_DATABASE), _BY_DATABASE) if old == "quota" else ()
        return Phase(3, (_FIRST[old], *database, *_GAP))
    if past.state.last_success is None:
        return Phase(1, ("supasync sync  # the first load; run it again until every table is complete",))
    warned = [share.sentence for share in shares if share.warns]
    if warned:
        return Phase(2, (*warned, "rehearse the next phase: supasync gap sql, supasync cutover --plan"))
    return Phase(2, ("run supasync sync hourly: supasync schedule prints the job for it",))


def _old_ended(records: Sequence[Record]) -> str | None:
    """Why OLD ended the newest sync, where it did."""
    newest = next((each for each in records if each.command == "sync" and each.status != "running"), None)
    ended = newest.details.get("ended") if newest else None
    if not isinstance(ended, dict) or ended.get("project") != "OLD":
        return None
    reason = ended.get("reason")
    return reason if isinstance(reason, str) else None
