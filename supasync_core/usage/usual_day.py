"""What the days to come cost, if they are like the days before."""

from collections.abc import Sequence
from math import ceil
from statistics import mean, median

Costs = Sequence[tuple[float, float]]
"""Ages in days and what was spent then, the oldest first."""
_WEEK = 7
_LOAD_DAYS = 3
"""Days of history from the first record on in which a first load is looked for."""
_LOAD = 10
"""How many times any later record a first load costs."""


def sum_ahead(costs: Costs, days: float) -> float | None:
    """The sum over so many days from now on; None where less than a day has passed since a first load.

    A day is the mean of the last whole days, at most seven. From two weeks of history on it is what the same
    day of the week was, the median of the weeks.
    """
    loads = _loads(costs)
    if any(costs[i][0] < 1 for i in loads):
        return None
    totals = _by_day(_without(costs, loads))
    if len(totals) < 2 * _WEEK:
        return mean(totals[:_WEEK]) * days
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
    usual = mean(cost for i, (_, cost) in enumerate(costs) if i not in loads)
    return [(age, usual if i in loads else cost) for i, (age, cost) in enumerate(costs)]


def _by_day(costs: Costs) -> list[float]:
    """The sum of each whole day back from now, the last one first."""
    totals = [0.0] * int(costs[0][0])
    for age, cost in costs:
        day = max(0, ceil(age) - 1)  # below 0: the clock of the sink is ahead
        if day < len(totals):
            totals[day] += cost
    return totals
