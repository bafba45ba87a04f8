"""A strategy by a version that each write draws, and strategies that break one promise each."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from supasync_core.api.backend import Source
from supasync_core.api.pages import pages
from supasync_core.api.strategy import Job, Piece, Strategy
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.state import KeysetState, TableState
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Horizon
from supasync_tables.append import Append
from supasync_tables.incremental import Incremental
from supasync_tables.snapshot import Snapshot
from tests.contracts.lies import lie

VERSION = Keyset("version")
MARGIN = 10_000_000


class Versions(Strategy):
    """New and changed rows by version, from where nothing can be committed behind any more."""

    def problems(self, table: Table) -> list[str]:
        return []

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        return []

    def unseen(self, table: Table) -> tuple[str, ...]:
        return ("deletes",)

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        return (VERSION,)

    def baseline(self, table: Table, timestamp: str) -> TableState:
        return TableState()

    def pending(self, job: Job) -> Window:
        return Window((self.behind(job),), job.table.page_size)

    def behind(self, job: Job) -> Span:
        """Where the next run begins."""
        known = job.state.keyset(VERSION.name)
        return Span(VERSION, beyond=known.cursor.value if known.settled and known.cursor else known.floor)

    def read(self, job: Job) -> Iterator[Piece]:
        known, first, last, latest = job.state.keyset(VERSION.name), None, None, None
        for page in pages(job.source, job.table, self.behind(job)):
            first, latest = first or page.read_at, page.read_at
            last = job.table.place(page.rows[-1], VERSION.column)
            yield Piece(page, job.state)
        if last is None or latest is None or first is None:
            return
        if self.waited(job, known, first):
            same = last == known.cursor
            moved = KeysetState(
                last, timestamps.to_text(latest.at), floor=known.cursor.value if known.cursor else None
            )
            yield Piece(
                None, job.state.with_keyset(VERSION.name, replace(known, settled=True) if same else moved)
            )

    def waited(self, job: Job, known: KeysetState, first: Horizon) -> bool:
        """Whether the overlap has passed since the cursor last moved."""
        if known.moved_at is None or known.settled:
            return True
        at = first.began if job.horizon is None else min(first.began, job.horizon)
        waited = at - timestamps.parse(known.moved_at) - MARGIN
        return waited >= timestamps.micros_of(job.table.overlap)


HONEST = (Versions,)


@lie("test_rows_that_commit_in_another_order_are_not_lost")
class WithoutOverlap(Versions):
    """Rows whose version is drawn before another's and committed after it are lost."""

    def behind(self, job: Job) -> Span:
        known = job.state.keyset(VERSION.name)
        return Span(VERSION, beyond=known.cursor.value if known.cursor else None)

    def waited(self, job: Job, known: KeysetState, first: Horizon) -> bool:
        return True


@lie("test_a_transaction_that_the_source_tells_of_is_waited_for")
class IgnoresTheSurvey(Incremental):
    """Cursors move beyond the horizon of open transactions."""

    def read(self, job: Job) -> Iterator[Piece]:
        return super().read(replace(job, horizon=None))


class _Shifted:
    """A source whose clock is a day ahead; in all else the source itself."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, table: Table, window: Window) -> Batch:
        page = self._source.read(table, window)
        return replace(page, read_at=page.read_at and Horizon(page.read_at.at + 86_400_000_000))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


@lie("test_a_row_from_the_future_hides_none")
class BelievesTheFuture(Incremental):
    """A row that is stamped in the future moves the cursor."""

    def read(self, job: Job) -> Iterator[Piece]:
        return super().read(replace(job, source=cast("Source", _Shifted(job.source)), horizon=None))


@lie("test_a_run_that_died_anywhere_is_made_good")
class ClaimsEarly(Incremental):
    """Each page leads to the state of the one behind it."""

    def read(self, job: Job) -> Iterator[Piece]:
        pieces = list(super().read(job))
        for piece, behind in zip(pieces, [*pieces[1:], pieces[-1]], strict=True):
            yield replace(piece, state=behind.state)


@lie("test_the_keysets_hold_every_row_once")
class ForgetsTheUntimed(Incremental):
    """Rows whose first timestamp is NULL are in no keyset."""

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        return super().keysets(table)[:1]


@lie("test_the_keysets_hold_every_row_once")
class CountsTwice(Incremental):
    """Rows that have both timestamps are in two keysets."""

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        return (Keyset("created_at"), *super().keysets(table))


@lie("test_the_first_run_brings_every_row")
class OnePage(Snapshot):
    """Only the first page is read."""

    def read(self, job: Job) -> Iterator[Piece]:
        first, *_, last = super().read(job)
        yield replace(first, state=last.state)


@lie("test_a_table_at_rest_is_not_sent_again_for_ever")
class Restless(Snapshot):
    """Everything is sent by every run."""

    def read(self, job: Job) -> Iterator[Piece]:
        return super().read(replace(job, state=TableState()))


@lie("test_the_first_run_brings_every_row")
class Endless(Versions):
    """It begins again at its end."""

    def read(self, job: Job) -> Iterator[Piece]:
        while True:
            yield from super().read(job)


@lie("test_the_first_run_brings_every_row")
class Spins(Versions):
    """It reads for ever and brings nothing."""

    def read(self, job: Job) -> Iterator[Piece]:
        while self:
            job.source.read(job.table, self.pending(job))
        yield from ()


@lie("test_an_update_follows_unless_it_is_named_as_unseen")
class SaysItSeesUpdates(Append):
    """It claims to see updates."""

    def unseen(self, table: Table) -> tuple[str, ...]:
        return ("deletes",)


@lie("test_pending_is_what_a_run_would_read")
class WaitsForLess(Incremental):
    """It says that fewer rows are pending than there are."""

    def pending(self, job: Job) -> Window:
        return Window((Span(Keyset("updated_at")),), job.table.page_size)

    def read(self, job: Job) -> Iterator[Piece]:
        return Incremental().read(job)


@lie("test_rows_behind_a_baseline_follow")
class BaselineForAll(Incremental):
    """A baseline counts as the end of the table."""

    def baseline(self, table: Table, timestamp: str) -> TableState:
        return super().baseline(table, "2999-01-01T00:00:00Z")


@lie("test_the_state_survives_being_stored")
class KeepsWhatIsNotJson(Snapshot):
    """Its state is not what it is after it was stored."""

    def read(self, job: Job) -> Iterator[Piece]:
        for piece in super().read(job):
            known = piece.state.keyset("*")
            yield replace(
                piece,
                state=piece.state.with_keyset("*", replace(known, digests=list(known.digests))),  # type: ignore[arg-type]
            )


@lie("test_a_page_that_did_not_come_is_made_good")
class GoesByTheClock(Incremental):
    """At its end the cursor moves to the time of the run, whatever the last row was."""

    def read(self, job: Job) -> Iterator[Piece]:
        state, hour = job.state, 3_600_000_000
        for piece in super().read(job):
            state = replace(piece.state, backfill=None, read_at=job.now)
            yield piece
        at = timestamps.to_text(timestamps.parse(job.now) - 2 * hour)
        for column in job.table.timestamp:
            state = state.with_keyset(column, KeysetState(Cursor(at), at, settled=True))
        yield Piece(None, state)
