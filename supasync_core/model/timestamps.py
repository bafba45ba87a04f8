"""Timestamps as PostgreSQL prints them, compared and moved without losing a microsecond.

Python's datetime holds neither ``infinity`` nor BC nor years above 9999, all of which PostgreSQL prints
(PostgreSQL documentation, 8.5 "Date/Time Types"). Here a timestamp is a whole number of microseconds since
1970-01-01 UTC, or plus or minus infinity.
"""

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from math import inf
from typing import Annotated

import msgspec

Instant = int | float
"""Microseconds since 1970-01-01 UTC; ``inf`` and ``-inf`` for PostgreSQL's infinities."""

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_PATTERN = (
    r"(?P<year>\d{4,7})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?)?"
    r"\s*(?P<zone>Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?"
    r"(?P<bc>\s*(?:BC|\(BC\)))?"
)
_TEXT = re.compile(_PATTERN, re.ASCII)
_TWICE = timedelta(hours=1)
_USUAL = 40
"""Characters of a timestamp as servers print it."""
_UTC = ("Z", "+00:00", "+00")
_SPACE = " \t\n\r"
"""What may stand around a timestamp; `str.strip` alone takes away what PostgreSQL does not."""

Time = Annotated[str, msgspec.Meta(pattern=rf"(?a)^(?:-?infinity|\s*{_PATTERN}\s*)\Z")]
"""A text that `parse` takes, which msgspec checks where one is read from what is stored."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """A source's own time at an answer; not ``trusted`` where it may be stale or is another clock's.

    ``at`` is in microseconds since 1970, UTC; `parse` reads it from an ISO text. ``sent`` is its time when
    that was asked, where the source can tell: rows may have been looked up then.
    """

    at: Instant
    trusted: bool = True
    sent: Instant | None = None

    @property
    def began(self) -> Instant:
        """The earliest moment at which the rows of the answer may have been looked up."""
        return self.at if self.sent is None else min(self.at, self.sent)

    @property
    def text(self) -> str:
        """The time as an ISO text in UTC."""
        return to_text(self.at)


def now() -> int:
    """This machine's time."""
    return time.time_ns() // 1000


def parse(text: str) -> Instant:
    """The instant of a timestamp text, without a zone taken as UTC; ValueError where it is none."""
    return _known(text) if len(text) <= _USUAL else _parsed(text)


def parse_or_none(value: object) -> Instant | None:
    """The instant of a timestamp text; None for NULL and for anything that is not a timestamp."""
    try:
        return parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def to_text(instant: Instant) -> str:
    """The ISO text of an instant in UTC, as PostgreSQL reads it, microseconds kept."""
    if instant in (inf, -inf):
        return "infinity" if instant > 0 else "-infinity"
    days, rest = divmod(int(instant), _DAY)
    year, month, day = _date(days)
    seconds, micros = divmod(rest, _SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    era, year = (" BC", 1 - year) if year < 1 else ("", year)
    fraction = f".{micros:06}".rstrip("0").rstrip(".")
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z{era}"


def shifted(text: str, by: timedelta) -> str:
    """The timestamp moved by ``by``, in the form of the original: a day stays a day, and so does the zone.

    A column of texts compares texts, and only those of one form have the order of what they mean.
    """
    moved, found = parse(text) + micros_of(by), _TEXT.fullmatch(text.strip(_SPACE))
    if found is None or found["bc"] or moved in (inf, -inf):
        return to_text(moved) if found is None or found["zone"] else to_text(moved).replace("Z", "")
    local = to_text(moved + _offset(found["zone"]) * _SECOND).replace("Z", "")
    if found["hour"] is None:
        return local.partition("T")[0]
    return local.replace("T", text.strip(_SPACE)[found.end("day")]) + (found["zone"] or "")


def lag(overlap: timedelta, text: str) -> timedelta:
    """How far behind this timestamp rows may still come: the overlap, and an hour where it has no zone.

    Such a time may be a local one, and the hour before the end of summer time comes twice.
    """
    found = _TEXT.fullmatch(text.strip(_SPACE))
    return overlap + _TWICE if found and found["hour"] and not found["zone"] else overlap


def ended(text: str) -> Instant:
    """The first instant that is surely not before the timestamp: of a day, when it is over everywhere.

    A day has the resolution of a day, and is the present somewhere until twelve hours after it ends in UTC.
    """
    found = _TEXT.fullmatch(text.strip(_SPACE))
    return parse(text) + (_DAY + _DAY // 2 if found and found["hour"] is None else 0)


def between(earlier: Instant, later: Instant) -> timedelta:
    """How long it is from one instant to the other, at most as long as a timedelta can tell."""
    most = micros_of(timedelta.max)
    return timedelta(microseconds=int(max(-most, min(later - earlier, most))))


def micros_of(delta: timedelta) -> int:
    """The whole microseconds of a timedelta."""
    return delta // timedelta(microseconds=1)


def _parsed(text: str) -> Instant:
    if text in ("infinity", "-infinity"):
        return inf if text == "infinity" else -inf
    found = _TEXT.fullmatch(text.strip(_SPACE))
    if not found:
        raise ValueError(f"not a timestamp: {text!r}")
    year, month, day, hour, minute, second, fraction, zone, bc = found.groups()
    days = _days(1 - int(year) if bc else int(year), int(month), int(day))
    seconds = (int(hour or 0) * 60 + int(minute or 0)) * 60 + int(second or 0)
    micros = int(fraction.ljust(6, "0")) if fraction else 0
    return days * _DAY + (seconds - _offset(zone)) * _SECOND + micros


_known = lru_cache(maxsize=1024)(_parsed)
"""The same of texts that are not long: rows share timestamps, and a row's is asked for several times."""


def _offset(zone: str | None) -> int:
    """Seconds east of UTC."""
    if not zone or zone in _UTC:
        return 0
    digits = zone[1:].replace(":", "").ljust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
    return -seconds if zone[0] == "-" else seconds


@lru_cache(maxsize=1024)
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar, for any year (0 is 1 BC)."""
    year -= month <= 2  # noqa: PLR2004 - years begin in March, so that leap days come last
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def _date(days: int) -> tuple[int, int, int]:
    """The inverse of `_days`."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    month = (shifted_month + 2) % 12 + 1
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    return year_of_era + era * 400 + (month <= 2), month, day  # noqa: PLR2004 - see _days
