"""How many rows a complete read has to leave in the sink: as many as keys were sent.

Where two keys of the source are one key of the sink, the later row wins. Within one statement the sink
refuses that. Across statements only a count tells: it is asked for once, at the end of a read that sent rows
of the whole table. Fewer rows than keys mean that keys were lost, or that rows are being deleted in the sink.
"""

from array import array
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Self

from supasync_core.api.strategy import Job, Strategy
from supasync_core.model.batch import Batch
from supasync_core.model.errors import SchemaError, SlowQueryError, TransientError
from supasync_core.model.printable import command
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration

LOADING = "loading"
"""A read from the table's beginning has not come to its end, so that its keys are not counted yet."""
FEWER = "fewer"
"""The sink had fewer rows than keys were sent."""
_BUCKETS = 64
_AT_ONCE = 100_000
"""Keys that one set may hold: some 6 MB."""


@dataclass
class Keys:
    """Counts different keys, in eight bytes for each that was met."""

    pages: list["array[int]"] = field(default_factory=list)
    """Those of each batch, until they are counted."""
    buckets: list["array[int]"] = field(default_factory=lambda: [array("q") for _ in range(_BUCKETS)])
    """Those of more keys than a set may hold at once, by their remainder."""

    def add(self, table: Table, batch: Batch) -> None:
        """Take the batch's keys, as the source printed them; keys that are none are refused elsewhere."""
        with suppress(ValueError):
            self.pages.append(array("q", batch.key_hashes(table.key)))

    def count(self) -> int:
        """How many different ones there were."""
        if not any(self.buckets) and sum(map(len, self.pages)) <= _AT_ONCE:
            return len(set().union(*self.pages))
        if (apart := self._apart()) is not None:
            return apart
        while self.pages:
            for value in self.pages.pop():
                self.buckets[value % _BUCKETS].append(value)
        return sum(len(set(bucket)) for bucket in self.buckets)

    def _apart(self) -> int | None:
        """The same, where no page reaches into another one, as those in the order of a number; else None."""
        pages = sorted(((min(page), max(page), page) for page in self.pages if page), key=itemgetter(0))
        if any(self.buckets) or any(one[1] >= following[0] for one, following in pairwise(pages)):
            return None
        return sum(len(set(page)) for _, _, page in pages)


@dataclass
class Tally:
    """The keys that one run sends of one table; ``whole`` where it reads the table from its beginning.

    ``mark`` is what the state says of it: `LOADING`, `FEWER`, or None where nothing is to be counted.
    ``held`` are the source's rows when a run began that only continues such a table.
    """

    migration: Migration
    table: Table
    whole: bool
    mark: str | None
    held: int | None = None
    keys: Keys = field(default_factory=Keys)
    unchanged: int = 0
    statements: int = 0
    note: str | None = None

    @classmethod
    def begun(cls, migration: Migration, plugin: Strategy, job: Job) -> Self:
        """Before the first page."""
        spans = plugin.pending(job).spans
        whole = all((span.start, span.after, span.beyond) == (None, None, None) for span in spans)
        mark = LOADING if whole and job.state.read_at is None else job.state.guarded.counted
        made = cls(migration, job.table, whole, mark)
        if mark and not whole:
            try:
                made.held = migration.source.count(job.table)
            except SlowQueryError:
                made._not_counted("OLD")
        return made

    def sent(self, batch: Batch) -> None:
        """The batch is sent to the sink, in one statement as far as is known."""
        self.statements += 1
        if self.whole:
            self.keys.add(self.table, batch)

    def finished(self, at_first: int | None, left_out: int, aside: Collection[object] | None) -> None:
        """SchemaError where keys of the source were lost; ``at_first`` rows of it were counted at first.

        Rows ``aside`` were refused; None where they are not known one by one: then nothing is judged.
        """
        if aside is None:
            return
        try:
            self.mark = self._judged(at_first, left_out, len(aside))
        except TransientError:
            self.mark = None
            self._not_counted("NEW")
        except SchemaError:
            self.mark = FEWER
            raise

    def _judged(self, at_first: int | None, left_out: int, aside: int) -> str | None:
        if not self.whole:
            return self._gone_on(aside)
        if not self.statements or (self.unchanged and self.table.transform):
            return None
        if self.statements == 1 and not self.unchanged:  # the sink refuses one key twice in a statement
            return None
        sent = self.keys.count() + self.unchanged
        found = sent + left_out
        if found < (at_first or 0) and not self._unique:
            rows = min(self.migration.source.count(self.table), at_first or 0)
            if found < rows:
                raise self._repeated(rows - left_out, sent)
        if (there := self._there()) < sent - aside:
            raise self._fewer(there, f"{sent:,} different keys of OLD were sent")
        return None

    def _gone_on(self, aside: int) -> str | None:
        """A read in several runs, or one that was judged before: by the rows that the source has."""
        if self.held is None or self.table.transform:
            if self.mark == FEWER:  # how many rows a transform left out in earlier runs is not known
                raise self._fewer(None, "different keys of OLD were sent")
            return None
        if (there := self._there()) < self.held - aside:
            rows = min(self.held, self.migration.source.count(self.table))
            if there < rows - aside:
                raise self._fewer(there, f"OLD has {rows:,}")
        return None

    def _not_counted(self, project: str) -> None:
        self.note = (
            f"{self.table.name}: {project}'s row count timed out, so merged keys cannot be ruled out: "
            f"{command('verify', '--table', self.table.name)}"
        )

    @property
    def _unique(self) -> bool:
        """Whether the source itself tells its rows apart by the key."""
        primary = self.migration.source.shape(self.table).key
        return bool(primary) and {*primary} <= {*self.table.key}

    def _there(self) -> int:
        return self.migration.sink.count(self.table.whole())

    def _repeated(self, rows: int, keys: int) -> SchemaError:
        return self.table.schema_error(
            f"OLD has {rows:,} rows, and they have {keys:,} different keys ({', '.join(self.table.key)}): of "
            "rows with one key NEW keeps only the last",
            hint=f"{command('verify', '--table', self.table.name)} names them; "
            "declare a key that tells OLD's rows apart",
        )

    def _fewer(self, there: int | None, reason: str) -> SchemaError:
        name, columns = self.table.name, ", ".join(self.table.key)
        held = "fewer rows" if there is None else f"{there:,} rows"
        return self.table.schema_error(
            f"NEW has {held} where {reason}: several of OLD's keys ({columns}) are equal in NEW, or "
            "rows are being deleted there",
            hint=f"{command('verify', '--table', name)} names the rows; "
            "where a collation, a shorter type or a trigger of NEW makes keys equal, change that, "
            f"then: {command('sync', '--full', name)}",
        )
