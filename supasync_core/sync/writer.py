"""Getting batches into the sink, also those that hold rows which it refuses.

A sink takes a batch as a whole or not at all. Where it refuses one, the parents that rows refer to are sent
first, and rows that cannot be taken are quarantined, each with its reason; the rest continues.
Everything here is bounded: each parent is fetched once per run, parents are looked for so many times for a
batch, and where more rows are refused than the settings allow the table stops.

Several threads may attempt batches side by side. Whoever reads rows again to write them does so alone: else a
version read a moment ago could be written over a newer one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import dropwhile

from supasync_core.concurrency.rwlock import ReadWriteLock
from supasync_core.model import transform
from supasync_core.model.batch import Batch, Key, joined
from supasync_core.model.errors import BatchTooLargeError, RowError
from supasync_core.model.refused_rows import matching, printed, texts_of
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.model.transform import SameColumns
from supasync_core.project.migration import Migration
from supasync_core.schema import narrowed
from supasync_core.schema.parents import Link, Parents, reason
from supasync_core.sync import made_rows
from supasync_core.sync.batch_size import AdaptiveBatchSize, halves, send_in_parts
from supasync_core.sync.computed_columns import ComputedColumns
from supasync_core.sync.distinct_keys import ONE_ROW_TWICE, clash
from supasync_core.sync.quarantined import NOT_UNIQUE, Quarantine
from supasync_core.sync.reference_circles import CircleError, Keys, UnderWay, yielding
from supasync_core.sync.reread import Reread

STEPS = 50
"""How often parents are looked for to get one batch in, parents of parents too."""
NAMED = 10
"""How often a batch is sent again without the rows of one missing parent, where the sink names no other:
from then on it goes in halves."""
NO_PARENT = "23503"


@dataclass
class Writer:
    """The writing side of one run, which begins with the rows that earlier ones have quarantined."""

    migration: Migration
    now: str
    before: State
    fetched: defaultdict[tuple[str, Key], Keys] = field(default_factory=lambda: defaultdict(set))
    under_way: list[UnderWay] = field(default_factory=list)
    incomplete: list[tuple[Table, Batch]] = field(default_factory=list)
    quarantine: Quarantine = field(init=False)
    parents: Parents = field(init=False)
    columns: SameColumns = field(init=False)
    computed: ComputedColumns = field(init=False)
    made: set[str] = field(default_factory=set)
    """Tables in which the sink had rows of its own before anything was copied."""
    sender: str = ""
    """The table whose batch is sent alone."""
    aside: Keys = field(default_factory=set)
    """The keys of its rows that were quarantined."""
    steps: int = 0
    """How often parents were looked for since that batch began."""
    batch_size: AdaptiveBatchSize = field(default_factory=AdaptiveBatchSize)
    lock: ReadWriteLock = field(default_factory=ReadWriteLock)
    reread: Reread = field(default_factory=Reread)
    fitting: set[str] = field(default_factory=set)
    """Tables whose types in NEW were looked at."""

    def __post_init__(self) -> None:
        self.quarantine = Quarantine(self.before, self.now)
        self.parents = Parents(self.migration)
        self.columns = SameColumns(self.before)
        self.computed = ComputedColumns(self.migration)

    def attempt(self, table: Table, batch: Batch) -> None:
        """Write the batch beside others; RowError where the sink refuses it: then `send` it."""
        with self.lock.shared():
            self._write(table, batch)
            self.accepted(table, batch)

    def send(self, table: Table, batch: Batch) -> int:
        """Write the batch: each of its rows is then in the sink or quarantined; how many are in the sink."""
        with self.lock.exclusive():
            return self.deliver(table, batch)

    def deliver(self, table: Table, batch: Batch) -> int:
        """As `send`, for a caller that is alone."""
        self.sender, self.steps = table.name, 0
        self.aside.clear()
        self._send(table, batch)
        while self.incomplete:
            self._send(*self.incomplete.pop())
        return batch.count - (sum(key in self.aside for key in table.keys(batch)) if self.aside else 0)

    def _send(self, table: Table, batch: Batch) -> None:
        """Write the batch; what is refused is sent in other parts, one after the other."""

        def write(part: Batch) -> None:
            self._write(table, part)
            self.accepted(table, part)
            if self.aside and table.name == self.sender:
                self.aside.difference_update(table.keys(part))

        send_in_parts(batch, write, lambda part, err: self._rescued(table, part, err))

    def _write(self, table: Table, batch: Batch) -> None:
        """Write the batch in as many portions as it takes."""
        at = 0
        while at < batch.count:
            portion = self.batch_size.next_slice(table.name, batch, at)
            try:
                self.computed.upsert(table, portion)
            except BatchTooLargeError as err:
                self.batch_size.rejected(table.name, portion.count, err)
            else:
                self.batch_size.succeeded(table.name)
                at += portion.count

    def accepted(self, table: Table, batch: Batch) -> None:
        """A row that was refused before may be taken in a later version."""
        self.reread.sent(table, batch)
        if self.quarantine.rows[table.name]:
            self.quarantine.drop(table, table.keys(batch))

    def _rescued(self, table: Table, batch: Batch, err: RowError) -> list[Batch]:
        """What is to be sent of a batch that was refused, in this order; the rest is quarantined."""
        if err.sqlstate == NO_PARENT and err.columns and err.other:
            return self._orphaned(table, batch, err)
        if err.sqlstate == NOT_UNIQUE and (taken := matching(batch, err)):
            if table.name in self.made:
                made_rows.hint(err)
            return self._without(table, batch, taken, err)
        if err.sqlstate == ONE_ROW_TWICE and batch.count > 1:
            found = clash(table, batch, lambda part: self._write(table, part))
            if found:
                raise found from err
        return self._halved(table, batch, err)

    def _halved(self, table: Table, batch: Batch, err: RowError) -> list[Batch]:
        """The halves; rows that were refused before are sent alone, so that nobody looks for them again."""
        if batch.count == 1:
            return self._without(table, batch, [0], err)
        known = self.quarantine.refused(table, table.keys(batch))
        if known:
            return [*_others(batch, known), *(batch.only([place]) for place in known)]
        return halves(batch)

    def _orphaned(self, table: Table, batch: Batch, err: RowError) -> list[Batch]:
        """Rows refer to what the sink lacks: their parents are sent, or the rows are quarantined."""
        self.steps += 1
        link = self.parents.link(table, err)
        if link is None:
            return self._pairs_unknown(table, batch, err)
        if self.steps > STEPS:
            places = [i for i, row in enumerate(batch.rows) if texts_of(row, link.columns)]
            waits = link.parent is None
            why = reason(table, link, err) if waits else err
            return self._without(table, batch, places or range(batch.count), why, waits=waits)
        lacking = self.parents.lacking(link, batch)
        if link.parent is None:
            return self._waiting(table, batch, link, lacking, err)
        missing = set(lacking or ())
        if link.parent.name == table.name:
            missing -= {texts_of(row, link.theirs) for row in batch.rows}
        if link.reference is None and _is_there(batch, link, missing, err):
            return self._waiting(table, batch, self.parents.points_elsewhere(table, link, err), None, err)
        return self._with_parents(table, batch, link, missing, err)

    def _pairs_unknown(self, table: Table, batch: Batch, err: RowError) -> list[Batch]:
        columns = ", ".join(err.columns)
        err.hint = (
            f"it is not known which columns of {err.other} the foreign key ({columns}) refers to, so the row "
            "there is not fetched: run what supasync schema sql prints in NEW's SQL editor again"
        )
        named = matching(batch, err)
        return self._without(table, batch, named, err) if named else self._halved(table, batch, err)

    def _waiting(
        self, table: Table, batch: Batch, link: Link, lacking: Keys | None, err: RowError
    ) -> list[Batch]:
        """Rows whose parent comes from elsewhere wait for it; the others go on.

        A sink that only names one parent at a time is asked a few times; then the batch goes in halves, so
        that rows whose parent is there do not wait for those of others.
        """
        texts = [texts_of(row, link.columns) for row in batch.rows]
        places = [i for i, text in enumerate(texts) if text in (lacking or ())] or matching(batch, err)
        if not places or (lacking is None and self.steps > NAMED and batch.count > 1):
            return self._halved(table, batch, err)
        return self._without(table, batch, places, reason(table, link, err), waits=True)

    def _with_parents(
        self, table: Table, batch: Batch, link: Link, missing: Keys, err: RowError
    ) -> list[Batch]:
        """Fetch the parents that are missing in the sink, send them, then the batch again."""
        parent = link.parent
        assert parent is not None  # noqa: S101 - the caller asked for a parent
        this = UnderWay(table, batch, link.columns)
        circle = list(dropwhile(lambda waiting: not waiting.holds(link, missing), self.under_way))
        if circle and yielding([this, *reversed(circle)], self.migration.sink) is this:
            self._send_without(table, batch, link.columns)
            return []
        fetched = self.fetched[parent.name, link.theirs]
        by_key = link.theirs == parent.key
        known = {key for key in missing if by_key and self.quarantine.has_a_turn(parent, key)}
        new = missing - fetched - known
        if missing and not new:
            return self._fatherless(table, batch, link, missing, err)
        fetched |= new
        self.under_way.append(this)
        try:
            for found in self.read(parent, link.theirs, new):
                if parent.name == table.name:
                    batch = joined([found, batch])
                else:
                    self._send(parent, found)
        except CircleError as opened:
            if opened.under_way is not this:
                raise
            fetched -= new
            self._send_without(table, batch, link.columns)
            return []
        finally:
            self.under_way.pop()
        return [batch]

    def _fatherless(
        self, table: Table, batch: Batch, link: Link, missing: Keys, err: RowError
    ) -> list[Batch]:
        """Rows whose parents could not be brought: they wait where those are quarantined."""
        places = [i for i, row in enumerate(batch.rows) if texts_of(row, link.columns) in missing]
        parent = link.parent
        by_key = parent is not None and link.theirs == parent.key
        wait: list[int] = []
        stay: list[int] = []
        for i in places:
            key = texts_of(batch.rows[i], link.columns) if by_key else None
            (wait if parent and self.quarantine.holds(parent, key) else stay).append(i)
        for i in wait:
            self.quarantine_row(table, batch, i, reason(table, link, err), waits=True)
        for i in stay:
            self.quarantine_row(table, batch, i, err, waits=False)
        return _others(batch, places)

    def _send_without(self, table: Table, batch: Batch, columns: Sequence[str]) -> None:
        """Rows that refer to each other: these go without the reference first, and once more with it."""
        self._send(replace(table, exclude=(*table.exclude, *columns)), batch)
        self.incomplete.append((table, batch))

    def _without(
        self, table: Table, batch: Batch, places: Sequence[int], err: RowError, *, waits: bool = False
    ) -> list[Batch]:
        """Set the rows at these places aside; the others are what is left to send."""
        for place in places:
            self.quarantine_row(table, batch, place, err, waits=waits)
        return _others(batch, places)

    def quarantine_row(self, table: Table, batch: Batch, place: int, err: RowError, *, waits: bool) -> None:
        """Set the row at this place aside."""
        key = table.key_of(batch.rows[place])
        if table.name == self.sender:
            self.aside.add(key)
        put = self.quarantine.wait if waits else self.quarantine.refuse
        put(table, key, err, self.sender)

    def transformed(self, table: Table, batch: Batch) -> Batch:
        """The source's rows as they are sent: all of them come through here.

        TableError where they do not get the columns of all others, or NEW's columns would change them by now.
        """
        self._fit(table, batch)
        return transform.apply(self.migration.transforms(table), table, batch, self.columns)

    def _fit(self, table: Table, batch: Batch) -> None:
        """Look once in a run, before the first rows of the table."""
        if table.name in self.fitting or not batch.count:
            return
        if narrowed.are_compared(self.migration, table):
            old, new = self.migration.source.shape(table), self.migration.sink.shape(table)
            narrowed.refuse_narrowed(table, old, new, batch.columns)
            catalogs = self.computed.catalogs
            found = narrowed.refuse_narrower_parts(catalogs, table, old, new, batch.columns)
            self.computed.unproven[table.address] = found - {*table.key}
        self.fitting.add(table.name)

    def kept(self, state: State) -> State:
        """The state with what was quarantined, and with what transforms go by and give each table's rows."""
        return self.migration.referred_columns.kept(self.columns.kept(self.quarantine.kept(state)))

    def read(self, table: Table, columns: Sequence[str], values: Iterable[Key]) -> list[Batch]:
        """The source's rows with these values of the columns as they are now, transformed as all others."""
        wanted = sorted(values)
        if not wanted:
            return []
        found = self.migration.source.rows(table, columns, wanted)
        changed = [self.transformed(table, batch) for batch in found]
        for batch in changed:
            self.reread.read(table, table.keys(batch))
        return [batch for batch in changed if batch.count]


def _others(batch: Batch, places: Iterable[int]) -> list[Batch]:
    others = sorted(set(range(batch.count)) - set(places))
    return [batch.only(others)] if others else []


def _is_there(batch: Batch, link: Link, missing: Keys, err: RowError) -> bool:
    """Whether the parent that was refused is in the sink, or the row itself: the key points elsewhere."""
    if not missing:
        return True
    texts = (texts_of(row, link.columns) for row in batch.rows)
    return any(printed(text) == err.value and text not in missing for text in texts)
