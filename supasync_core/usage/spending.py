"""What records say of cost, added up by month, project and purpose, projected, and as shares of budgets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil

from supasync_core.api.state_store import Spending
from supasync_core.model import timestamps
from supasync_core.model.budget import Budgets, Share
from supasync_core.model.cost import Cost

PROJECTS = ("OLD", "NEW")
_DAY = 86_400_000_000
Costs = Sequence[tuple[float, float]]
"""Ages in days and what was spent then, the oldest first."""
_WEEK = 7
_LOAD_DAYS = 3
"""Days of history from the first record on in which a first load is looked for."""
_LOAD = 10
"""How many times any later record a first load costs."""


def month_of(now: timestamps.Instant) -> tuple[timestamps.Instant, timestamps.Instant]:
    """The beginning and the end of the calendar month in UTC."""
    then = datetime.fromtimestamp(now / 1_000_000, UTC)
    first = then.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()) * 1_000_000, int(following.timestamp()) * 1_000_000


def since(spendings: Iterable[Spending], moment: timestamps.Instant) -> list[Spending]:
    """Those that began at the moment or later."""
    return [each for each in spendings if timestamps.parse(each.created_at) >= moment]


def by_purpose(spendings: Iterable[Spending], project: str) -> dict[str, Cost]:
    """The sums over all records, for each purpose of the project's requests."""
    sums: dict[str, Cost] = {}
    for each in spendings:
        purposes = each.costs.get(project)
        for purpose, cost in purposes.items() if isinstance(purposes, dict) else ():
            sums[purpose] = sums.get(purpose, Cost()) + Cost.from_json(cost)
    return dict(sorted(sums.items()))


def used(spendings: Iterable[Spending], project: str) -> Cost:
    """The sum over all records and purposes."""
    return sum(by_purpose(spendings, project).values(), Cost())


def projected(spendings: Sequence[Spending], project: str, now: timestamps.Instant) -> Cost | None:
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
    return None if None in usual else so_far + Cost(*(round(each or 0) for each in usual))


def monthly(spent: Mapping[str, Cost], budgets: Budgets) -> tuple[Share, ...]:
    """The shares of what is counted by the month, from what it has come to."""
    return tuple(
        Share(project=project, what=what, used=number, budget=budget)
        for project, sum_ in spent.items()
        for what, number, budget in (
            ("requests", sum_.requests, budgets.requests),
            ("egress", sum_.received, budgets.egress),
        )
    )


def shares(spendings: Sequence[Spending], budgets: Budgets, now: timestamps.Instant) -> tuple[Share, ...]:
    """All shares of both projects, with what the month will have come to at its end."""
    month = since(spendings, month_of(now)[0])
    found = []
    for project in PROJECTS:
        later = projected(spendings, project, now)
        requests, egress = monthly({project: used(month, project)}, budgets)
        sizes = [each.sizes[project] for each in spendings if project in each.sizes]
        found += [
            replace(requests, projected=later.requests if later else None),
            replace(egress, projected=later.received if later else None),
            Share(
                project=project, what="database", used=sizes[-1] if sizes else None, budget=budgets.database
            ),
        ]
    return tuple(found)


def sum_ahead(costs: Costs, days: float) -> float | None:
    """The sum over so many days from now on; None where less than a day has passed since a first load.

    A day is the mean of the last whole days, at most seven. From two weeks of history on it is what the same
    day of the week was, the median of the weeks.
    """
    from statistics import median  # noqa: PLC0415 - a run counts, and looks nothing ahead

    loads = _loads(costs)
    if any(costs[i][0] < 1 for i in loads):
        return None
    totals = _by_day(_without(costs, loads))
    if len(totals) < 2 * _WEEK:
        whole = totals[:_WEEK]
        return sum(whole) / len(whole) * days
    return sum(min(1.0, days - ahead) * median(totals[6 - ahead % 7 :: _WEEK]) for ahead in range(ceil(days)))


def _loads(costs: Costs) -> set[int]:
    """The records that brought the tables over: early ones that cost far more than whatever came later."""
    found: set[int] = set()
    largest = None
    for i in range(len(costs) - 1, -1, -1):
        age, cost = costs[i]
        if largest is not None and cost > _LOAD * largest and costs[0][0] - age < _LOAD_DAYS:
            found.add(i)
        else:
            largest = cost if largest is None else max(largest, cost)
    return found


def _without(costs: Costs, loads: set[int]) -> Costs:
    """The same, each load replaced by what a later record costs on average."""
    if not loads:
        return costs
    others = [cost for i, (_, cost) in enumerate(costs) if i not in loads]
    usual = sum(others) / len(others)
    return [(age, usual if i in loads else cost) for i, (age, cost) in enumerate(costs)]


def _by_day(costs: Costs) -> list[float]:
    """The sum of each whole day back from now, the last one first."""
    totals = [0.0] * int(costs[0][0])
    for age, cost in costs:
        day = max(0, ceil(age) - 1)  # below 0: the clock of the sink is ahead
        if day < len(totals):
            totals[day] += cost
    return totals
