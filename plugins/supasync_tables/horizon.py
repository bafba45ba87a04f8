"""The source's time when the first page of a table was asked for, or the best that is known instead."""

from supasync_core.api.table_plugin import Job
from supasync_core.model import timestamps
from supasync_core.model.timestamps import Horizon

MARGIN = 10_000_000
"""Microseconds that an answer's Date may differ from the moment its rows were looked up: whole seconds are
cut off, and a statement may take 8 s on Supabase."""


def horizon_of(job: Job) -> Horizon:
    """The source's own time at the request; without one, the state store's less the overlap, not trusted.

    A slow page was looked up long before it was answered, and what was committed meanwhile is not in it.
    Never beyond the horizon of the source's survey: a transaction that began then may still be open.
    """
    own = job.source.horizon()
    if job.horizon is not None:
        at = min(own.began, job.horizon) if own else job.horizon
        return Horizon(at, trusted=own is not None and own.trusted)
    if own:
        return Horizon(own.began, own.trusted)
    return Horizon(timestamps.parse(job.now) - timestamps.micros_of(job.table.overlap), trusted=False)


def begun_at(job: Job) -> str:
    """The source's time when the latest page was asked for, whatever transactions are open."""
    own = job.source.horizon()
    return timestamps.to_text(own.began if own else timestamps.parse(job.now))


def latest(job: Job, horizon: Horizon) -> str:
    """The source's time at its latest answer: what was read so far had been committed by then.

    Without one, the state store's as it is: less the overlap, a cursor would count as old when it moves.
    """
    own = job.source.horizon()
    return timestamps.to_text(max(own.at if own else timestamps.parse(job.now), horizon.at))
