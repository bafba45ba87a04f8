"""Answers that a cache has kept: they say what was true when the cache asked, so nothing is decided by them.

One rule for all that is asked by HTTP: rows, accounts, files. An answer is older than its question where it
says so (``Age``), and where its ``Date`` is behind what the same server has shown before. How far the clock
is off does not matter, only how it goes on: where a Date that is behind moves with the retries of a question,
it is another node's clock, or one that was set back. So that not even the first answer is an old one, each
question has an address that nobody has asked before.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from secrets import token_hex
from threading import local
from typing import Final, NamedTuple

from supasync_core.model.quantities import format_duration

ASK_THE_SERVER: Final[Mapping[str, str]] = {"cache-control": "no-cache"}
"""The header by which a request asks every cache on its way not to answer by itself (RFC 9111, 5.2.1.4)."""
APART: Final = 120.0
"""Seconds by which the clocks of servers behind one address may differ."""
_INEXACT: Final = 2.0
"""Seconds by which a Date may be behind its clock: it has no fractions, and servers keep its text."""
STEP: Final = 1.5
"""Seconds after which a Date must have moved; the pauses of all retries have room for two such steps."""
_STEPS: Final = 2
"""How often it must have moved: by one step alone, kept answers to two questions could."""
_DATE: Final = re.compile(r"[A-Za-z]{3}, [^,]{1,40}")
_LONGEST: Final = 2000
"""Characters of headers of dates that are looked at."""


def never_asked() -> str:
    """A word that makes the address of a question one that no cache can know."""
    return f"n{token_hex(6)}"


class _Shown(NamedTuple):
    """A Date in seconds since 1970, and between which seconds of `time.monotonic` it was written."""

    date: float
    asked: float
    came: float

    def goes_on_as(self, later: "_Shown") -> bool:
        """Whether one clock can have shown both."""
        moved = later.date - self.date
        return later.asked - self.came - _INEXACT <= moved <= later.came - self.asked + _INEXACT


@dataclass
class ServerClock:
    """One server's clock, as far as its answers have shown it; threads share it.

    Make one for each project that is asked, and hand every answer to it; a question is asked again by the
    thread that has asked it.
    """

    _newest: tuple[float, float] | None = None
    """The latest Date, in seconds since 1970, and when it came."""
    _proven: _Shown | None = None
    """What another clock of that address has shown that is behind and goes on."""
    _refused: local = field(default_factory=local)
    """What the last answers to this thread have ``shown``, all refused, and how many ``steps`` it went on."""

    def kept(self, headers: Mapping[str, str], asked: float, came: float) -> str | None:
        """The sentence for an answer that a cache has kept; None for a server's own.

        Names of headers are in small letters. ``asked`` is the second of `time.monotonic` before the request
        was sent, and ``came`` that at which its answer was there.
        """
        if kept := _by_age(headers):
            return kept
        at = earliest_date(headers)
        if at is None:
            return None
        if self._newest is not None:
            date, then = self._newest
            behind = date + asked - then - at
            if behind > APART and not self._goes_on(_Shown(at, asked, came)):
                length = format_duration(timedelta(seconds=int(behind)), 2)
                return f"a cache answers in its place (Date: {length} behind an earlier answer's)"
            self._refused.shown = None
            if behind <= APART and at - came <= date - then:
                return None
        self._newest = at, came
        return None

    def _goes_on(self, now: _Shown) -> bool:
        """Whether a Date that is behind is of a clock that goes on; a kept answer's stands at each retry."""
        if self._proven is not None and self._proven.goes_on_as(now):
            return True
        shown: _Shown | None = getattr(self._refused, "shown", None)
        if shown is None or not shown.goes_on_as(now):
            self._refused.shown, self._refused.steps = now, 0
        elif now.asked - shown.came >= STEP and now.date > shown.date:
            self._refused.shown, self._refused.steps = now, self._refused.steps + 1
            if self._refused.steps >= _STEPS:
                self._proven = now
                return True
        return False


def earliest_date(headers: Mapping[str, str]) -> float | None:
    """The ``Date`` in seconds since 1970; None without one, the earliest where a cache has added its own."""
    text = headers.get("date", "")[:_LONGEST]
    found = [at for each in _DATE.findall(text) or [text] if (at := http_date(each)) is not None]
    return min(found).timestamp() if found else None


@lru_cache(maxsize=64)
def http_date(text: str | None) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7), always in UTC; None for what is not one."""
    try:
        found = parsedate_to_datetime(text or "")
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
        found.timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found


def _by_age(headers: Mapping[str, str]) -> str | None:
    age = headers.get("age", "").strip()
    if age.strip("0") == "":
        return None
    return f"a cache answers in its place (Age: {age[:20]})"
