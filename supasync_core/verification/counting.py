"""Exact counts on both sides, by ranges of keys that are halved where they differ."""

from dataclasses import dataclass, field, replace

from supasync_core.batch import Cursor, Keyset, Span, Window
from supasync_core.evidence import Key
from supasync_core.verification.findings import Range
from supasync_core.verification.measure import LEAST_PAGE, Measure

MOST_HALVINGS = 6
"""Each costs three requests: one border and two counts. With the first two counts that makes 20."""


@dataclass
class Counting:
    """Counts of one table. Rows come and go meanwhile: a count shows where to look, and proves nothing."""

    measure: Measure
    old: int = 0
    new: int = 0
    ranges: list[Range] = field(default_factory=list)

    def conduct(self) -> None:
        """Count both sides; where they differ, find the ranges in which they do."""
        whole = self._counted(None, None)
        self.old, self.new = whole.old, whole.new
        self.ranges = [whole] if whole.old != whole.new else []
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
        narrow = replace(self.measure.old, columns=self.measure.table.key, exclude=(), transform=())
        rows = self.measure.project.source.read(narrow, window).rows
        if not rows:
            return [whole]
        border = self.measure.table.place(rows[0], None).key
        first = self._counted(whole.after, border)
        return [first, Range(border, whole.to, whole.old - first.old, whole.new - first.new)]

    def _counted(self, after: Key | None, to: Key | None) -> Range:
        bounded = after is not None or to is not None
        window = Window((self._span(after, to),), 1) if bounded else None
        measure = self.measure
        return Range(
            after,
            to,
            measure.project.source.count(measure.old, window),
            measure.project.sink.count(measure.new, window),
        )

    def _span(self, after: Key | None, to: Key | None) -> Span:
        return Span(Keyset(None), after=None if after is None else Cursor(None, after), to=to)
