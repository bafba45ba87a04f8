"""Exact counts on both sides, by ranges of keys that are halved where they differ."""

from dataclasses import dataclass, field

from supasync_core.api.backend import Side
from supasync_core.api.pages import pages
from supasync_core.model.batch import Cursor, Key, Keyset, Span, Window
from supasync_core.model.page_order import ends_range
from supasync_core.model.table import Table
from supasync_core.verify.findings import Range
from supasync_core.verify.measure import LEAST_PAGE, Measure
from supasync_core.verify.walk import Walk

MOST_HALVINGS = 6
"""Each costs three requests: one border and two counts. With the first two counts that makes 20."""


@dataclass
class Counting:
    """Counts of one table. Rows come and go meanwhile: a count shows where to look, and proves nothing."""

    measure: Measure
    old: int = 0
    new: int = 0
    ranges: list[Range] = field(default_factory=list)

    @property
    def comparable(self) -> bool:
        """Whether equal tables have equal counts: not where one side alone is filtered or transformed."""
        table, new = self.measure.table, self.measure.new
        return not (table.transform or new.where != self.measure.old.where)

    def unmet(self, walk: Walk, *, explained: bool) -> int:
        """By how many rows the counts and what was compared differ; 0 where each row was met.

        Where they do differ, rows may have come and gone: that side's keys are read once more, between two
        counts. ``explained``: rows were found that make the two counts differ.
        """
        before = self.old, self.new
        met = walk.met_old, walk.met_new
        apart = self.comparable and self.old != self.new and not explained
        if met == before and not apart:
            return 0
        again = self._counted(None, None)
        self.old, self.new = again.old, again.new
        unmet = 0
        if _outside(met[0], before[0], self.old):
            unmet, self.old = self._read_again(self.measure.migration.source, self.measure.old, self.old)
        if _outside(met[1], before[1], self.new):
            more, self.new = self._read_again(self.measure.migration.sink, self.measure.new, self.new)
            unmet += more
        if unmet or not self.comparable or explained:
            return unmet
        return abs(self.old - self.new)

    def _read_again(self, side: Side, table: Table, before: int) -> tuple[int, int]:
        """By how many rows a side's count differs from the keys that it gives now, and that count."""
        narrow = table.narrowed(table.key)
        met = sum(batch.count for batch in pages(side, narrow))
        after = side.count(table)
        return _outside(met, before, after), after

    def conduct(self) -> None:
        """Count both sides; where they differ, find the ranges in which they do."""
        whole = self._counted(None, None)
        self.old, self.new = whole.old, whole.new
        self.ranges = [whole] if whole.old != whole.new and self.comparable else []
        for _ in range(MOST_HALVINGS):
            wide = [each for each in self.ranges if each.old > LEAST_PAGE]
            if not wide:
                return
            widest = max(wide, key=lambda each: each.old)
            halves = self._halved(widest)
            self.ranges.remove(widest)
            self.ranges += [each for each in halves if each.old != each.new]

    def _halved(self, whole: Range) -> list[Range]:
        """The two halves by OLD's keys; the second one's counts are what remains."""
        span = self._span(whole.after, whole.to)
        window = Window((span,), 1, skip=whole.old // 2)
        narrow = self.measure.old.narrowed(self.measure.table.key)
        rows = self.measure.migration.source.read(narrow, window).rows
        if not rows:
            return [whole]
        border = self.measure.table.key_of(rows[0])
        if not ends_range(border):
            return [whole]
        first = self._counted(whole.after, border)
        return [first, Range(border, whole.to, whole.old - first.old, whole.new - first.new)]

    def _counted(self, after: Key | None, to: Key | None) -> Range:
        bounded = after is not None or to is not None
        window = Window((self._span(after, to),), 1) if bounded else None
        measure = self.measure
        return Range(
            after,
            to,
            measure.migration.source.count(measure.old, window),
            measure.migration.sink.count(measure.new, window),
        )

    def _span(self, after: Key | None, to: Key | None) -> Span:
        return Span(Keyset(None), after=None if after is None else Cursor(None, after), to=to)


def _outside(met: int, before: int, after: int) -> int:
    """How far the rows that were met lie outside of what the side counted before and after."""
    low, high = sorted((before, after))
    return max(low - met, met - high, 0)
