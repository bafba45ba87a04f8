"""A first load by key: a table has an index on its key, and often none on its timestamp.

The rule. T is the source's time when the first page was asked for, in whichever run that was.

- The rows are read in the order of the key, strictly after the last confirmed one, to an empty page. A row
  that was committed before T and is not touched is read once. The source alone orders keys.
- Several readers may read a large table at once, each a range of keys: see `supasync_tables.key_ranges`. Its
  bounds are fixed, and compared by the source alone, so at any moment a key lies in one range. The pages of
  all ranges are handed on one after the other, and each state says how far every range has come by then: it
  claims no row behind that place. Two versions of a row have one key, so they come from one range, in its
  order; a row that gets another key is changed after T. Every range is read to an empty page or to its
  bound, the rest to an empty page.
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
from supasync_core.api.timed_reader import TimedReader
from supasync_core.model.backfill_state import Backfill, KeyRange
from supasync_core.model.batch import Batch, Cursor, Key, Keyset, Span, Window
from supasync_core.model.errors import TransientError
from supasync_core.model.state import KeysetState, TableState
from supasync_tables.key_ranges import Division
from supasync_tables.stamps import Stamps, texts_of_stamps

NAMED = 500
"""Characters of keys that one address names several times, beside each other."""
SCAN = 1_000_000
"""Microseconds that a page by timestamp may take; a page of an index takes a fraction of that."""


def is_due(job: Job) -> bool:
    """Whether the table is read by key: nothing is known of it, or such a read has not come to its end.

    A first load by timestamp, which an earlier version began, has cursors and goes on as it began.
    """
    return not job.state.keysets or (job.state.backfill is not None and _orders_by_key(job))


def pending(job: Job, bounds: Sequence[Span]) -> Window:
    """The rows within these bounds of all keysets that a read by key has not confirmed yet.

    Where the open ranges make an address too long, also rows behind the first of them that were confirmed.
    """
    ranges, rest = _open(job)
    if ranges and sum(len(text) for each in ranges for text in (*each.behind, *each.to)) > NAMED:
        rest, ranges = ranges[0].behind, ()
    spans = [span for each in ranges for span in _within(job, bounds, each.behind, each.to)]
    return _window(job, [*spans, *_within(job, bounds, rest)], counted=True)


def _open(job: Job) -> tuple[tuple[KeyRange, ...], Key]:
    """The ranges that are not confirmed, and the key behind which nothing is."""
    known = job.state.backfill
    return (known.ranges, known.behind) if known else ((), ())


def first(job: Job, bounds: Sequence[Span]) -> Window:
    """The first page of what lies behind all that was read, with its count."""
    return _window(job, _within(job, bounds, _open(job)[1]), counted=True)


def _window(job: Job, spans: Sequence[Span], *, counted: bool = False) -> Window:
    return Window(tuple(spans), job.table.page_size, counted=counted, by_key=bool(job.state.keysets))


def _within(job: Job, bounds: Sequence[Span], behind: Key, to: Key | None = None) -> list[Span]:
    """The rows within these bounds that have such a key.

    A settled cursor's own timestamp is left out: no more rows have it.
    """
    after = Cursor(None, behind) if behind else None
    if not job.state.keysets:
        return [Span(Keyset(None), after=after, to=to)]
    return [
        replace(span, after=after, to=to, beyond=span.after.value if span.after else span.beyond)
        for span in bounds
    ]


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
    _stamps: dict[str, Stamps] = field(init=False)
    _pages: Division = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.job.state
        self._known = self.state.backfill or Backfill((), self.reader.began_at)
        self._stamps = {
            keyset.column: Stamps(self.job, self.reader, keyset.column, self._known.newest.get(keyset.column))
            for keyset in (span.keyset for span in self.bounds)
            if keyset.column
        }
        self._pages = Division(self.job, self.reader, self._part, self._known.behind, self._known.ranges)

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
        """Every page that is not confirmed, of which the first one is taken out of the list."""
        first = begun.pop()
        self._pages.begins(first, ended=holds_everything(first))
        total = self._counted(first.total)
        if first.count:
            yield self._piece(first, total)
        del first  # there is room for the next page once nobody holds this one
        yield from self.read_all(total)

    def read_all(self, total: int | None) -> Iterator[Piece]:
        """Every page, of so many rows in all."""
        for page in self._pages.pages():
            if page.count:
                yield self._piece(page, total)
            del page
        yield self._end(total)

    def _counted(self, behind: int | None) -> int | None:
        """How many rows are to be read, of which so many lie behind all ranges; None if it is not known."""
        try:
            windows = [_window(self.job, spans) for spans in self._ranges()]
            counts = [self.job.source.count(self.job.table, each) for each in windows]
        except TransientError as err:
            self._pages.notes.append(f"{self.job.table.name}: open ranges of keys were not counted: {err}")
            return None
        return None if behind is None else behind + sum(counts)

    def _part(self, behind: Key, to: Key | None) -> Window:
        return _window(self.job, _within(self.job, self.bounds, behind, to))

    def _behind(self) -> list[Span]:
        return _within(self.job, self.bounds, _open(self.job)[1])

    def _ranges(self) -> list[list[Span]]:
        """The ranges that were open when this run began, each as spans."""
        return [_within(self.job, self.bounds, each.behind, each.to) for each in _open(self.job)[0]]

    def newer(self) -> tuple[Span, ...]:
        """The rows behind the newest timestamps that were met, of each keyset."""
        return tuple(
            Span(keyset, beyond=self._stamps[keyset.column].newest)
            for keyset in (span.keyset for span in self.bounds)
            if keyset.column and (self._stamps[keyset.column].newest or not self._stamps[keyset.column].met)
        )

    def meet(self, page: Batch) -> None:
        """Take the page's timestamps; SchemaError where they are none, or texts that do not sort by time."""
        rows = texts_of_stamps(self.reader, self.job.table, page)
        for i, stamps in enumerate(self._stamps.values()):
            texts = [row[i] for row in rows]
            found = [text for text in texts if text is not None]
            self.beyond += stamps.meet(found) if found else 0
            rows = [row for row in rows if row[i] is None] if len(found) < len(rows) else []

    def _piece(self, page: Batch, total: int | None) -> Piece:
        known = self._known
        self.meet(page)
        self.seen += page.count
        before = self.job.state.backfill.rows if self.job.state.backfill else 0
        behind, ranges = self._pages.place
        self._known = replace(
            known,
            behind=behind,
            ranges=ranges,
            newest={column: stamps.newest for column, stamps in self._stamps.items() if stamps.newest},
            rows=known.rows + page.count,
            total=known.total if total is None else before + total,
        )
        self.state = replace(self.state, backfill=self._known)
        return Piece(page, self.state, total)

    def _end(self, total: int | None) -> Piece:
        """The last state: with cursors, or, if rows are missing, that of a read that begins again.

        If rows are missing, no single page is known to be complete.

        Rows that were added since the first page are stamped later than the horizon, and none of these.
        """
        groups = [self._until(spans) for spans in (self._behind(), *self._ranges())]
        self.missing = shortfall(self.job, total, self.seen, groups[0], self.seen - self.beyond, *groups[1:])
        if self.missing:
            again = Backfill((), self._known.began_at, newest=self._known.newest)
            self.state = replace(self.state, backfill=again)
        else:
            self.state = replace(self.state, keysets=self._cursors(), backfill=None)
        note = "; ".join(self._pages.notes) or None
        return Piece(None, self.state, self.seen + self.missing, note=note)

    def _until(self, spans: Sequence[Span]) -> list[Span]:
        """Those rows of the spans that are stamped up to the horizon, and those without a timestamp."""
        until = self.reader.horizon.text
        if self.job.state.keysets:
            return [replace(span, until=until) if span.keyset.column else span for span in spans]
        (span,) = spans
        stamped = (replace(each, after=span.after, to=span.to) for each in self.bounds)
        return [replace(each, until=until) if each.keyset.column else each for each in stamped]

    def _cursors(self) -> dict[str, KeysetState]:
        """The cursors behind what was read; one that it did not pass stays."""
        moved_at, began_at = self.reader.latest_at, self._known.began_at
        found = {
            column: KeysetState(Cursor(stamps.newest), moved_at=moved_at, began_at=began_at)
            for column, stamps in self._stamps.items()
            if stamps.newest and stamps.is_beyond(self.job.state.keyset(column).cursor)
        }
        return {**self.job.state.keysets, **found}
