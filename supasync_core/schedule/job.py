"""The job: what runs, where, how often, at which minute, and what that costs while nothing changes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from supasync_core.model.errors import ConfigError
from supasync_core.model.quantities import format_duration

HOUR = 60
DAY = 24 * HOUR
_EVERY = (5, 6, 10, 12, 15, 20, 30, *(HOUR * hours for hours in (1, 2, 3, 4, 6, 8, 12, 24)))
"""Minutes that divide the hour or the day evenly: every scheduler can be set to these."""
_MONTH = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One installation's sync, every ``every`` minutes, ``minute`` minutes after the hour or the day began.

    ``command`` is the program with its arguments before ``sync``, every path absolute. ``mark`` tells this
    installation from others on the same machine.
    """

    command: tuple[str, ...]
    config: str
    folder: str
    log: str
    mark: str
    every: int
    minute: int

    @property
    def interval(self) -> str:
        """The time between two runs, as ``30m``."""
        return format_duration(timedelta(minutes=self.every))

    @property
    def arguments(self) -> tuple[str, ...]:
        """The whole command line."""
        return self.called(self.config)

    def called(self, config: str) -> tuple[str, ...]:
        """The command line with the configuration named like this."""
        return (*self.command, "--config", config, "sync")

    @property
    def name(self) -> str:
        """The job's name, for a list of jobs."""
        return f"supasync-{self.mark}"

    def cost(self, tables: int, *, budgets: bool) -> str:
        """What it costs in thirty days without any change."""
        runs = _MONTH * DAY // self.every
        to_new = 2 + budgets
        return (
            f"every {self.interval}: {runs:,} runs in {_MONTH} days, about {runs * tables:,} requests "
            f"to OLD and {runs * to_new:,} to NEW while nothing changes (one for each of {tables} tables, "
            f"{to_new} for the state)"
        )


def minutes(every: timedelta) -> int:
    """The minutes between two runs; ConfigError where a scheduler cannot be set to that."""
    found = every // timedelta(minutes=1)
    if found not in _EVERY or every % timedelta(minutes=1):
        offered = ", ".join(format_duration(timedelta(minutes=each)) for each in _EVERY)
        raise ConfigError(
            [f"every {format_duration(every)}: the interval must divide an hour or a day evenly: {offered}"]
        )
    return found


def minute(holder: str, every: int) -> int:
    """When this installation runs: always the same minute, never the one at which most jobs run."""
    number = int(sha256(holder.encode()).hexdigest(), 16)
    if every < HOUR:
        return 1 + number % (every - 1)
    hour = number // HOUR % (every // HOUR)
    return hour * HOUR + 1 + number % (HOUR - 1)


def plain(job: Job, unsafe: Callable[[str], bool], what: str) -> None:
    """ConfigError where a path has characters that the scheduler cannot hold."""
    for text in (*job.arguments, job.folder, job.log):
        if unsafe(text) or not text.isprintable():
            raise ConfigError([f"{text!r}: {what}; move the folder, or write the job yourself"])
