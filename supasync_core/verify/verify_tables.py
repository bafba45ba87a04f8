"""Verify tables one by one: counts, then a walk over both sides, then a second look at what differed."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from supasync_core.api.blind_spots import UPDATES
from supasync_core.api.journal import current
from supasync_core.model import timestamps
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.errors import SchemaError, TableError, TransientError
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration, exchange_types
from supasync_core.verify.digest_answers import NoDigestsError, RowsDifferError
from supasync_core.verify.digest_rule import DigestPair, Digests, digests_of
from supasync_core.verify.digest_walk import DigestWalk
from supasync_core.verify.scope import cannot_see, notes, sees
from supasync_core.verify.second_look import SecondLook, synced_up_to
from supasync_core.verify.table_comparison import TableComparison, comparison_of, shown
from supasync_core.verify.unprinted import settle
from supasync_core.verify.verdict import DIGESTS, ROWS, TableVerdict, Verification
from supasync_core.verify.walk import Counts, Walk

if TYPE_CHECKING:
    from supasync_core.staging.staging_file import Staging

_SMALL = 2_000_000
"""Bytes of rows that are compared by value without being asked to, where no run sees their updates."""
_SAMPLE = 20
Progress = Callable[[Table, int, int | None], None]
"""Called before the first request for a table and after each page: its rows so far, and OLD's count."""


def verify(
    migration: Migration,
    tables: Sequence[Table],
    *,
    exact: bool | Collection[str],
    staging: "Staging | None",
    progress: Progress,
) -> Verification:
    """Compare these tables of OLD and NEW; nothing is written but to the ``staging``, where there is one.

    ``exact`` compares every value of every row, of all tables or of those that are named.
    What happens to one table does not stop the others; what concerns both projects as a whole (a wrong key,
    a foreign state) is raised.
    """
    past = migration.store.past(1)
    state = current(past, migration.source_ref) if past.state else State(migration.source_ref)
    notes_of_all = []
    if past.state is None:
        notes_of_all.append("there is no baseline in NEW: every row of OLD is expected there")
    if state.closed:
        notes_of_all.append(
            f"NEW is closed since {state.closed}: rows stamped later there are the app's and not compared"
        )
    if staging is None:
        notes_of_all.append("without a staging file nothing is kept: row versions are not compared")
    chosen = exact if isinstance(exact, Collection) else [table.name for table in tables if exact]
    before = migration.ledger.total()
    with digests_of(migration, tables) as digests:
        asked = migration.ledger.total()
        verdicts = tuple(
            _TableVerification(
                migration, table, state, staging, progress, digests, table.name in chosen
            ).run()
            for table in tables
        )
    if digests.problem:
        notes_of_all.append(digests.problem)
    now = migration.source_now()
    return Verification(
        tables=verdicts,
        at=None if now is None else timestamps.to_text(now),
        notes=tuple(notes_of_all),
        catalog_requests=asked.requests - before.requests,
        catalog_bytes=asked.sent + asked.received - before.sent - before.received,
    )


@dataclass
class _TableVerification:
    """One table."""

    migration: Migration
    table: Table
    state: State
    evidence: "Staging | None"
    progress: Progress
    digests: Digests
    exact: bool
    began: float = field(default_factory=time.monotonic)
    requests: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    total: int | None = None

    def run(self) -> TableVerdict:
        """The verdict, with what it cost; an error of this table is part of it."""
        self._report(0)
        before = self.migration.ledger.total()
        try:
            verdict = self._verdict()
        except TableError as err:
            err.raise_if_of_no_table()
            verdict = TableVerdict(
                name=self.table.name,
                method="none",
                unseen=self.migration.unseen(self.table),
                error=str(err),
                hint=err.hint,
                requests=self.requests,
            )
        after = self.migration.ledger.total()
        moved = after.sent + after.received - before.sent - before.received
        return replace(verdict, bytes=moved, seconds=time.monotonic() - self.began)

    def _verdict(self) -> TableVerdict:
        pair = self.digests.pairs.get(self.table.name)
        with self._costing("schema"):
            exchange_types(self.migration, self.table)
            how = comparison_of(self.migration, self.table, self.state, exact=self.exact)
            how = how if pair else self._versioned(how)
        walk, counts = self._by_digests(how, pair) if pair else None, None
        if walk is None:
            counts = self._count(how)
            walk = self._by_reading(how, counts, again=pair is not None)
            pair = None
        look = SecondLook(walk.how, synced_up_to(how), walk)
        with self._costing("second look"):
            look.run(walk.rewritten(self.migration.source_ref))
            if pair:
                settle(pair, look)
        if pair and any(key in walk.missing or key in walk.extra for key in look.settled):
            counts = self._count(walk.how)  # rows have come or gone since their digests
            walk.met_old, walk.met_new = (counts.old, counts.new) if counts else (walk.met_old, walk.met_new)
        if self.evidence and not pair:
            self.evidence.keep_sighted(self.migration.source_ref, self.table, look.doubtful)
        return self._found(counts, walk, look)

    def _by_digests(self, how: TableComparison, pair: DigestPair) -> Walk | None:
        """What digests show, which count rows too; None, with the reason, where the table is to be read."""
        walk = Walk(replace(how, method=DIGESTS, versioned=False), None, self._report)
        try:
            with self._costing("digests"):
                self.total = pair.rows
                DigestWalk(pair, walk).run()
        except NoDigestsError as err:
            self.digests.reasons[self.table.name] = str(err)
            self.exact = self.exact or isinstance(err, RowsDifferError)
            return None
        return walk

    def _by_reading(self, how: TableComparison, counts: Counts | None, *, again: bool) -> Walk:
        """What a walk over both sides shows; ``again``: digests did not."""
        if again:
            with self._costing("schema"):
                how = self._versioned(replace(how, method=ROWS) if self.exact else how)
        how = self._by_value_where_small(how, counts)
        with self._costing(how.method):
            walk = Walk(how, self.evidence, self._report)
            walk.run()
            for each in walk.printed:
                each.check()
        return walk

    def _found(self, counts: Counts | None, walk: Walk, look: SecondLook) -> TableVerdict:
        how = walk.how
        unmet = self._unmet(counts, walk, look)
        old, new = (counts.old, counts.new) if counts and counts.comparable else (None, None)
        if how.method == DIGESTS:
            old, new = walk.met_old, walk.met_new
        return TableVerdict(
            name=self.table.name,
            method=how.method,
            unseen=self.migration.unseen(self.table),
            old=old,
            new=new,
            compared=walk.compared,
            missing=tuple(look.missing),
            extra=tuple(look.extra),
            changed=look.changed,
            set_aside=tuple(look.set_aside),
            repeated=tuple(walk.repeated),
            unmet=unmet,
            unlooked=look.unlooked,
            in_flight=look.in_flight,
            left_out=walk.dropped,
            newer=look.newer,
            until=look.synced.text,
            digest=shown(walk.digest),
            sees=sees(how),
            cannot_see=cannot_see(how, walk),
            read_because=self.digests.reasons.get(self.table.name),
            notes=(*self.notes, *notes(how, look)),
            requests=self.requests,
        )

    def _by_value_where_small(self, how: TableComparison, counts: Counts | None) -> TableComparison:
        """Whole rows of a table that is read in one page anyway, where no run sees its updates."""
        if how.method == ROWS or counts is None or UPDATES not in self.migration.unseen(self.table):
            return how
        if not 0 < counts.old <= self.table.page_size:
            return how
        whole = replace(how, method=ROWS)
        with self._costing("a look at its rows"):
            page = self.migration.source.read(whole.old, Window((Span(Keyset(None)),), _SAMPLE))
        return whole if len(page.body) * counts.old <= _SMALL * max(page.count, 1) else how

    def _versioned(self, how: TableComparison) -> TableComparison:
        """Whether OLD's rows come with their version: views and files have none."""
        unversioned = replace(how, versioned=False)
        if self.evidence is None:
            return unversioned
        try:
            self.migration.source.read(how.old, Window((Span(Keyset(None)),), 1))
        except SchemaError:
            return unversioned
        return how

    def _count(self, how: TableComparison) -> Counts | None:
        """Both counts; None where they failed: the rest continues, and a note says so."""
        counts = Counts(how)
        try:
            with self._costing("counts"):
                counts.take()
        except TransientError as err:
            self.notes.append(f"not counted: {err}")
            return None
        self.total = counts.old
        if not counts.comparable:
            self.notes.append("counts are not compared: a filter or a transform applies to OLD's rows alone")
        return counts

    def _unmet(self, counts: Counts | None, walk: Walk, look: SecondLook) -> int:
        """How many rows the counts leave unexplained."""
        if counts is None:
            return 0
        found = (look.missing, look.extra, look.set_aside, walk.repeated)
        explained = any(found) or bool(look.in_flight or look.newer or look.unlooked)
        try:
            with self._costing("counts"):
                unmet = counts.unmet(walk, explained=explained)
        except TransientError as err:
            self.notes.append(f"not counted again: {err}")
            return 1
        if unmet:
            self.notes.append(
                f"OLD counts {counts.old:,} rows and gave {walk.met_old:,}, NEW counts {counts.new:,} and "
                f"gave {walk.met_new:,}: if rows came or went meanwhile, verify again"
            )
        return unmet

    def _report(self, done: int) -> None:
        self.progress(self.table, done, self.total)

    @contextmanager
    def _costing(self, step: str) -> Iterator[None]:
        """Count the requests of a step."""
        ledger = self.migration.ledger
        before = ledger.total().requests
        try:
            yield
        finally:
            spent = ledger.total().requests - before
            if spent:
                self.requests[step] = self.requests.get(step, 0) + spent
