"""When a growing database reaches a size: a fit over what was recorded, with how unsure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor, inf
from statistics import median, quantiles
from typing import Any

from supasync_core import clock
from supasync_core.backend import Spending
from supasync_core.usage.shares import size

_DAY = 86_400_000_000
_LEAST_DAYS = 3
"""Days of history below which nothing is said of the future."""
_REACH = 4
"""How many times the length of the history is looked ahead."""
_WAYS = 20


@dataclass(frozen=True, slots=True)
class Forecast:
    """When ``limit`` is reached, in whole days from ``now``; the interval is at least a day to either side.

    ``kind``: ``reached``, ``soon`` (the days are known), ``later`` (beyond what the history tells),
    ``steady`` (it does not grow), ``unknown`` (too little history; ``history`` is its length in days).
    """

    kind: str
    now: clock.Instant
    limit: int
    history: float = 0.0
    days: int = 0
    earliest: int = 0
    latest: int | None = None

    def sentence(self, project: str) -> str:
        """``OLD reaches 500 MB in about 11 days (Dec 4 to Dec 8)``, or why nobody can say."""
        goal = size(self.limit).replace(".0 ", " ")
        match self.kind:
            case "reached":
                return f"{project} has reached {goal}"
            case "soon":
                last = self._date(self.latest) if self.latest is not None else "open"
                days = f"{self.days} days" if self.days != 1 else "a day"
                return f"{project} reaches {goal} in about {days} ({self._date(self.earliest)} to {last})"
            case "later":
                return f"{project} does not reach {goal} within {self.days} days, if it grows as it did"
            case "steady":
                return f"{project} does not grow towards {goal}: seen over {self.history:.0f} days"
            case _:
                return (
                    f"{project}: too little history to say when it reaches {goal} "
                    f"({self.history:.1f} days of sizes, {_LEAST_DAYS} are needed)"
                )

    def _date(self, days: int) -> str:
        then = datetime.fromtimestamp((self.now + days * _DAY) / 1_000_000, UTC)
        return f"{then:%b} {then.day}"

    def as_json(self, project: str) -> dict[str, Any]:
        """For ``--json``; days count from now."""
        numbers = {"days": self.days, "earliest": self.earliest, "latest": self.latest}
        known = numbers if self.kind == "soon" else {}
        return {"kind": self.kind, "limit": self.limit, **known, "sentence": self.sentence(project)}


def of_projects(spendings: Sequence[Spending], limit: int | None, now: clock.Instant) -> dict[str, Forecast]:
    """A forecast for each project whose database size is recorded; none without a budget for it."""
    points: dict[str, list[tuple[clock.Instant, int]]] = {}
    for each in spendings if limit is not None else ():
        for project, number in each.sizes.items():
            points.setdefault(project, []).append((clock.parse(each.created_at), number))
    return {project: forecast(found, limit or 0, now) for project, found in points.items()}


def forecast(points: Sequence[tuple[clock.Instant, int]], limit: int, now: clock.Instant) -> Forecast:
    """Look ahead from sizes in bytes at their times, in any order.

    The growth is the median of the growth between all pairs of days (Theil and Sen), which single jumps, such
    as a vacuum, do not move; the interval is that of the middle 80 % of the pairs that lie far apart.
    """
    daily = _by_day(points)
    if daily and daily[-1][1] >= limit:
        return Forecast("reached", now, limit)
    span = (daily[-1][0] - daily[0][0]) / _DAY if daily else 0.0
    if len(daily) <= _LEAST_DAYS or span < _LEAST_DAYS:
        return Forecast("unknown", now, limit, span)
    slopes = _slopes(daily)
    growth = median(slopes)
    if growth <= 0:
        return Forecast("steady", now, limit, span)
    low, high = _middle(slopes)
    since = (now - daily[-1][0]) / _DAY
    left = limit - daily[-1][1]
    days = max(0.0, left / growth - since)
    if days > _REACH * span:
        return Forecast("later", now, limit, span, floor(_REACH * span))
    earliest = max(0, floor(min(left / high - since, days - 1)))
    slow = left / low - since if low > 0 else inf
    latest = max(ceil(days) + 1, ceil(slow)) if slow <= _REACH * span else None
    return Forecast("soon", now, limit, span, round(days), earliest, latest)


def _by_day(points: Sequence[tuple[clock.Instant, int]]) -> list[tuple[clock.Instant, int]]:
    """The last size of each day, oldest first."""
    days = {int(moment // _DAY): (moment, number) for moment, number in sorted(points)}
    return list(days.values())


def _slopes(daily: Sequence[tuple[clock.Instant, int]]) -> list[float]:
    """Bytes a day between all pairs that lie at least a third of the history apart."""
    apart = (daily[-1][0] - daily[0][0]) / 3
    return [
        (later[1] - earlier[1]) / ((later[0] - earlier[0]) / _DAY)
        for i, earlier in enumerate(daily)
        for later in daily[i + 1 :]
        if later[0] - earlier[0] >= apart
    ]


def _middle(slopes: Sequence[float]) -> tuple[float, float]:
    """The slopes at 10 % and at 90 %; with few of them the smallest and the largest."""
    if len(slopes) < _WAYS:
        return min(slopes), max(slopes)
    tenths = quantiles(slopes, n=10, method="inclusive")
    return tenths[0], tenths[-1]
