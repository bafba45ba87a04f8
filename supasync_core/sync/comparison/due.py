"""Which tables are compared, by what and when, and what that may cost: bytes a day from each project.

Those of the last 24 hours are counted together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import inf

from supasync_core.api.blind_spots import UPDATES, reads_by_number
from supasync_core.model import timestamps
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.cost import Cost, Ledger
from supasync_core.model.row_key import has_row_key
from supasync_core.model.state import TableState
from supasync_core.model.table import NEVER, Table
from supasync_core.project.migration import Migration
from supasync_core.usage.spending import PROJECTS, by_purpose

PURPOSE = "compare"
"""The name of their requests in the ledger, and in what `supasync usage` shows."""
_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A table that is compared ``every`` so often: its ``values``, its ``deletes``, or both in one walk."""

    table: Table
    every: timedelta
    values: bool
    deletes: bool

    def first_at(self, known: Comparison) -> timestamps.Instant:
        """The store's time from which on a comparison of values counts.

        By then, what was open when the table was first read has been committed.
        """
        return timestamps.parse(known.loaded_at or "infinity") + timestamps.micros_of(self.table.overlap)

    def is_due(self, state: TableState, now: timestamps.Instant) -> bool:
        """Whether a walk is to begin or to go on at the store's time ``now``."""
        known = state.comparison or Comparison()
        if known.began_at is not None:
            return True
        ended = state.deletes.checked_at
        if self.deletes and ended is None:
            return True
        if self.values and not self._counts(known):
            return now >= self.first_at(known)
        return ended is None or now - timestamps.parse(ended) >= timestamps.micros_of(self.every)

    def is_overdue(self, state: TableState, now: timestamps.Instant, grace: timedelta) -> bool:
        """Whether the last one ended so long ago that one is missing."""
        ended = state.deletes.checked_at
        return ended is not None and now - timestamps.parse(ended) > timestamps.micros_of(self.every + grace)

    def is_unchanged(self, state: TableState, fingerprint: str | None) -> bool:
        """Whether the source tells that nothing has happened in the table since a comparison that counts.

        Rows that are to be removed from the sink, and were held there, are tried again.
        """
        known = state.comparison
        if known is None or known.began_at is not None or fingerprint is None or not self._counts(known):
            return False
        return known.fingerprint == fingerprint and not (self.deletes and state.deletes.rows)

    def _counts(self, known: Comparison) -> bool:
        """Whether the last comparison of values began late enough to have seen all of the first load."""
        return known.walked_at is not None and timestamps.parse(known.walked_at) >= self.first_at(known)


def wanted(migration: Migration, table: Table) -> Wanted | None:
    """How the table is compared; None where it is not.

    By value where its strategy does not see updates or reads by numbers, or where ``compare_every`` asks for
    it.
    """
    deletes = table.deletes != "ignore"
    blind = UPDATES in migration.unseen(table) or reads_by_number(migration.strategy(table), table)
    values = table.compare_every is not None or blind
    if has_row_key(table):  # it is read as a whole by every run, and a row that was changed has another key
        values = False
    every = table.compared_every
    if every == NEVER or not (values or deletes):
        return None
    return Wanted(table, every, values, deletes)


@dataclass(frozen=True)
class Share:
    """``most`` bytes; ``before`` this run so many were received from each project."""

    most: float
    ledger: Ledger
    before: Mapping[str, int]

    @property
    def used_up(self) -> bool:
        """Whether one of the projects has sent that much; a page may go beyond it."""
        now = self.ledger.received(PURPOSE)
        return any(self.before[name] + now.get(name, 0) >= self.most for name in PROJECTS)


def share_of(migration: Migration, now: str, *, limited: bool) -> Share:
    """What is left of the day's share at the store's time ``now``; without end unless it is limited."""
    since = timestamps.to_text(timestamps.parse(now) - _DAY)
    spendings = migration.store.past(0, since).spendings
    before = {name: by_purpose(spendings, name).get(PURPOSE, Cost()).received for name in PROJECTS}
    return Share(migration.settings.compare_egress if limited else inf, migration.ledger, before)
