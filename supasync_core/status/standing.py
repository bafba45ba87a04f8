"""Where a migration stands, as NEW's records tell it: health, phase, what is used and what is coming."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from supasync_core.api.blind_spots import unseen as unseen_kinds
from supasync_core.api.plugin_host import Host
from supasync_core.api.state_store import Past, Spending
from supasync_core.api.table_plugins import strategy_of
from supasync_core.init.undecided import Undecided, last_list
from supasync_core.model import timestamps
from supasync_core.model.budget import Share
from supasync_core.model.settings import Settings
from supasync_core.model.table import Table
from supasync_core.project.migration import store_of_sink
from supasync_core.project.sql_sessions import VARIABLES
from supasync_core.status.health import Health, Phase, judge, phase
from supasync_core.usage.forecast import Forecast, of_projects
from supasync_core.usage.spending import shares

HISTORY: Final = 31 * 86_400_000_000
"""Microseconds back to which costs and sizes are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What NEW's records say at its time ``now``. ``gone`` are tables of the state that no entry copies."""

    now: timestamps.Instant
    past: Past
    health: Health
    phase: Phase
    shares: tuple[Share, ...]
    forecasts: Mapping[str, Forecast]
    spendings: Sequence[Spending]
    undecided: Sequence[Undecided]
    gone: Sequence[str]


def standing(settings: Settings, host: Host, records: int, *, costs: bool = False) -> Standing:
    """Ask NEW for the newest ``records``, and what they cost if there are budgets, or ``costs`` are wanted.

    OLD gets no request.
    """
    budgets = settings.budgets
    with closing(store_of_sink(settings, host)) as store:
        past = store.past(records)
        now = store.now() or timestamps.now()
        wanted = costs or budgets.monthly or budgets.database is not None
        since = timestamps.to_text(now - HISTORY)
        spendings = store.past(0, since).spendings if wanted and past.state else ()
    health = judge(past, [(table, _unseen(host, table)) for table in settings.tables], settings.interval, now)
    known = shares(spendings, budgets, now) if spendings else ()
    connected = bool(settings.environment.get(VARIABLES["OLD"]))
    return Standing(
        now=now,
        past=past,
        health=health,
        phase=phase(past, known, health.age, settings.stale_after, connected=connected),
        shares=tuple(known),
        forecasts=of_projects(spendings, budgets.database, now),
        spendings=spendings,
        undecided=last_list(settings).tables,
        gone=past.state.beyond(table.name for table in settings.tables) if past.state else (),
    )


def _unseen(host: Host, table: Table) -> tuple[str, ...]:
    """What reading the table cannot see; nothing is known where its strategy is gone."""
    return unseen_kinds(strategy_of(host, table), table) if table.strategy in host.strategies else ()
