"""Where a migration stands: one of the four phases, and what is to be done next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from supasync_core.api.state_store import Past, Record
from supasync_core.model.budget import Share

PHASES = ("preparation", "continuous sync", "OLD at its limit", "after the switch")
_GAP = (
    "carry the last gap over by hand, without OLD's API (its dashboard still works):",
    "  supasync gap sql --out queries         # the queries to run in OLD's SQL editor",
    "  supasync gap import export --dry-run   # the files that come of it, checked",
    "  supasync gap import export             # then into NEW",
    "  supasync cutover --plan                # and what the switch takes",
)
_FIRST = {
    "quota": "OLD is over its quota: wait until it is raised or renewed, then supasync sync goes on; or",
    "paused": "OLD is paused: restore it in the dashboard, then supasync sync goes on; or",
    "unreachable": "OLD cannot be reached: fix the network or url:, or restore the project; or",
}


@dataclass(frozen=True, slots=True)
class Phase:
    """The phase's number, from 1 to 4, its name, and the next step in lines."""

    number: int
    next: tuple[str, ...]

    @property
    def name(self) -> str:
        """One of the four names."""
        return PHASES[self.number - 1]


def phase(past: Past, shares: Sequence[Share], age: timedelta | None, stale_after: timedelta) -> Phase:
    """What the state, the newest sync and the budgets tell; ``age`` is that of the last success."""
    if past.state is None:
        return Phase(1, ("supasync setup",))
    if past.state.closed:
        return Phase(4, ("when everything works: supasync schema sql --uninstall, then delete OLD",))
    old = _old_ended(past.records)
    lasting = age is None or age > stale_after
    if old in ("quota", "paused") or (old == "unreachable" and lasting):
        return Phase(3, (_FIRST[old], *_GAP))
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
