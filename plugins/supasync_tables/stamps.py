"""The timestamps that a read by key meets, from page to page."""

from dataclasses import dataclass, field

from supasync_core.api.strategy import Job
from supasync_core.api.timed_reader import MARGIN, TimedReader
from supasync_core.model import timestamp_forms, timestamps
from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.errors import TransientError
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Instant
from supasync_tables.keyset_rows import instant


@dataclass
class Stamps:
    """The timestamps of one keyset: the newest one that was over by the horizon, and what lies beyond."""

    job: Job
    reader: TimedReader
    column: str
    newest: str | None
    met: bool = False
    future: int = 0
    _forms: list[str] = field(default_factory=list)
    _real: bool = False
    """Whether the source is known to sort by time, whatever the column holds."""

    def meet(self, texts: list[str]) -> int:
        """Take the texts; how many of them lie beyond the horizon."""
        self.met = True
        self._refuse_forms(texts)
        horizon = self.reader.horizon.at
        if self._sorts() and "infinity" not in texts and "-infinity" not in texts:
            newest = max(texts)  # texts of one form: the others need not be looked at
            if self._instant(newest) <= horizon and timestamps.ended(newest) <= horizon:
                self._take(newest)
                return 0
        found = [(self._instant(text), text) for text in texts]
        over = [(at, text) for at, text in found if timestamps.ended(text) <= horizon]
        if over:
            self._take(max(over)[1])
        present = timestamps.parse(self.reader.latest_at) + MARGIN
        self.future += sum(at > present for at, _ in found)
        return sum(at > horizon for at, _ in found)

    def is_beyond(self, cursor: Cursor | None) -> bool:
        """Whether the newest one is later than the cursor."""
        if self.newest is None or cursor is None or cursor.value is None:
            return self.newest is not None
        return self._instant(self.newest) > self._instant(cursor.value)

    def _take(self, text: str) -> None:
        if self.newest is None or self._instant(text) > self._instant(self.newest):
            self.newest = text

    def _instant(self, text: str) -> Instant:
        return instant(self.job.table, self.column, text)

    def _sorts(self) -> bool:
        """Whether all have one form in which texts sort by time: before a ``Z`` no fraction does."""
        return timestamp_forms.sort_by_time(self._forms) and not any(f.endswith("Z") for f in self._forms)

    def _refuse_forms(self, texts: list[str]) -> None:
        known, self._forms = self._forms, timestamp_forms.several(self._forms, texts)
        if self._real or self._forms == known or timestamp_forms.sort_by_time(self._forms):
            return
        shape = self.job.source.shape(self.job.table)
        self._real = shape.texts  # in CSV every cell is a text, and sorted as what it means
        if not self._real:
            for text in texts:
                self._instant(text)  # what is not a timestamp is reported as such
            timestamp_forms.refuse(self.job.table, self.column, shape, self._forms)


def texts_of_stamps(reader: TimedReader, table: Table, page: Batch) -> list[tuple[str | None, ...]]:
    """The timestamps of each row as texts; a lacking column is reported by whoever asks for their order."""
    page.look(table.key, table.timestamp)
    try:
        return page.texts(table.timestamp)
    except ValueError:
        pass
    if all(set(table.timestamp) <= row.keys() for row in page.rows):
        return [tuple(row[name] for name in table.timestamp) for row in page.rows]
    reader.job.source.read(table, Window((Span(Keyset(table.timestamp[0])),), 1))
    raise table.error(TransientError, "OLD returned rows that lack requested columns")
