"""What records say of cost, added up by month, project and purpose, and projected."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from supasync_core.api.state_store import Spending
from supasync_core.model import timestamps
from supasync_core.usage.usual_day import sum_ahead

PROJECTS = ("OLD", "NEW")
_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Used:
    """Requests, and bytes sent to and received from a project; what it sends is its egress."""

    requests: int = 0
    sent: int = 0
    received: int = 0

    def __add__(self, other: "Used") -> "Used":
        return Used(self.requests + other.requests, self.sent + other.sent, self.received + other.received)

    @classmethod
    def from_json(cls, cost: Any) -> "Used":  # noqa: ANN401 - JSON
        """One purpose of the ledger's JSON; nothing where it is something else."""
        if not isinstance(cost, dict):
            return cls()
        numbers = [cost.get(name) for name in ("requests", "sent", "received")]
        return cls(*(number if isinstance(number, int) else 0 for number in numbers))


def month_of(now: timestamps.Instant) -> tuple[timestamps.Instant, timestamps.Instant]:
    """The beginning and the end of the calendar month in UTC."""
    then = datetime.fromtimestamp(now / 1_000_000, UTC)
    first = then.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()) * 1_000_000, int(following.timestamp()) * 1_000_000


def since(spendings: Iterable[Spending], moment: timestamps.Instant) -> list[Spending]:
    """Those that began at the moment or later."""
    return [each for each in spendings if timestamps.parse(each.created_at) >= moment]


def by_purpose(spendings: Iterable[Spending], project: str) -> dict[str, Used]:
    """The sums over all records, for each purpose of the project's requests."""
    sums: dict[str, Used] = {}
    for each in spendings:
        purposes = each.costs.get(project)
        for purpose, cost in purposes.items() if isinstance(purposes, dict) else ():
            sums[purpose] = sums.get(purpose, Used()) + Used.from_json(cost)
    return dict(sorted(sums.items()))


def used(spendings: Iterable[Spending], project: str) -> Used:
    """The sum over all records and purposes."""
    return sum(by_purpose(spendings, project).values(), Used())


def projected(spendings: Sequence[Spending], project: str, now: timestamps.Instant) -> Used | None:
    """What the month will have cost at its end: what it has, and usual days for the days that are left.

    None before a whole day has passed since the first record, and since a first load.
    """
    begin, end = month_of(now)
    first = timestamps.parse(spendings[0].created_at) if spendings else now
    if now - first < _DAY:  # or the clock of the sink is ahead
        return None
    costs = [used([each], project) for each in spendings]
    ages = [(now - timestamps.parse(each.created_at)) / _DAY for each in spendings]
    left = (end - now) / _DAY
    usual = [
        sum_ahead(list(zip(ages, (getattr(cost, name) for cost in costs), strict=True)), left)
        for name in ("requests", "sent", "received")
    ]
    so_far = used(since(spendings, begin), project)
    return None if None in usual else so_far + Used(*(round(each or 0) for each in usual))
