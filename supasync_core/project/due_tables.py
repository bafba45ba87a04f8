"""Which tables an hourly run leaves for a later one: those with ``every`` that were read not long ago."""

from collections.abc import Sequence
from datetime import timedelta

from supasync_core.model import timestamps
from supasync_core.model.state import State
from supasync_core.model.table import Table


def not_due(tables: Sequence[Table], state: State, now: str, interval: timedelta) -> frozenset[str]:
    """The names of the tables that a run at the store's time ``now`` need not read.

    Runs never start exactly one ``interval`` apart, so a table is due half of one early.
    """
    return frozenset(table.name for table in tables if _was_read_lately(table, state, now, interval))


def _was_read_lately(table: Table, state: State, now: str, interval: timedelta) -> bool:
    known = state.table(table.name)
    if table.every is None or known.read_at is None or known.late or known.backfill:
        return False
    age = timestamps.parse(now) - timestamps.parse(known.read_at)
    return age < timestamps.micros_of(table.every - interval / 2)
