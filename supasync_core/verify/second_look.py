"""A second look at rows that differed at first sight: whole rows by their keys, from both sides at one time.

Rows change while pages are read. Only what still differs when both rows are fetched together is reported.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from supasync_core.api.rows_there import keys_there
from supasync_core.model import timestamps
from supasync_core.model.batch import Key
from supasync_core.model.opaque_keys import SINGLY, opaque
from supasync_core.model.state import Quarantined
from supasync_core.model.timestamps import Instant
from supasync_core.verify.table_comparison import SeenRow, TableComparison, added
from supasync_core.verify.verdict import DIGESTS, ROWS
from supasync_core.verify.walk import Walk

ENOUGH = 1000
"""Differences of one table that are confirmed one by one; more of them need no proof to be a problem."""
_PORTION = 500
"""Rows fetched before the next are thought of; a backend asks for them in as many requests as it needs."""


@dataclass(frozen=True, slots=True)
class SyncedUpTo:
    """Sync has brought rows stamped up to ``until``, and keys up to ``reached`` where keys are all it has.

    What the last complete read could see was committed by then. A row stamped less than the overlap before
    that may have been committed after it (see "how no row is lost"), so the promise ends there. Where sync
    has never read a table completely, nothing is excused.
    """

    until: Instant | None = None
    reached: int | None = None

    def excuses(self, old: SeenRow) -> bool:
        """Whether this version of OLD's row may be too young to be in NEW."""
        if self.reached is not None and old.key[0].lstrip("-").isdigit():
            return int(old.key[0]) > self.reached
        return self.until is not None and old.stamped is not None and old.stamped > self.until

    @property
    def text(self) -> str | None:
        """The bound for people; None where there is none."""
        if self.reached is not None:
            return str(self.reached)
        return None if self.until is None else timestamps.to_text(self.until)


def synced_up_to(how: TableComparison) -> SyncedUpTo:
    """The bound that the state sets for the table."""
    table = how.table
    state = how.state.table(table.name)
    if state.read_at is None:
        return SyncedUpTo()
    if how.counted:
        known = state.keyset(table.key[0])
        value = known.cursor.value if known.settled and known.cursor else known.floor
        return SyncedUpTo(reached=None if value is None else int(value))
    if not how.stamps:
        return SyncedUpTo()
    return SyncedUpTo(until=timestamps.parse(state.read_at) - timestamps.micros_of(table.overlap))


@dataclass
class SecondLook:
    """What is left of the candidates."""

    how: TableComparison
    synced: SyncedUpTo
    walk: Walk
    missing: list[Key] = field(default_factory=list)
    extra: list[Key] = field(default_factory=list)
    filtered: set[Key] = field(default_factory=set)
    """Of the extra rows, those that OLD has, outside of ``where``."""
    changed: dict[Key, tuple[str, ...]] = field(default_factory=dict)
    set_aside: list[Key] = field(default_factory=list)
    in_flight: int = 0
    newer: int = 0
    unlooked: int = 0
    doubtful: list[Key] = field(default_factory=list)
    rewritten: int = 0
    settled: list[Key] = field(default_factory=list)
    """Candidates that are alike on both sides, or on neither, when they are looked at again."""
    unprinted: list[Key] = field(default_factory=list)
    """Of the changed rows, those that both sides print alike: only their digests differ."""

    def run(self, rewritten: Sequence[Key]) -> None:
        """Look at all candidates, until there are enough confirmed ones."""
        walk = self.walk
        self.rewritten = len(rewritten)
        aside = {row.key for row in self._quarantined()}  # refused, so not on their way
        younger = {
            key
            for key, old in (walk.missing | walk.changed).items()
            if self.synced.excuses(old) and key not in aside
        }
        self.in_flight += len(younger)
        candidates = [*walk.missing, *walk.changed, *walk.extra, *rewritten]
        wanted = [key for key in dict.fromkeys(candidates) if key not in younger]
        for start in range(0, len(wanted), _PORTION):
            if len(self.missing) + len(self.extra) + len(self.changed) >= ENOUGH:
                self._leave(wanted[start:])
                return
            self._look(wanted[start : start + _PORTION])

    def alike(self, keys: list[Key]) -> set[Key]:
        """Those of the rows that both sides have, and print alike, at this moment."""
        old, whole = self._old(keys)[0], self.how.whole()
        new = {seen.key: seen for seen in self._new(keys)}
        return {key for key in old.keys() & new.keys() if not whole.differing(old[key], new[key])}

    def _look(self, keys: list[Key]) -> None:
        old, dropped = self._old(keys)
        new = {seen.key: seen for seen in self._new(keys)}
        outside = self._outside([key for key in keys if key in new and key not in old])
        aside = {row.key for row in self._quarantined()}
        alike = self._alike(keys, old, new)
        for key in keys:
            if key in alike:
                continue
            mine, theirs = old.get(key), new.get(key)
            if mine is None:
                if theirs is None:
                    self.settled.append(key)
                else:
                    self._extra(key, theirs, filtered=key in outside or key in dropped)
            elif key in aside and (theirs is None or self.how.whole().differing(mine, theirs)):
                self.set_aside.append(key)
            elif theirs is not None:
                self._pair(key, mine, theirs)
            elif not self._younger(mine):
                self.missing.append(key)

    def _alike(self, keys: list[Key], old: dict[Key, SeenRow], new: dict[Key, SeenRow]) -> set[Key]:
        """Rows that the servers take for one though their keys have different texts: they are changed.

        OLD is asked for keys of NEW that it does not know, one by one; of many, the rest stays unlooked.
        """
        extra = [key for key in keys if key in new and key not in old]
        lost = [key for key in (*keys, *old) if key in old and key not in new]
        table = self.how.table
        names = opaque(self.how.migration.sink.shape(table), table.key) if extra and lost else ()
        if not names or self.how.old.transform:
            return set()
        found: set[Key] = set()
        for key in extra[:SINGLY]:
            for other in self._old([key])[0].keys() & set(lost):
                self.changed[other] = names
                self.doubtful.append(other)
                found |= {key, other}
        self._leave(extra[SINGLY:])
        return found | set(extra[SINGLY:])

    def _pair(self, key: Key, mine: SeenRow, theirs: SeenRow) -> None:
        walk, columns = self.walk, self.how.whole().differing(mine, theirs)
        if columns and self._written_since_closed(theirs):
            self.newer += 1
        elif columns and not self._younger(mine):
            self.changed[key] = columns
            self.doubtful.append(key)
        elif not columns and any(key in each for each in (walk.missing, walk.changed, walk.extra)):
            self.settled.append(key)
            if self.how.method == DIGESTS:
                return  # the digest is of the rows that were equal at first sight
            row = mine if self.how.method == ROWS else replace(mine, text=None)
            walk.digest = added(walk.digest, row)  # that of any other row is in it since the first sight

    def _extra(self, key: Key, theirs: SeenRow, *, filtered: bool) -> None:
        if self._written_since_closed(theirs):
            self.newer += 1
            return
        self.extra.append(key)
        if filtered:
            self.filtered.add(key)

    def _leave(self, keys: list[Key]) -> None:
        """Count as different what nobody looks at again."""
        self.doubtful += keys
        self.unlooked += len(keys)

    def _younger(self, mine: SeenRow) -> bool:
        younger = self.synced.excuses(mine)
        self.in_flight += younger
        return younger

    def _written_since_closed(self, theirs: SeenRow) -> bool:
        """Whether the app has written the row in NEW since the switch."""
        closed = self.how.state.closed
        stamped = theirs.stamped if closed else None
        return closed is not None and stamped is not None and stamped > timestamps.parse(closed)

    def _quarantined(self) -> tuple[Quarantined, ...]:
        return self.how.state.quarantine.get(self.how.table.name, ())

    def _old(self, keys: list[Key]) -> tuple[dict[Key, SeenRow], set[Key]]:
        """OLD's rows as they should be in NEW, and the keys of those that a transform leaves out."""
        whole = replace(self.how.whole(), versioned=False)
        bare = replace(whole.old, transform=())  # they are applied here
        found: dict[Key, SeenRow] = {}
        dropped: set[Key] = set()
        for batch in self.how.migration.source.rows(bare, self.how.table.key, keys):
            for key, seen in whole.of_old(batch):
                if seen is None:
                    dropped.add(key)
                else:
                    found[key] = seen
        return found, dropped

    def _new(self, keys: list[Key]) -> Iterator[SeenRow]:
        whole = self.how.whole()
        table = replace(whole.new.whole(), transform=())
        for batch in self.how.migration.sink.rows(table, self.how.table.key, keys):
            yield from whole.of_new(batch)

    def _outside(self, keys: list[Key]) -> set[Key]:
        """Those rows that OLD has, though not among those that ``where`` lets through."""
        table = self.how.table
        return keys_there(self.how.migration.source, table, keys) if table.where else set()
