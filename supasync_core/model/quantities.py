"""Durations and sizes: one grammar to read each, and one form to print it."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final

_LONGEST: Final = timedelta(days=36_500)
DURATION: Final = re.compile(r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")
SIZE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([kKmMgGtT][bB])")
_UNITS: Final = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_KILO: Final = 1000
_MANY_HOURS: Final = 48
"""Hours from which on an age is said in days."""
_SOME_HOURS: Final = 10
"""Hours up to which the minutes of an age are said."""


def parse_duration(text: str) -> timedelta | None:
    """``90d``, ``15m``, ``1h30m``: days, hours, minutes, seconds, up to a hundred years; else None."""
    found = DURATION.fullmatch(text)
    if not found or not found[0]:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return length if length <= _LONGEST else None


def format_duration(length: timedelta, parts: int = 4) -> str:
    """``1h30m``, whole seconds; no more than the first ``parts`` of days, hours, minutes and seconds."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    shown = [f"{n}{unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")) if n]
    return "".join(shown[:parts]) or "0s"


def format_age(microseconds: float) -> str:
    """``12 min ago``, ``2 h 5 min ago``, ``3 days ago``; the future counts as now."""
    minutes = int(max(0, microseconds) // 60_000_000)
    hours, days = minutes // 60, minutes // 1440
    if days >= _MANY_HOURS // 24:
        return f"{days} days ago"
    if hours:
        rest = minutes % 60
        return f"{hours} h {rest} min ago" if rest and hours < _SOME_HOURS else f"{hours} h ago"
    return f"{minutes} min ago" if minutes else "just now"


def parse_size(text: str) -> int | None:
    """The bytes of ``500MB`` or ``1.5 GB``, in units of 1000; None for 0, and for what is not a size."""
    found = SIZE.fullmatch(text)
    if not found:
        return None
    scale = next(scale for unit, scale in _UNITS.items() if unit.lower() == found[2].lower())
    return int(Decimal(found[1]) * scale) or None


def format_size(number: float) -> str:
    """Bytes as ``1.5 GB``, in units of 1000 as egress is billed."""
    if number < _KILO:
        return f"{number:,.0f} bytes"
    unit, scale = next(each for each in reversed(_UNITS.items()) if number >= each[1])
    return f"{number / scale:,.1f} {unit}"
