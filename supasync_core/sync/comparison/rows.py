"""Rows of OLD that may differ from NEW's: compared, and brought where they do."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from secrets import randbits

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Key
from supasync_core.model.page_order import ends_range
from supasync_core.model.same_key import translator
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Instant
from supasync_core.sync import distinct_keys, quarantine_retry
from supasync_core.sync.checkpoint import Checkpoint
from supasync_core.sync.comparison.ranges import number_of
from supasync_core.sync.guards import Guard
from supasync_core.verify.table_comparison import VERSION, SeenRow, TableComparison, without_version
from supasync_core.verify.walk import new_rows

_NO_VERSIONS = (None, "0", "4294967295")
"""What stands for the version of a row that has none, such as one of a foreign table."""


@dataclass(frozen=True, slots=True)
class Met:
    """A row of OLD: the number of its version, and when it is stamped, as far as that can be told."""

    key: Key
    number: int
    stamped: Instant | None

    def is_later(self, moment: Instant) -> bool:
        """Whether it is stamped later than that."""
        return self.stamped is not None and self.stamped > moment


def met(how: TableComparison, batch: Batch) -> list[Met]:
    """The rows of a page that was read by this comparison; one without a version is never the same again."""
    found = []
    for row in batch.rows:
        key, version = how.table.key_of(row), row.get(VERSION)
        number = randbits(96) if version in _NO_VERSIONS else number_of(key, str(version))
        stamps = tuple(row.get(name) for name in how.stamps)
        found.append(Met(key, number, SeenRow(key, stamps).stamped))
    return found


def tell_versions(batch: Batch) -> bool:
    """Whether the rows of a page, of which there are some, tell their versions."""
    return batch.count > 0 and all(row.get(VERSION) not in _NO_VERSIONS for row in batch.rows)


@dataclass
class Bringer:
    """Brings rows of one table, through the ordinary writer; ``whole`` says how whole rows are read.

    What NEW holds as OLD has it is not sent. ``differing`` rows were sent, and ``arrived`` of them are there.
    """

    checkpoint: Checkpoint
    table: Table
    whole: TableComparison
    guard: Guard = field(init=False)
    differing: int = 0
    arrived: int = 0

    def __post_init__(self) -> None:
        state = self.checkpoint.known(self.table)
        self.guard = Guard(self.checkpoint.migration, self.table, state, self.checkpoint.run.now)

    def page(self, batch: Batch, after: Key | None) -> list[Met]:
        """Bring a page of whole rows, the one behind that key.

        Where no request can name the page's last key, NEW is not asked what it has.
        """
        found = met(self.whole, batch)
        last = found[-1].key
        self._bring(batch, new_rows(self.whole, after, last) if ends_range(last) else ())
        return found

    def named(self, keys: Sequence[Key]) -> Iterator[Met]:
        """Read the rows of these keys whole and bring them; those that are gone are left out."""
        project, new = self.checkpoint.migration, self.whole.new.whole()
        for batch in project.source.rows(self.whole.old, self.table.key, keys) if keys else ():
            if not batch.count:
                continue
            found = met(self.whole, batch)
            there = project.sink.rows(new, self.table.key, [each.key for each in found])
            self._bring(batch, (seen for page in there for seen in self.whole.of_new(page)))
            yield from found

    def end(self) -> None:
        """Nothing more is brought for now; ChangedError where NEW does not keep what was sent."""
        quarantine_retry.finish(self.checkpoint.writer, self.table)
        self.guard.readback.look(self.checkpoint.writer.quarantine.keys(self.table))

    def _bring(self, batch: Batch, theirs: Iterable[SeenRow]) -> None:
        plain = self._plain(batch)
        self.guard.read(plain)
        changed = self.checkpoint.writer.transformed(self.table, plain)
        distinct_keys.check(self.table, changed)
        keys = self.table.keys(changed)
        told = translator(self.table, self.whole.shape, keys)
        there = {told(seen.key) or seen.key: seen for seen in theirs}
        texts = changed.rows.texts
        differing = [
            i
            for i, key in enumerate(keys)
            if key not in there or not self.whole.same(SeenRow(key, (), texts[i]), there[key])
        ]
        if differing:
            self._send(changed.only(differing))

    def _plain(self, batch: Batch) -> Batch:
        """The page without the versions."""
        if not self.whole.versioned:
            return batch
        pairs = zip(batch.rows.texts, batch.rows, strict=True)
        body = raw_json.join(without_version(text, row[VERSION]) for text, row in pairs)
        return Batch(body, exact=batch.exact)

    def _send(self, batch: Batch) -> None:
        """Send rows that were read a moment ago, while nothing else is on its way.

        They may be newer than their page of a snapshot, so no page counts as unchanged from before they are
        sent. What the source told of the whole table stays true: it told that before.
        """
        checkpoint, name = self.checkpoint, self.table.name
        state = checkpoint.state.table(name)
        checkpoint.state = checkpoint.state.with_table(name, replace(state.doubtful(), extent=state.extent))
        checkpoint.save_if_due()
        arrived = checkpoint.writer.send(self.table, batch)
        self.guard.sent(batch, checkpoint.writer.quarantine.keys(self.table))
        self.differing += batch.count
        self.arrived += arrived
        checkpoint.keep(self.table, checkpoint.state.table(name), batch.count, arrived)
