"""The first sentence of a report: whether all is well, and what is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from supasync_core.api.state_store import Record
from supasync_core.cutover.saved_progress import SavedProgress
from supasync_core.model import timestamps
from supasync_core.model.quantities import format_age
from supasync_core.model.wording import counted
from supasync_core.report.days import date_of
from supasync_core.report.diff_section import unexplained
from supasync_core.status.standing import Standing

Level = Literal["good", "warn", "bad"]
_PRESSING = ("reached", "soon", "open")
"""The kinds of forecasts that a first sentence holds."""


@dataclass(frozen=True, slots=True)
class Headline:
    """A verdict in a sentence, how serious it is, and what restricts it."""

    level: Level
    sentence: str
    but: tuple[str, ...] = ()


def headline(
    found: Standing,
    verification: Mapping[str, Any] | None,
    diff: Mapping[str, Any] | None = None,
    switch: SavedProgress | None = None,
) -> Headline:
    """Judge what the records say; never more than they show."""
    state = found.past.state
    if state is None:
        return Headline("warn", "Nothing has been copied yet: NEW is not set up.")
    if state.closed:
        return _closed(switch)
    differing = differences(verification)
    unlike = unexplained(diff) if diff and _is_newer(diff, verification) else 0
    but = tuple(_restrictions(found, differing, unlike))
    pressing = [each.sentence(name) for name, each in found.forecasts.items() if each.kind in _PRESSING]
    sentence = "; ".join([_reach(found), _last_run(found), *pressing]) + "."
    if not found.health.healthy or differing or _unread(found):
        return Headline("bad" if found.health.runs else "warn", sentence, but)
    newest = _newest(found)
    warned = but or pressing or newest is None or newest.status != "success"
    return Headline("warn" if warned else "good", sentence, but)


def _closed(switch: SavedProgress | None) -> Headline:
    """What this machine knows of the app, which NEW's records do not tell."""
    if switch and switch.back_at:
        return Headline("warn", "The app was switched back to OLD. NEW is closed: OLD is no longer copied.")
    app = "The app was switched to NEW. " if switch and switch.closed_at else "NEW is closed: "
    return Headline("good", f"{app}OLD is no longer copied.")


def differences(verification: Mapping[str, Any] | None) -> int:
    """How many rows the last verification found to differ."""
    tables = verification["tables"].values() if verification else ()
    return sum(table.get("differences") or 0 for table in tables)


def _reach(found: Standing) -> str:
    """Up to when NEW has what reading the tables shows."""
    if unread := _unread(found):
        every = len(found.health.tables)
        return f"{unread} of {counted(every, 'table', 'tables')} not complete in NEW"
    read = [timestamps.parse(lag.read_at) for lag in found.health.tables if lag.read_at]
    return f"NEW has everything up to {moment(min(read), found.now)}" if read else "no table is copied"


def _unread(found: Standing) -> int:
    return sum(lag.read_at is None for lag in found.health.tables)


def _last_run(found: Standing) -> str:
    newest = _newest(found)
    if newest is None:
        return "no run has ended yet"
    age = format_age(found.now - timestamps.parse(newest.finished_at or newest.created_at))
    words = {"success": "succeeded", "partial": "was incomplete", "interrupted": "was interrupted"}
    return f"the last run {words.get(newest.status, 'failed')} {age}"


def _newest(found: Standing) -> Record | None:
    """The newest sync that has ended."""
    ended = (each for each in found.past.records if each.command == "sync" and each.status != "running")
    return next(ended, None)


def _is_newer(diff: Mapping[str, Any], verification: Mapping[str, Any] | None) -> bool:
    """Whether no verification has ended since."""
    ends = [timestamps.parse_or_none((each or {}).get("ended_at")) or 0 for each in (diff, verification)]
    return ends[0] > ends[1]


def _restrictions(found: Standing, differing: int, unlike: int) -> Iterator[str]:
    """What the sentence leaves open."""
    health = found.health
    if health.set_aside:
        yield f"{counted(health.set_aside, 'row is', 'rows are')} quarantined: NEW refused them"
    if differing:
        yield f"the last verification found {counted(differing, 'row that differs', 'rows that differ')}"
    if unlike:
        yield f"the last diff found {counted(unlike, 'row that differs', 'rows that differ')}"
    if blind := [lag.name for lag in health.tables if lag.blind]:
        yield f"updates are not seen in {', '.join(blind)}"
    if deleted := sum(lag.deletions for lag in health.tables):
        yield f"{counted(deleted, 'row is', 'rows are')} in NEW and not in OLD"
    if names := [each.name for each in found.undecided]:
        yield f"not copied, because nobody has decided on them: {', '.join(names)}"
    if found.gone:
        yield f"in NEW's state, and not in tables.yaml: {', '.join(found.gone)}"
    said = "\n".join(found.phase.next)
    yield from (each.sentence for each in found.shares if each.warns and each.sentence not in said)


def moment(instant: timestamps.Instant, now: timestamps.Instant) -> str:
    """``14:07 UTC``, with the day where it is another than that of ``now``, and the year likewise."""
    text = timestamps.to_text(instant)
    clock = f"{text[11:16]} UTC"
    day, today = date_of(instant), date_of(now)
    if day == today:
        return clock
    year = "" if day.year == today.year else f", {day.year}"
    return f"{day:%b} {day.day}{year}, {clock}"
