"""What both projects use of their budgets, as panels with a chart: this month, and the database's size."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Final

from markupsafe import Markup

from supasync_core.api.state_store import Spending
from supasync_core.model import timestamps
from supasync_core.model.budget import Share
from supasync_core.model.quantities import format_size
from supasync_core.report.charts import Band, course
from supasync_core.report.days import DAYS, date_of, spent_by_day
from supasync_core.status.standing import Standing
from supasync_core.usage import spending
from supasync_core.usage.forecast import daily_sizes
from supasync_core.usage.growth import courses

_DAY: Final = 86_400_000_000
_NAMES: Final = {"egress": "egress this month", "requests": "requests this month", "database": "database"}
_AHEAD: Final = 14
"""Days that a size is drawn ahead, where its history allows a forecast."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One use of one project: what it is, the amounts in words, how full the budget is, and a chart."""

    title: str
    used: str
    budget: str | None
    part: float | None
    warns: bool
    projected: str | None
    sentence: str | None
    chart: Markup | None


def panels(found: Standing) -> list[Panel]:
    """A panel for each use of each project that is known."""
    return [_panel(found, share) for share in found.shares if share.used is not None]


def _panel(found: Standing, share: Share) -> Panel:
    forecast = found.forecasts.get(share.project) if share.what == "database" else None
    title = f"{share.project}: {_NAMES[share.what]}"
    used, budget = share.amount(share.used) or "", share.amount(share.budget)
    projected = share.amount(share.projected)
    words = [
        used,
        f"of {budget}" if budget else "",
        f"{projected} by the end of the month" if projected else "",
    ]
    drawn = _sizes if share.what == "database" else _month
    return Panel(
        title,
        used,
        budget,
        share.part,
        share.warns,
        projected,
        forecast.sentence(share.project) if forecast else None,
        drawn(found, share, title, ", ".join(filter(None, words))),
    )


def _month(found: Standing, share: Share, title: str, summary: str) -> Markup | None:
    """What the month has cost, added up day by day, and where it leads."""
    days = spent_by_day(found.spendings, share.project, found.now)
    if not days:
        return None
    begin, end = (moment / _DAY for moment in spending.month_of(found.now))
    costs = [getattr(cost, "received" if share.what == "egress" else "requests") for cost in days.values()]
    points = [(begin, 0.0), *zip(map(_ends, days), accumulate(costs), strict=True)]
    now = found.now / _DAY
    points[-1] = (now, points[-1][1])
    band = None
    if share.projected is not None:
        last = float(share.projected)
        band = Band([(now, points[-1][1], points[-1][1], points[-1][1]), (end, last, last, last)])
    ends = ((begin, _date(begin)), (end, _date(end) - timedelta(days=1)))
    form = _count if share.what == "requests" else _bytes
    return course(title, summary, points, ends, form, limit=share.budget, band=band)


def _sizes(found: Standing, share: Share, title: str, summary: str) -> Markup | None:
    """The recorded sizes, and the courses that they admit."""
    sizes = daily_sizes(_recorded(found.spendings, share.project))
    if not sizes:
        return None
    band, last = None, found.now / _DAY
    forecast = found.forecasts.get(share.project)
    if forecast is not None and forecast.kind in ("soon", "open", "later", "steady"):
        possible = courses(sizes)
        newest = sizes[-1][0]
        band = Band(
            [
                (
                    newest + ahead,
                    min(each.at(ahead)[0] for each in possible),
                    possible[0].at(ahead)[1],
                    max(each.at(ahead)[2] for each in possible),
                )
                for ahead in range(_AHEAD + 1)
            ]
        )
        last = newest + _AHEAD
    first = max(sizes[0][0], last - DAYS - _AHEAD)
    points = [(at, float(number)) for at, number in sizes if at >= first]
    ends = ((points[0][0], _date(points[0][0])), (last, _date(last)))
    return course(title, summary, points, ends, _bytes, limit=share.budget, band=band)


def _recorded(spendings: Sequence[Spending], project: str) -> list[tuple[timestamps.Instant, int]]:
    return [
        (timestamps.parse(each.created_at), each.sizes[project])
        for each in spendings
        if project in each.sizes
    ]


def _ends(day: date) -> float:
    """The end of a day, in days since 1970."""
    then = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return then.timestamp() / 86_400


def _date(days: float) -> date:
    return date_of(days * _DAY)


def _bytes(value: float) -> str:
    return format_size(value).replace(".0 ", " ").replace(" bytes", " B")


def _count(value: float) -> str:
    return f"{value:,.0f}"
