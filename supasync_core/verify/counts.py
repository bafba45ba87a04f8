"""Exact counts on both sides, held against the rows that each side gave."""

from dataclasses import dataclass

from supasync_core.api.backend import Side
from supasync_core.api.pages import pages
from supasync_core.model.table import Table
from supasync_core.verify.table_comparison import TableComparison
from supasync_core.verify.walk import Walk


@dataclass
class Counts:
    """Both sides' counts of one table. Rows come and go meanwhile, so equal counts prove nothing."""

    how: TableComparison
    old: int = 0
    new: int = 0

    @property
    def comparable(self) -> bool:
        """Whether equal tables have equal counts: not where one side alone is filtered or transformed."""
        table, new = self.how.table, self.how.new
        return not (table.transform or new.where != self.how.old.where)

    def take(self) -> None:
        """Ask both sides: one request each."""
        self.old = self.how.migration.source.count(self.how.old)
        self.new = self.how.migration.sink.count(self.how.new)

    def unmet(self, walk: Walk, *, explained: bool) -> int:
        """By how many rows the counts and the rows that were compared differ; 0 where each row was met.

        Where they do differ, rows may have come and gone: both sides are counted again, and that side's keys
        are read again between two counts. ``explained``: rows were found that make the two counts differ.
        """
        before = self.old, self.new
        apart = self.comparable and self.old != self.new and not explained
        if (walk.met_old, walk.met_new) == before and not apart:
            return 0
        self.take()
        unmet = 0
        if _outside(walk.met_old, before[0], self.old):
            unmet, self.old = self._read_again(self.how.migration.source, self.how.old, self.old)
        if _outside(walk.met_new, before[1], self.new):
            more, self.new = self._read_again(self.how.migration.sink, self.how.new, self.new)
            unmet += more
        return unmet if unmet or explained or not self.comparable else abs(self.old - self.new)

    def _read_again(self, side: Side, table: Table, before: int) -> tuple[int, int]:
        """By how many rows a side's count differs from the keys that it gives now, and that count."""
        narrow = table.narrowed(table.key)
        met = sum(batch.count for batch in pages(side, narrow))
        after = side.count(table)
        return _outside(met, before, after), after


def _outside(met: int, before: int, after: int) -> int:
    """How far the number of rows that were met lies outside of the counts before and after."""
    low, high = sorted((before, after))
    return max(low - met, met - high, 0)
