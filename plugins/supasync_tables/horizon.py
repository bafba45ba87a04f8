"""The source's time at the first page of a table, or the best that is known instead."""

from supasync_core import clock
from supasync_core.backend import Job
from supasync_core.clock import Horizon

MARGIN = 10_000_000
"""Microseconds that an answer's Date may differ from the moment its rows were looked up: whole seconds are
cut off, and a statement may take 8 s on Supabase."""


def horizon_of(job: Job) -> Horizon:
    """The source's own time; without one, the state store's less the overlap, not trusted.

    Never beyond the horizon of the source's survey: a transaction that began then may still be open.
    """
    own = job.source.horizon()
    if job.horizon is not None:
        return Horizon(min(own.at, job.horizon), own.trusted) if own else Horizon(job.horizon, trusted=False)
    if own:
        return own
    return Horizon(clock.parse(job.now) - clock.micros_of(job.table.overlap), trusted=False)


def latest(job: Job, horizon: Horizon) -> str:
    """The source's time at its latest answer: what was read so far had been committed by then."""
    own = job.source.horizon() or horizon
    return clock.to_text(max(own.at, horizon.at))
