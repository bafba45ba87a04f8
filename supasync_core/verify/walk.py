"""Both sides side by side: each page of OLD against the rows that NEW has in the same range of keys.

OLD is read by keyset. For each of its pages NEW is asked for the rows beyond the page before, up to the
page's last key, in NEW's own order of keys. These ranges together hold every row of NEW, whatever its order
(they lead from the first place to the last without a gap), so no row is overlooked where two servers sort
texts differently; such rows just turn up in another range, and are matched at the end. Exact counts are
held against the rows that each side gave.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from supasync_core.api.backend import Side
from supasync_core.api.pages import pages
from supasync_core.concurrency.memory_budget import BytesHeld, bounded
from supasync_core.concurrency.prefetch import prefetch
from supasync_core.model.batch import Batch, Cursor, Key, Keyset, Span
from supasync_core.model.page_order import ends_range
from supasync_core.model.pg_types import INTEGERS, UNZONED, ZONED, type_of
from supasync_core.model.same_key import translator
from supasync_core.model.table import Table
from supasync_core.schema.printed_precision import Printing
from supasync_core.verify.table_comparison import SeenRow, TableComparison, added
from supasync_core.verify.verdict import ROWS

if TYPE_CHECKING:
    from supasync_core.staging.staging_file import Staging

_SORTED_ALIKE = (*INTEGERS, "numeric", "uuid", "boolean", "date", ZONED, UNZONED)
"""Key types that every PostgreSQL sorts alike; texts go by a collation, which each server has its own of."""


@dataclass
class Walk:
    """What differs at first sight: candidates for a second look."""

    how: TableComparison
    evidence: "Staging | None"
    progress: Callable[[int], None]
    missing: dict[Key, SeenRow] = field(default_factory=dict)
    extra: dict[Key, SeenRow] = field(default_factory=dict)
    changed: dict[Key, SeenRow] = field(default_factory=dict)
    """OLD's rows, of those that both sides have."""
    dropped: int = 0
    compared: int = 0
    timeless: int = 0
    met_old: int = 0
    met_new: int = 0
    repeated: dict[Key, None] = field(default_factory=dict)
    """Keys that one side has more than once: no row can be told from the other by them."""
    digest: int = 0
    """Over the rows that are equal."""
    matched: set[Key] | None = None
    """The keys that were found on both sides; None where no row can turn up in two ranges."""
    printed: tuple[Printing, Printing] = field(init=False)
    """What each side printed of whole rows."""
    after: Key | None = None
    """The key up to which both sides were compared."""
    mine: dict[Key, SeenRow] = field(default_factory=dict)
    """OLD's rows behind that, up to a key that a range may end with."""

    def __post_init__(self) -> None:
        self.printed = self.how.printed()
        kinds = (type_of(self.how.shape, name) for name in self.how.table.key)
        if not all(kind.startswith(_SORTED_ALIKE) for kind in kinds):
            self.matched = set()

    def run(self) -> None:
        """Read both tables to their end."""
        source = bounded(self.how.migration.source, BytesHeld())
        for batch in prefetch(pages(source, self.how.old)):
            self.step(batch)
            del batch
            self.progress(self.compared)
        self.finish()
        self.match_across()

    def step(self, batch: Batch) -> None:
        """Compare a page of OLD, the one behind the page before, with NEW's rows of the same range."""
        self.mine |= self._wanted(batch)
        last = self.how.table.key_of(batch.rows[-1])
        del batch
        if ends_range(last):
            self._compare(self.mine, new_rows(self.how, self.after, last, self.printed[1].seen))
            self.after, self.mine = last, {}

    def finish(self) -> None:
        """Take all that NEW has behind OLD's last row."""
        self._compare(self.mine, new_rows(self.how, self.after, None, self.printed[1].seen))
        self.mine = {}

    def rewritten(self, source: str) -> list[Key]:
        """Rows that look equal and were written in OLD since the last verification."""
        if self.evidence is None or not self.how.versioned or self.how.method == ROWS:
            return []
        found = self.evidence.rewritten(source, self.how.table)
        return [key for key in found if key not in self.missing and key not in self.changed]

    def _wanted(self, batch: Batch) -> dict[Key, SeenRow]:
        """OLD's rows of a page as they should be in NEW; each is noted as seen that NEW has not refused."""
        mine: dict[Key, SeenRow] = {}
        versions: dict[Key, str | None] = {}
        self.met_old += batch.count
        self.printed[0].seen(batch)
        for key, seen in self.how.of_old(batch):
            if key in versions:
                self.repeated[key] = None
            versions[key] = seen.version if seen else None
            if seen is None:
                self.dropped += 1
            else:
                mine[key] = seen
        if self.evidence:
            aside = {row.key for row in self.how.state.quarantine.get(self.how.table.name, ())}
            copied = {key: version for key, version in versions.items() if key in mine and key not in aside}
            self.evidence.sighted(self.how.migration.source_ref, self.how.table, copied)
        return mine

    def _compare(self, mine: dict[Key, SeenRow], theirs: Iterator[SeenRow]) -> None:
        first: dict[Key, bool] = {}  # of the rows of this range, whether no other range has shown it
        told = translator(self.how.table, self.how.shape, mine)
        for each in theirs:
            key = told(each.key)
            new = each if key in (None, each.key) else replace(each, key=key)
            again = new.key in first
            if not again:
                known = self.matched is not None and (new.key in self.matched or new.key in self.extra)
                first[new.key] = not known
            self.met_new += first[new.key]
            old = mine.pop(new.key, None)
            if again:
                self.repeated[new.key] = None
            elif old is not None:
                self._pair(old, new)
            elif first[new.key]:
                self.extra[new.key] = new.light
        self.missing |= {key: old.light for key, old in mine.items()}

    def _pair(self, old: SeenRow, new: SeenRow, *, same: bool | None = None) -> None:
        self.compared += 1
        if self.matched is not None:
            self.matched.add(old.key)
            self.extra.pop(old.key, None)
        if self.how.stamps and all(each is None for each in old.stamps):
            self.timeless += 1
        if self.how.same(old, new) if same is None else same:
            self.digest = added(self.digest, old)
        else:
            self.changed[old.key] = old.light

    def match_across(self) -> None:
        """Rows that NEW has in another range than OLD, because it sorts keys differently."""
        for key in [key for key in self.missing if key in self.extra]:
            old, new = self.missing.pop(key), self.extra.pop(key)
            texts = self.how.method == ROWS
            self._pair(old, new, same=old.text == new.text if texts else None)


def new_rows(
    how: TableComparison,
    after: Key | None,
    to: Key | None,
    each: Callable[[Batch], None] = lambda _batch: None,
) -> Iterator[SeenRow]:
    """NEW's rows of the range; the page that ends with the range's last key is its last one.

    ``each`` is called with every page.
    """
    span = Span(Keyset(None), after=None if after is None else Cursor(None, after), to=to)
    for batch in pages(how.migration.sink, how.new, span):
        each(batch)
        yield from how.of_new(batch)
        if how.table.key_of(batch.rows[-1]) == to:
            return
        del batch


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
