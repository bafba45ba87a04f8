"""A first load by key: a table has an index on its key, and often none on its timestamp.

The rule. T is the source's time when the first page was asked for, in whichever run that was.

- The rows are read in the order of the key, strictly after the last confirmed one, to an empty page. A row
  that was committed before T and is not touched is read once. The source alone orders keys.
- Of each keyset the newest timestamp among the rows is kept that was over by the horizon. At the end it
  becomes the keyset's cursor, unsettled, moved by a read that began at T: so the next lower bound is that
  timestamp, less the overlap, less the time since T. No clock has a part in this but by its differences.
- A row that is changed, inserted or given another key after T is stamped no earlier than T by a clock that
  is right, and the cursor is at most the horizon. Where the app's clock is behind by any constant, both the
  new timestamp and all others are: the newest one is at most the end of the read by that clock, and T by that
  clock lies at most the time since T before it. Either way the new timestamp is not below the lower bound.
- Where all pages were read by one run, reading on from the newest timestamps, exclusive, brings what changed
  meanwhile early; the next run reads the lower bound in any case. Where earlier runs read some of them, this
  run reads from the lower bound at once, and the rows without any timestamp once more: what changed between
  two runs has to be there at the end of the second.

Rows behind a cursor are read in the same way where a page of them took long, which means that the source
scans the table for it: all pages by key together are one scan. The bounds are those of the cursors, which
stay as they are until the end.

What this does not see is what no read by timestamp sees: a row whose new timestamp is older than the rows
before it, by more than the overlap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from supasync_core.api.completeness import holds_everything, shortfall
from supasync_core.api.strategy import Job, Piece
from supasync_core.api.timed_reader import MARGIN, TimedReader
from supasync_core.model import raw_json, timestamp_forms, timestamps
from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.errors import TransientError
from supasync_core.model.page_order import Onward
from supasync_core.model.state import Backfill, KeysetState, TableState
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Instant
from supasync_tables.keyset_rows import instant

SCAN = 1_000_000
"""Microseconds that a page by timestamp may take; a page of an index takes a fraction of that."""


def is_due(job: Job) -> bool:
    """Whether the table is read by key: nothing is known of it, or such a read has not come to its end.

    A first load by timestamp, which an earlier version began, has cursors and goes on as it began.
    """
    return not job.state.keysets or (job.state.backfill is not None and _orders_by_key(job))


def pending(job: Job, bounds: Sequence[Span], *, counted: bool = False) -> Window:
    """The rows within these bounds of all keysets that a read by key has not confirmed yet.

    A settled cursor's own timestamp is left out: no more rows have it.
    """
    known = job.state.backfill
    after = Cursor(None, known.behind) if known and known.behind else None
    if not job.state.keysets:
        return Window((Span(Keyset(None), after=after),), job.table.page_size, counted=counted)
    spans = (
        replace(span, after=after, beyond=span.after.value) if span.after else replace(span, after=after)
        for span in bounds
    )
    return Window(tuple(spans), job.table.page_size, counted=counted, by_key=True)


def scans(job: Job, page: Batch) -> bool:
    """Whether a page by timestamp took so long that all others had better be read by one scan of the key.

    That is decided by the source's own times; not every source can order what it filters by the key.
    """
    at = page.read_at
    took = at.at - at.sent if at and at.sent is not None else 0
    return took > SCAN and _orders_by_key(job)


def _orders_by_key(job: Job) -> bool:
    return getattr(job.source, "orders_by_key", False) is True


@dataclass
class Sweep:
    """The rows of a table by key, and what its cursors are behind them.

    ``bounds`` hold what each keyset's cursor leaves to be read: everything, in a first load.
    """

    job: Job
    reader: TimedReader
    bounds: Sequence[Span]
    state: TableState = field(init=False)
    missing: int = 0
    seen: int = 0
    beyond: int = 0
    """Rows among them that are stamped later than the horizon."""
    _known: Backfill = field(init=False)
    _stamps: "dict[str, _Stamps]" = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.job.state
        self._known = self.state.backfill or Backfill((), self.reader.began_at)
        self._stamps = {
            keyset.column: _Stamps(
                self.job, self.reader, keyset.column, self._known.newest.get(keyset.column)
            )
            for keyset in (span.keyset for span in self.bounds)
            if keyset.column
        }

    @property
    def whole(self) -> bool:
        """Whether this run has read all pages."""
        return self.job.state.backfill is None

    @property
    def future_rows(self) -> int:
        """Rows from the future."""
        return sum(stamps.future for stamps in self._stamps.values())

    @property
    def future_rows_left(self) -> int:
        """Those of keysets that are not read again by `newer`."""
        return sum(stamps.future for stamps in self._stamps.values() if not stamps.newest)

    def read(self, begun: list[Batch]) -> Iterator[Piece]:
        """Every page behind the confirmed ones, of which the first one is taken out of the list."""
        first = begun.pop()
        total, complete = first.total, holds_everything(first)
        if first.count:
            yield self._piece(first, total)
        del first  # there is room for the next page once nobody holds this one
        yield from self._rest(total, complete=complete)

    def read_all(self, total: int | None) -> Iterator[Piece]:
        """Every page, of so many rows in all."""
        yield from self._rest(total, complete=False)

    def _rest(self, total: int | None, *, complete: bool) -> Iterator[Piece]:
        if not complete:
            onward = Onward(self.job.table)
            while (batch := self._next()).count:
                onward.behind(batch)
                yield self._piece(batch, total)
                del batch
        yield self._end(total)

    def _next(self) -> Batch:
        return self.reader.read(self.job.table, pending(replace(self.job, state=self.state), self.bounds))

    def newer(self) -> tuple[Span, ...]:
        """The rows behind the newest timestamps that were met, of each keyset."""
        return tuple(
            Span(keyset, beyond=self._stamps[keyset.column].newest)
            for keyset in (span.keyset for span in self.bounds)
            if keyset.column and (self._stamps[keyset.column].newest or not self._stamps[keyset.column].met)
        )

    def meet(self, page: Batch) -> None:
        """Take the page's timestamps; SchemaError where they are none, or texts that do not sort by time."""
        rows = _texts(self.reader, self.job.table, page)
        for i, stamps in enumerate(self._stamps.values()):
            found = [text for text in (row[i] for row in rows) if text is not None]
            self.beyond += stamps.meet(found) if found else 0
            rows = [row for row in rows if row[i] is None] if len(found) < len(rows) else []

    def _piece(self, page: Batch, total: int | None) -> Piece:
        table, known = self.job.table, self._known
        self.meet(page)
        self.seen += page.count
        before = self.job.state.backfill.rows if self.job.state.backfill else 0
        self._known = replace(
            known,
            behind=table.key_of(page.rows[-1]),
            newest={column: stamps.newest for column, stamps in self._stamps.items() if stamps.newest},
            rows=known.rows + page.count,
            total=known.total if total is None else before + total,
        )
        self.state = replace(self.state, backfill=self._known)
        return Piece(page, self.state, total)

    def _end(self, total: int | None) -> Piece:
        """Fewer rows than there are is not a complete read, and says of no page that it was: it begins again.

        Rows that were added since the first page are stamped later than the horizon, and none of these.
        """
        until = self.reader.horizon.text
        window = pending(self.job, self.bounds)
        after = window.spans[0].after
        within = window.spans if window.by_key else [replace(span, after=after) for span in self.bounds]
        spans = [replace(span, until=until) if span.keyset.column else span for span in within]
        self.missing = shortfall(self.job, total, self.seen, spans, self.seen - self.beyond)
        if self.missing:
            again = Backfill((), self._known.began_at, newest=self._known.newest)
            self.state = replace(self.state, backfill=again)
        else:
            self.state = replace(self.state, keysets=self._cursors(), backfill=None)
        return Piece(None, self.state, self.seen + self.missing)

    def _cursors(self) -> dict[str, KeysetState]:
        """The cursors behind what was read; one that it did not pass stays."""
        moved_at, began_at = self.reader.latest_at, self._known.began_at
        found = {
            column: KeysetState(Cursor(stamps.newest), moved_at=moved_at, began_at=began_at)
            for column, stamps in self._stamps.items()
            if stamps.newest and stamps.is_beyond(self.job.state.keyset(column).cursor)
        }
        return {**self.job.state.keysets, **found}


@dataclass
class _Stamps:
    """The timestamps of one keyset: the newest one that was over by the horizon, and who lies beyond it."""

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
        if self._sorts() and not any(text.endswith("infinity") for text in texts):
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


def _texts(reader: TimedReader, table: Table, page: Batch) -> list[tuple[str | None, ...]]:
    """The timestamps of each row as texts; a lacking column is reported by whoever asks for their order."""
    try:
        return raw_json.texts_or_nulls(page.body, table.timestamp)
    except ValueError:
        pass
    if all(set(table.timestamp) <= row.keys() for row in page.rows):
        return [tuple(row[name] for name in table.timestamp) for row in page.rows]
    reader.job.source.read(table, Window((Span(Keyset(table.timestamp[0])),), 1))
    raise TransientError(f"{table.name}: OLD returned rows that lack requested columns", table=table.name)
