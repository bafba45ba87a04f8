"""What a source says of all tables before a run: how far cursors may move, which tables need no request."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from supasync_core.api.backend import Source, Survey, Surveyed
from supasync_core.api.strategy import Job, Piece, Strategy
from supasync_core.model import timestamps
from supasync_core.model.quantities import format_duration
from supasync_core.model.state import Extent, State, TableState
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration

FROZEN = timedelta(hours=6)
"""How far a horizon may lie back before cursors move on without it: until then every run reads again what has
come since, which costs; from then on rows of that one transaction are promised no longer."""
SLOW = timedelta(minutes=15)
"""How far it may lie back before that is said."""

_BEGINNING = timestamps.parse("0001-01-01T00:00:00Z")


@dataclass
class SourceSnapshot:
    """The survey of one run; without one, every table is read and nothing is known of open transactions."""

    survey: Survey | None = None
    changes: list[str] = field(default_factory=list)
    """What the extents of two runs tell and no page shows, a sentence each."""
    read_extents: dict[str, Extent | None] = field(default_factory=dict)
    """By table, the extent that its latest piece leads to."""

    @property
    def horizon(self) -> timestamps.Instant | None:
        """The instant that no cursor may pass; None where there is none, or it lies back too far."""
        return None if self.survey is None or self._lag > FROZEN else self.survey.horizon

    def job(self, table: Table, source: Source, state: TableState, now: str) -> Job:
        """The table's job, with what was told of it, and with what an earlier run may still write."""
        bounds = [self.horizon] if self.horizon is not None else []
        if state.late:
            since = state.late.since
            bounds.append(
                timestamps.parse(since) - timestamps.micros_of(table.overlap) if since else _BEGINNING
            )
        return Job(table, source, state, now, min(bounds, default=None), self._extent(table))

    def rows(self, table: Table) -> int:
        """How many rows the source says there are; 0 where nobody knows, or only some of them are copied."""
        extent = None if table.where or table.soft_delete else self._extent(table)
        return extent.rows if extent else 0

    def fingerprint(self, table: Table) -> str | None:
        """What changes with every write to the table; None where the source does not tell it."""
        extent = self._extent(table)
        return extent.fingerprint if extent else None

    def read(self, plugin: Strategy, job: Job) -> Iterator[Piece]:
        """The plugin's pieces; one without a batch where nothing has changed since a complete read.

        None of them holds an extent: a table counts as read once all of it has arrived, see `completed`.
        """
        for piece in self._pieces(plugin, job):
            self.read_extents[job.table.name] = piece.state.extent
            yield replace(piece, state=replace(piece.state, extent=None))
            del piece

    def completed(self, table: Table, state: TableState) -> TableState:
        """The state of a table that has arrived to its end, with its extent where the read was complete."""
        return replace(state, extent=self.read_extents.get(table.name))

    def unchanged(self, tables: Sequence[Table], state: State) -> frozenset[str]:
        """The tables of which the source tells that nothing has happened since their last complete read."""
        extents = {table.name: (state.table(table.name).extent, self._extent(table)) for table in tables}
        return frozenset(name for name, pair in extents.items() if _is_unchanged(*pair))

    def _pieces(self, plugin: Strategy, job: Job) -> Iterator[Piece]:
        known, extent = job.state.extent, job.extent
        if self.survey and _is_unchanged(known, extent):
            seen = self.survey.now if self.horizon is None else self.horizon
            yield Piece(None, replace(job.state, read_at=timestamps.to_text(seen)))
            return
        found = 0
        for piece in plugin.read(job):
            found += piece.batch.count if piece.batch else 0
            yield piece
            del piece
        if known and extent and (job.table.deletes == "ignore" or known.rows <= extent.rows):
            self.changes.extend(f"{job.table.name}: {text}" for text in _unseen(known, extent, found))

    def notes(self) -> list[str]:
        """What a person should know of the survey."""
        if self.survey is None:
            return []
        if self.survey.problem:
            return [f"read without the horizon: {self.survey.problem}"]
        return [*self._slow(), *self.changes]

    @property
    def _lag(self) -> timedelta:
        if self.survey is None or self.survey.horizon is None:
            return timedelta(0)
        return timedelta(microseconds=int(self.survey.now - self.survey.horizon))

    def _slow(self) -> Iterator[str]:
        lag, age = self._lag, format_duration(self._lag)
        who = self.survey.held if self.survey and self.survey.held else "a transaction"
        if lag > FROZEN:
            yield (
                f"OLD: {who} has been open for {age}: cursors move on without it, and what it commits may "
                "be missed; end it, then read its tables once more: supasync sync --full TABLE"
            )
        elif lag > SLOW:
            end = "until it ends, every run reads again everything since then"
            yield f"OLD: {who} has been open for {age}; {end}"

    def _extent(self, table: Table) -> Extent | None:
        return self.survey.extents.get(table.name) if self.survey else None


def look(migration: Migration, tables: Sequence[Table]) -> SourceSnapshot:
    """Ask the source, where it can tell; one question for all tables."""
    source = migration.source
    if not isinstance(source, Surveyed):
        return SourceSnapshot()
    columns = [
        [*(keyset.column for keyset in migration.strategy(table).keysets(table)), table.soft_delete]
        for table in tables
    ]
    asked = [(table, [name for name in names if name]) for table, names in zip(tables, columns, strict=True)]
    return SourceSnapshot(_in_the_present(source.survey(asked), migration.present.latest))


def _in_the_present(survey: Survey | None, latest: timestamps.Instant) -> Survey | None:
    """The survey, without times that are later than it can be."""
    if survey is None:
        return None
    horizon = None if survey.horizon is None else min(survey.horizon, latest)
    return replace(survey, now=min(survey.now, latest), horizon=horizon)


def _is_unchanged(known: Extent | None, extent: Extent | None) -> bool:
    return bool(known and extent and known.fingerprint == extent.fingerprint)


def _unseen(known: Extent, extent: Extent, found: int) -> Iterator[str]:
    """What has changed between two complete reads and cannot have been seen by the second."""
    fewer = known.rows - extent.rows
    if fewer > 0:
        rows = counted(fewer, "row", "rows")
        yield f"OLD has {rows} fewer than at the last run, and deletes: ignore leaves them in NEW"
    elif not found and known.newest == extent.newest:
        more = (
            f"{counted(-fewer, 'row', 'rows')} more, none of them newer"
            if fewer
            else "updates that moved no timestamp, or another column"
        )
        yield f"OLD has changes that were not read ({more}): supasync sync --full copies the whole table"
