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
