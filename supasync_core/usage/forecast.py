"""When a growing database reaches a size: what its history admits, with how unsure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor
from typing import Any, Literal

from supasync_core.api.state_store import Spending
from supasync_core.model import timestamps
from supasync_core.model.quantities import format_size
from supasync_core.usage.growth import Course, courses

COVERAGE = 0.8
"""The least part of cases in which the band holds the day, for the kinds of growth that the docs name."""
_DAY = 86_400_000_000
_LEAST_DAYS = 7
"""Days of history below which nothing is said of the future."""
_LEAST_POINTS = 5
_EVEN_DAYS = 14
"""Days of history below which only an even growth is looked ahead from."""
_REACH = 2
"""How many times the length of the history is looked ahead."""
_APART = 0.9
"""The least days between two sizes that are looked at."""

ForecastKind = Literal["reached", "soon", "open", "later", "steady", "unknown"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """When ``limit`` is reached, in whole days from ``now``; the interval is at least a day to either side.

    ``kind``: ``reached``, ``soon`` (the days are known), ``open`` (not before ``earliest``, perhaps never),
    ``later`` (not within ``days``), ``steady`` (the same, and it does not grow), ``unknown`` (too little
    history: ``history`` is its length in days, ``needed`` what would be enough).
    """

    kind: ForecastKind
    now: timestamps.Instant
    limit: int
    history: float = 0.0
    days: int = 0
    earliest: int = 0
    latest: int | None = None
    needed: int = 0

    def sentence(self, project: str) -> str:
        """``OLD reaches 500 MB in about 11 days (Dec 4 to Dec 8)``, or why nobody can say."""
        goal = format_size(self.limit).replace(".0 ", " ")
        match self.kind:
            case "reached":
                return f"{project} has reached {goal}"
            case "soon":
                last = f"to {self._date(self.latest)}" if self.latest is not None else "or later"
                days = f"{self.days} days" if self.days != 1 else "a day"
                return f"{project} reaches {goal} in about {days} ({self._date(self.earliest)} {last})"
            case "open":
                since = self._date(self.earliest)
                return f"{project} may reach {goal} from {since} on: it grows too unevenly to say when"
            case "later":
                return f"{project} does not reach {goal} within {self.days} days at its present pace"
            case "steady":
                return f"{project} does not grow towards {goal}: seen over {self.history:.0f} days"
            case _:
                return (
                    f"{project}: too little history to say when it reaches {goal} "
                    f"({self.history:.1f} days of sizes, {self.needed} are needed)"
                )

    def _date(self, days: int) -> str:
        then = datetime.fromtimestamp((self.now + days * _DAY) / 1_000_000, UTC)
        return f"{then:%b} {then.day}, {then.year}"

    def as_json(self, project: str) -> dict[str, Any]:
        """For ``--json``; days count from now."""
        band = {"earliest": self.earliest, "latest": self.latest, "coverage": COVERAGE}
        known = {"soon": {"days": self.days, **band}, "open": band}.get(self.kind, {})
        return {"kind": self.kind, "limit": self.limit, **known, "sentence": self.sentence(project)}


def of_projects(
    spendings: Sequence[Spending], limit: int | None, now: timestamps.Instant
) -> dict[str, Forecast]:
    """A forecast for each project whose database size is recorded; none without a budget for it."""
    points: dict[str, list[tuple[timestamps.Instant, int]]] = {}
    for each in spendings if limit is not None else ():
        for project, number in each.sizes.items():
            points.setdefault(project, []).append((timestamps.parse(each.created_at), number))
    return {project: forecast(found, limit or 0, now) for project, found in points.items()}


def forecast(
    points: Sequence[tuple[timestamps.Instant, int]], limit: int, now: timestamps.Instant
) -> Forecast:
    """Look ahead from sizes in bytes at their times, in any order.

    Earliest and latest are the days on which the highest and the lowest of the admitted courses get there.
    """
    daily = daily_sizes(points)
    if daily and daily[-1][1] >= limit:
        return Forecast("reached", now, limit)
    span = daily[-1][0] - daily[0][0] if daily else 0.0
    if len(daily) < _LEAST_POINTS or span < _LEAST_DAYS:
        return Forecast("unknown", now, limit, span, needed=_LEAST_DAYS)
    found = courses(daily)
    since = now / _DAY - daily[-1][0]
    low, likely, high = (_day(found[: 1 if i == 1 else None], i, limit, _REACH * span) for i in range(3))
    if span < _EVEN_DAYS and not found[0].even:
        return Forecast("unknown", now, limit, span, needed=_EVEN_DAYS)
    if high is None:
        kind: ForecastKind = "later" if found[0].drift > 0 else "steady"
        return Forecast(kind, now, limit, span, floor(_REACH * span))
    days = max(0.0, (high if likely is None else likely) - since)
    earliest = max(0, floor(min(high - since, days - 1)))
    if likely is None:
        return Forecast("open", now, limit, span, earliest=earliest)
    latest = None if low is None else max(ceil(days) + 1, ceil(low - since))
    return Forecast("soon", now, limit, span, round(days), earliest, latest)


def daily_sizes(points: Sequence[tuple[timestamps.Instant, int]]) -> list[tuple[float, int]]:
    """The last size, and about one for each day before it, oldest first; times in days."""
    kept: list[tuple[float, int]] = []
    for moment, number in sorted(points, reverse=True):
        if not kept or kept[-1][0] - moment / _DAY >= _APART:
            kept.append((moment / _DAY, number))
    return kept[::-1]


def _day(found: Sequence[Course], which: int, limit: int, reach: float) -> float | None:
    """When the lowest (0), the likely (1) or the highest (2) size of the courses has reached the limit."""
    ends = min if which == 0 else max
    before = 0.0
    for day in range(1, ceil(reach) + 1):
        size_then = ends(course.at(day)[which] for course in found)
        if size_then >= limit:
            size_before = ends(course.at(before)[which] for course in found)
            part = (limit - size_before) / (size_then - size_before) if size_then > size_before else 1.0
            return before + min(1.0, max(0.0, part))
        before = day
    return None
