"""How a size may go on: the courses that fit its history, each with a band."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt
from statistics import mean, median

Points = Sequence[tuple[float, float]]
"""Days and sizes, oldest first; no two at the same time."""
_WIDTH = 1.6
"""Standard deviations to either side: 89 % of a normal distribution, so that others hold the stated 80 %."""
_LEAST_WALK = 0.1
"""The part of the variance that is never taken for mere noise."""
_CLEARLY = 4
"""How many times closer a line or a curve lies to the history before the other one is dropped."""
_BREAK = 25
"""How many times larger than the rest a change of pace is before the pace since then counts by itself."""
_LEAST_SINCE = 3
_EVEN = 3
"""How many times larger than what strays from it a drift is where the growth is even."""
_LARGEST = 300.0
"""An exponent beyond which a size is as good as endless."""


@dataclass(frozen=True, slots=True)
class Course:
    """A drift a day from the last size on, and what strays from it: noise of each size, and of each day.

    ``compound``: all of it in logarithms, growth by a part of the size.
    """

    last: float
    drift: float
    noise: float
    walk: float
    span: float
    width: float
    compound: bool = False

    @property
    def even(self) -> bool:
        """Whether it grew about as much on every day."""
        return self.drift > 0 and self.drift >= _EVEN * sqrt(2 * self.noise + self.walk)

    def at(self, days: float) -> tuple[float, float, float]:
        """The lowest, the likely and the highest size after so many days."""
        part = days / self.span
        strays = self.width * sqrt(2 * self.noise * (1 + part**2) + self.walk * days * (1 + part))
        likely = self.last + self.drift * days
        found = (likely - strays, likely, likely + strays)
        return (_size(found[0]), _size(found[1]), _size(found[2])) if self.compound else found


def courses(points: Points) -> tuple[Course, ...]:
    """The courses that the history admits, the likeliest first.

    A straight line or a compound growth, whichever lies clearly closer to the history, or both; and the pace
    of the last days, where it has clearly changed.
    """
    logs = [(day, log(max(size, 1.0))) for day, size in points]
    straight, compound = _course(points), _course(logs, compound=True)
    off, off_compound = _off(points, float), _off(logs, _size)
    if off <= off_compound:
        found = [straight] if off * _CLEARLY < off_compound else [straight, compound]
    else:
        found = [compound] if off_compound * _CLEARLY < off else [compound, straight]
    since = None if found == [compound] else _pace_since(points)
    return tuple(found) if since is None else (_course(points[since:]), *found)


def _course(points: Points, *, compound: bool = False) -> Course:
    """The median of the growth between points that lie far apart (Theil and Sen), which no single jump moves.

    What a size strays by and takes back on the next day is noise; the rest adds up from day to day.
    """
    span = points[-1][0] - points[0][0]
    drift = median(_slopes(points, span / 3))
    strays = [(grown - drift * days) / sqrt(days) for grown, days in _steps(points)]
    free = max(1, len(strays) - 1)
    variance = sum(each * each for each in strays) / free
    back = -sum(one * other for one, other in pairwise(strays)) / free
    noise = min(max(back, 0.0), variance / 2)
    walk = max(variance - 2 * noise, _LEAST_WALK * variance)
    return Course(points[-1][1], drift, noise, walk, span, _student(free), compound)


def _steps(points: Points) -> list[tuple[float, float]]:
    """By how much it grew from each point to the next, and in how many days."""
    return [(b[1] - a[1], b[0] - a[0]) for a, b in pairwise(points)]


def _slopes(points: Points, apart: float) -> list[float]:
    return [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for i, earlier in enumerate(points)
        for later in points[i + 1 :]
        if later[0] - earlier[0] >= apart
    ]


def _off(points: Points, size: Callable[[float], float]) -> float:
    """The squares by which the sizes lie off the fitted line, a line of logarithms or not."""
    middle, height = mean(day for day, _ in points), mean(value for _, value in points)
    slope = sum((day - middle) * (value - height) for day, value in points) / sum(
        (day - middle) ** 2 for day, _ in points
    )
    fitted = [(value, height + slope * (day - middle)) for day, value in points]
    return sum((size(value) - size(line)) ** 2 for value, line in fitted)


def _pace_since(points: Points) -> int | None:
    """The index of the point from which on the pace is clearly another one than before."""
    steps = _steps(points)
    best, index = float(_BREAK), None
    for i in range(_LEAST_SINCE, len(steps) - _LEAST_SINCE + 1):
        (off_before, pace_before, before), (off_since, pace_since, since) = (
            _paced(steps[:i]),
            _paced(steps[i:]),
        )
        between = (pace_before - pace_since) ** 2 * before * since / (before + since)
        rest = (off_before + off_since) / max(1, len(steps) - 2)
        if between > best * rest:
            best, index = (between / rest if rest else float("inf")), i
    return index


def _paced(steps: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """The squares off the mean pace, that pace, and the days."""
    days = sum(each for _, each in steps)
    pace = sum(grown for grown, _ in steps) / days
    return sum((grown - pace * each) ** 2 / each for grown, each in steps), pace, days


def _student(free: int) -> float:
    """The width for so many degrees of freedom: Student's, by the expansion of Cornish and Fisher."""
    z = _WIDTH
    return z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free * free)


def _size(logarithm: float) -> float:
    return exp(min(logarithm, _LARGEST))
