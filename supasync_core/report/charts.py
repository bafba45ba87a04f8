"""Charts as SVG: axes with units, a text for screen readers, colours of the page's style.

The same values make the same text. All texts are escaped by ElementTree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10
from typing import Final
from xml.etree import ElementTree as ET

from markupsafe import Markup

Form = Callable[[float], str]
"""A value as an axis or a text has it."""

WIDTH: Final = 340
HEIGHT: Final = 170
_LEFT: Final = 58
_RIGHT: Final = WIDTH - 8
_TOP: Final = 12
_BOTTOM: Final = HEIGHT - 24
_TICKS: Final = 3
_STEPS: Final = (1, 2, 5, 10)
_SPARK_WIDTH: Final = 90
_SPARK_HEIGHT: Final = 20


@dataclass(frozen=True, slots=True)
class Series:
    """Values, one for each day, of one colour: ``kind`` is its class in the style."""

    label: str
    kind: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Band:
    """A look ahead: x, and the lowest, the likely and the highest value there."""

    points: Sequence[tuple[float, float, float, float]]


def columns(title: str, days: Sequence[date], series: Sequence[Series], form: Form) -> Markup:
    """One column for each day, the series on top of each other."""
    totals = [sum(each.values[i] for each in series) for i in range(len(days))]
    axis = _Axis(max(totals, default=0), form)
    most = max(range(len(days)), key=totals.__getitem__)
    summary = f"{_day(days[0])} to {_day(days[-1])}: at most {form(totals[most])}"
    svg = _chart(title, f"{summary}, on {_day(days[most])}" if totals[most] else summary)
    axis.draw(svg)
    step = (_RIGHT - _LEFT) / len(days)
    for i, day in enumerate(days):
        base = 0.0
        for each in series:
            value = each.values[i]
            if not value:
                continue
            bar = ET.SubElement(
                svg,
                "rect",
                {
                    "class": each.kind,
                    "x": _number(_LEFT + i * step + 1),
                    "y": _number(axis.y(base + value)),
                    "width": _number(step - 2),
                    "height": _number(axis.y(base) - axis.y(base + value)),
                },
            )
            ET.SubElement(bar, "title").text = f"{_day(day)}: {form(value)} {each.label}".strip()
            base += value
    _label_days(svg, days[0], days[-1])
    return _text(svg)


def course(  # noqa: PLR0913 - what a course is drawn of
    title: str,
    summary: str,
    points: Sequence[tuple[float, float]],
    ends: tuple[tuple[float, date], tuple[float, date]],
    form: Form,
    *,
    limit: float | None = None,
    band: Band | None = None,
) -> Markup:
    """A line through points, with a limit, and a look ahead whose band shows how unsure it is.

    ``ends`` are the least and the largest x, each with its day.
    """
    ahead = band.points if band else ()
    highest = max((y for _, y in points), default=0.0)
    # a limit that is far away would press the line flat: it is then said in words
    shown = limit if limit is not None and highest * 5 >= limit else None
    axis = _Axis(max(highest, shown or 0.0, *(min(high, (limit or high) * 1.1) for *_, high in ahead)), form)
    svg = _chart(title, summary)
    axis.draw(svg)
    (first, _), (last, _) = ends
    width = (last - first) or 1.0

    def x(at: float) -> float:
        return _LEFT + (at - first) / width * (_RIGHT - _LEFT)

    if ahead:
        upper = [(x(at), axis.y(high)) for at, _, _, high in ahead]
        lower = [(x(at), axis.y(low)) for at, low, _, _ in reversed(ahead)]
        ET.SubElement(svg, "polygon", {"class": "band", "points": _points([*upper, *lower])})
        likely = [(x(at), axis.y(middle)) for at, _, middle, _ in ahead]
        ET.SubElement(svg, "polyline", {"class": "likely", "points": _points(likely)})
    if shown is not None:
        y = _number(axis.y(shown))
        line = {"class": "limit", "x1": str(_LEFT), "x2": str(_RIGHT), "y1": y, "y2": y}
        ET.SubElement(svg, "line", line)
    drawn = [(x(at), axis.y(y)) for at, y in points]
    ET.SubElement(svg, "polyline", {"class": "line", "points": _points(drawn)})
    if drawn:
        end = {"class": "end", "cx": _number(drawn[-1][0]), "cy": _number(drawn[-1][1]), "r": "3"}
        ET.SubElement(svg, "circle", end)
    _label_days(svg, ends[0][1], ends[1][1])
    return _text(svg)


def spark(values: Sequence[float]) -> Markup:
    """Small columns without an axis; the text beside it says what they are."""
    box = f"0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}"
    svg = ET.Element("svg", {"class": "spark", "viewBox": box, "aria-hidden": "true"})
    most = max(values, default=0.0) or 1.0
    step = _SPARK_WIDTH / max(1, len(values))
    for i, value in enumerate(values):
        tall = max(1.0, value / most * _SPARK_HEIGHT) if value else 0.5
        bar = {
            "class": "rows" if value else "none",
            "x": _number(i * step),
            "y": _number(_SPARK_HEIGHT - tall),
            "width": _number(step - 1),
            "height": _number(tall),
        }
        ET.SubElement(svg, "rect", bar)
    return _text(svg)


class _Axis:
    """The values' axis from zero up, with round ticks."""

    def __init__(self, most: float, form: Form) -> None:
        self._ticks = ticks(most)
        self._top = self._ticks[-1]
        self._form = form

    def y(self, value: float) -> float:
        """Where a value is drawn; one above the axis is at its top."""
        return _BOTTOM - min(1.0, max(0.0, value / self._top)) * (_BOTTOM - _TOP)

    def draw(self, svg: ET.Element) -> None:
        for tick in self._ticks:
            y = _number(self.y(tick))
            line = {"class": "grid", "x1": str(_LEFT), "x2": str(_RIGHT), "y1": y, "y2": y}
            ET.SubElement(svg, "line", line)
            at = {"class": "tick", "x": str(_LEFT - 6), "y": _number(self.y(tick) + 4), "text-anchor": "end"}
            ET.SubElement(svg, "text", at).text = self._form(tick)


def ticks(most: float) -> list[float]:
    """Zero and two to five round numbers, the last at least ``most``."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / _TICKS
    scale = 10.0 ** floor(log10(rough))
    step = next(factor * scale for factor in _STEPS if factor * scale >= rough * 0.999)
    return [step * i for i in range(ceil(most / step - 1e-9) + 1)]


def _chart(title: str, summary: str) -> ET.Element:
    """The drawing with its title and its text for screen readers."""
    name = "".join(letter if letter.isalnum() else "-" for letter in title.lower())
    svg = ET.Element(
        "svg",
        {
            "class": "chart",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "role": "img",
            "aria-labelledby": f"{name}-t {name}-d",
        },
    )
    ET.SubElement(svg, "title", {"id": f"{name}-t"}).text = title
    ET.SubElement(svg, "desc", {"id": f"{name}-d"}).text = summary
    return svg


def _label_days(svg: ET.Element, first: date, last: date) -> None:
    for day, x, anchor in ((first, _LEFT, "start"), (last, _RIGHT, "end")):
        place = {"class": "tick", "x": str(x), "y": str(HEIGHT - 8), "text-anchor": anchor}
        ET.SubElement(svg, "text", place).text = _day(day)


def _day(day: date) -> str:
    return f"{day:%b} {day.day}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(svg: ET.Element) -> Markup:
    return Markup(ET.tostring(svg, encoding="unicode"))  # noqa: S704 - ElementTree has escaped every text
