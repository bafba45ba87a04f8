"""Times for people: this machine's own, with their age."""

from datetime import datetime

from supasync_core.model import timestamps
from supasync_core.model.quantities import format_age

_SECOND = 1_000_000


def local(text: str) -> str:
    """``14:07``, and ``2026-11-28 14:07`` on another day; of what Python's calendar lacks, the text."""
    try:
        at, today = _local(timestamps.parse(text)), _local(timestamps.now())
    except (ValueError, OverflowError, OSError):
        return text
    return at.strftime("%H:%M" if at.date() == today.date() else "%Y-%m-%d %H:%M")


def time_and_age(text: str) -> str:
    """``14:07, 12 min ago``."""
    return f"{local(text)}, {format_age(timestamps.now() - timestamps.parse(text))}"


def _local(instant: timestamps.Instant) -> datetime:
    return datetime.fromtimestamp(instant / _SECOND).astimezone()
