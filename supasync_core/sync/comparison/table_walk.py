"""The walk over one table: as far as a run gets, from where the run before it has got.

Where OLD's rows tell their versions (``xmin``), the keys and versions of a known range are read, and the rows
themselves only where the sum of the versions is another one. New rows among known ones, which the insert time
tells, are read by their keys. A range that is not known is read whole. What is known of a range was told by
the same answer as its rows, or by one before it, so a change in between is seen by the next walk.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from supasync_core.api.pages import pages
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Cursor, Key, Keyset, Span, Window
from supasync_core.model.comparison_state import Comparison, Range
from supasync_core.model.errors import SchemaError
from supasync_core.model.page_order import Onward, ends_range
from supasync_core.model.table import Table
from supasync_core.project.run_options import Interrupted
from supasync_core.sync.checkpoint import Checkpoint
from supasync_core.sync.comparison.due import Wanted
from supasync_core.sync.comparison.ranges import LEAST, MOST, Ahead, joined, printed
from supasync_core.sync.comparison.rows import Bringer, Met, met, tell_versions
from supasync_core.verify.deleted_rows import Deletions, Search
from supasync_core.verify.table_comparison import TableComparison, comparison_of
from supasync_core.verify.verdict import KEYS, ROWS, STAMPS, Method

if TYPE_CHECKING:
    from supasync_core.staging.staging_file import Staging

STRETCH = 10_000
"""Rows of OLD after which rows that it has no more are looked at once more, and the walk's place is kept."""


@dataclass
class Walk:
    """One table's walk in one run; ``enough`` says whether the day's share is used up.

    Nothing else is on its way to NEW meanwhile. It stops where an answer to a write was lost: what was sent
    may arrive later, over newer rows.
    """

    checkpoint: Checkpoint
    wanted: Wanted
    evidence: "Staging | None"
    enough: Callable[[], bool]
    known: Comparison = field(init=False)
    light: TableComparison = field(init=False)
    bringer: Bringer = field(init=False)
    search: Search | None = None
    ahead: Ahead = field(init=False)
    passed: list[Range] = field(init=False)
    onward: Onward = field(init=False)
    at: Key | None = None
    """The last key that was read."""
    began: Key | None = None
    """The place where this run goes on. It passes one range at least, for of a range in part
    nothing is kept: with a share smaller than that the walk would never end."""
    bound: Key | None = None
    """The last key of the last range that was passed."""
    met: int = 0
    carried: tuple[int, int] = 0, 0
    """The sum over rows, and how many they are, that are passed and whose range has not ended yet."""
    pending: list[Met] = field(default_factory=list)
    """Rows behind ``bound``, of which only the versions were read."""
    deletions: Deletions | None = None

    @property
    def table(self) -> Table:
        """The table."""
        return self.wanted.table

    def run(self) -> bool:
        """Walk on; whether the table's end was reached."""
        while not self._must_stop():
            batch = self._page()
            if not batch.count:
                self._end()
                return True
            self._take(batch)
            if self.search and self.search.unsettled >= STRETCH:
                self._settle()
        self._settle()
        self.bringer.end()
        return False

    def __post_init__(self) -> None:
        checkpoint, table = self.checkpoint, self.table
        self.onward = Onward(table)
        self.known = checkpoint.known(table).comparison or Comparison()
        if self.known.began_at is None:
            now = checkpoint.run.now
            self.known = self.known.begun(now, self._horizon(), checkpoint.snapshot.fingerprint(table))
        how = comparison_of(checkpoint.migration, table, checkpoint.state, exact=False)
        method: Method = STAMPS if how.stamps else KEYS
        self.light = replace(how, method=method, bare=not self.wanted.values, versioned=self.wanted.values)
        self.light = replace(self.light, versioned=self.wanted.values and self._tells_versions())
        whole = replace(self.light, method=ROWS, bare=False, close=True)
        self.bringer = Bringer(checkpoint, table, whole)
        self.ahead = Ahead(self.known.ranges if self.light.versioned else ())
        self.passed = list(self.known.passed)
        self.at = self.bound = self.began = self.known.behind or None
        self.met = self.known.met
        if self.evidence:
            found = dict.fromkeys(self.known.found)
            self.search = Search(
                checkpoint.migration,
                table,
                checkpoint.state,
                self.evidence,
                self.at,
                self.met,
                found,
                self.known.more,
            )

    def _horizon(self) -> str:
        """Rows that are stamped up to then will not come any more, as far as the overlap reaches.

        Where they do, or the clocks differ, a range is read whole once more.
        """
        now = self.checkpoint.migration.source_now()
        at = timestamps.parse(self.checkpoint.run.now) if now is None else now
        return timestamps.to_text(at - timestamps.micros_of(self.table.overlap))

    def _tells_versions(self) -> bool:
        """Whether OLD's rows come with their version: views and files have none."""
        try:
            _ = replace(self.light, method=ROWS).old  # which names every column
            first = Window((Span(Keyset(None)),), 1)
            return tell_versions(self.checkpoint.migration.source.read(self.light.old, first))
        except SchemaError:
            return False

    def _must_stop(self) -> bool:
        """Renew the lease now and then, and listen to the user and the budgets."""
        self.checkpoint.save_if_due()
        self.checkpoint.options.check()
        if self.checkpoint.options.interrupted():
            self._settle()
            raise Interrupted
        return self.checkpoint.lease.unsettled or (self.enough() and self.bound != self.began)

    def _page(self) -> Batch:
        how = self.bringer.whole if self.wanted.values and not self.ahead else self.light
        span = Span(Keyset(None), after=Cursor(None, self.at) if self.at else None)
        return self.checkpoint.migration.source.read(how.old, Window((span,), how.old.page_size))

    def _take(self, batch: Batch) -> None:
        if not self.wanted.values:
            self.bound = self.table.key_of(batch.rows[-1])
            self.met += batch.count
        elif self.ahead:
            batch = self._up_to_known(batch)
            self._compare(met(self.light, batch))
        else:
            self._pass_whole(self.bringer.page(batch, self.at), batch.count)
        if self.search:
            self.search.step(batch)
        self.at = self.onward.behind(batch).key

    def _up_to_known(self, batch: Batch) -> Batch:
        """The page up to the end of the last range that is known: what lies behind it is read whole."""
        keys = self.table.keys(batch)
        if self.ahead.last in keys:
            return batch.only(range(keys.index(self.ahead.last) + 1))
        return batch

    def _compare(self, rows: list[Met]) -> None:
        """Take rows of which the versions were read, range by range."""
        most = 2 * max(LEAST, 4 * self.known.rows // MOST)
        for row in rows:
            self.pending.append(row)
            if row.key in self.ahead:
                self._close(row.key, self.ahead.through(row.key))
            elif len(self.pending) >= most and ends_range(row.key):
                self._close(row.key, None)

    def _close(self, to: Key, before: str | None) -> None:
        """The pending rows are a range, whose sum was this one before, where that is known."""
        rows, self.pending = self.pending, []
        until = timestamps.parse(self.known.until or "-infinity")
        fresh = [row.key for row in rows if row.is_later(until)]
        old = printed(sum(row.number for row in rows if not row.is_later(until)))
        if old != before or 2 * len(fresh) > len(rows):
            self._pass_whole(self._bring_range(to), len(rows), to)
            return
        rows = [row for row in rows if not row.is_later(until)]
        self._pass_whole([*rows, *self.bringer.named(fresh)], len(rows) + len(fresh), to)

    def _bring_range(self, to: Key) -> list[Met]:
        """Read the rows behind the last range up to this key whole, and bring what differs.

        A key that no request can name is the last one of the table.
        """
        found: list[Met] = []
        after, until = self.bound, to if ends_range(to) else None
        span = Span(Keyset(None), after=Cursor(None, after) if after else None, to=until)
        for batch in pages(self.checkpoint.migration.source, self.bringer.whole.old, span):
            found += self.bringer.page(batch, after)
            after = found[-1].key
            if after == until:
                break
            self.checkpoint.save_if_due()
        return found

    def _pass_whole(self, rows: list[Met], count: int, to: Key | None = None) -> None:
        """A range is in NEW as these rows say it."""
        horizon = timestamps.parse(self.known.horizon or "-infinity")
        self.bound = to or rows[-1].key
        self.met += count
        if self.light.versioned:
            total = sum(row.number for row in rows if not row.is_later(horizon))
            self._remember(self.bound, self.carried[0] + total, self.carried[1] + count)
        if not self.search:
            self._keep()

    def _remember(self, bound: Key, total: int, count: int) -> None:
        """Know a range; one that ends with a key that no request can name is part of the next."""
        if not ends_range(bound):
            self.carried = total, count
            return
        self.carried = 0, 0
        self.passed.append((bound, printed(total), count))
        if len(self.passed) > MOST:
            self.passed = joined(self.passed)

    def _settle(self) -> None:
        if self.search:
            self.search.settle()
        self._keep()

    def _keep(self) -> None:
        """Let the state know how far the walk is: all before that is confirmed."""
        search = self.search
        self._know(
            replace(
                self.known,
                behind=self.bound or (),
                met=self.met,
                ranges=self.ahead.all if self.light.versioned else self.known.ranges,
                passed=tuple(self.passed),
                found=tuple(search.found) if search else (),
                more=search.more if search else 0,
            )
        )

    def _know(self, comparison: Comparison) -> None:
        checkpoint, name = self.checkpoint, self.table.name
        self.known = comparison
        checkpoint.keep(self.table, replace(checkpoint.state.table(name), comparison=comparison))

    def _end(self) -> None:
        """The table's end: what is known beyond OLD's last row has gone with its rows."""
        if self.pending:
            self._close(self.pending[-1].key, self.ahead.through(None) if self.ahead else None)
        if self.search:
            self.deletions = self.search.finish()
        self.bringer.end()
        self._keep()
        self._know(self.known.ended(values=self.wanted.values))
        state = self.checkpoint.known(self.table)
        deletes = replace(state.deletes, checked_at=self.checkpoint.run.now)
        self.checkpoint.keep(self.table, replace(state, deletes=deletes))
