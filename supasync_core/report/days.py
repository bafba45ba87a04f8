"""What each of the last days brought: rows, runs and what they cost, in UTC days."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from supasync_core.api.state_store import Record, Spending
from supasync_core.model import timestamps
from supasync_core.model.cost import Cost
from supasync_core.usage import spending

DAYS: Final = 30
"""How many days a report looks back."""
_COPYING: Final = ("sync", "gap import", "gap transfer", "cutover")
ENDS: Final = ("success", "partial", "failed")
"""How runs that copy rows end; an interrupted run counts as partial."""


@dataclass(slots=True)
class Day:
    """One day: rows by table, runs by how they ended, and the seconds of the longest."""

    date: date
    rows: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0

    def add(self, record: Record) -> None:
        """Count a run of that day."""
        self.runs["partial" if record.status == "interrupted" else record.status] += 1
        self.longest = max(self.longest, _seconds(record))
        for name, table in _tables(record).items():
            synced = table.get("synced") if isinstance(table, dict) else None
            self.rows[name] += synced if isinstance(synced, int) else 0


def date_of(instant: timestamps.Instant) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(instant / 1_000_000, UTC).date()


def last_days(records: Iterable[Record], now: timestamps.Instant) -> list[Day]:
    """The last 30 days up to ``now``, the oldest first, with the runs that copied rows."""
    today = date_of(now)
    found = {day: Day(day) for day in (today - timedelta(days=back) for back in range(DAYS - 1, -1, -1))}
    for record in records:
        day = date_of(timestamps.parse(record.created_at))
        if record.command in _COPYING and record.status != "running" and day in found:
            found[day].add(record)
    return list(found.values())


def spent_by_day(spendings: Sequence[Spending], project: str, now: timestamps.Instant) -> Mapping[date, Cost]:
    """What the project has cost on each day of this month up to ``now``."""
    begin, _ = spending.month_of(now)
    days: dict[date, list[Spending]] = {}
    for each in spending.since(spendings, begin):
        days.setdefault(date_of(timestamps.parse(each.created_at)), []).append(each)
    return {day: spending.used(of_day, project) for day, of_day in sorted(days.items())}


def _tables(record: Record) -> Mapping[str, Any]:
    found = record.details.get("tables")
    return found if isinstance(found, dict) else {}


def _seconds(record: Record) -> float:
    """How long the run took: as it says itself, or by the store's clock."""
    said = record.details.get("seconds")
    if isinstance(said, int | float):
        return float(said)
    if record.finished_at is None:
        return 0.0
    return (timestamps.parse(record.finished_at) - timestamps.parse(record.created_at)) / 1_000_000
