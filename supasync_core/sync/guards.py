"""What must be true of a table for its cursor to mean anything, looked at while it is copied."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Key, Keyset, Span, Window
from supasync_core.model.errors import SchemaError, SlowQueryError
from supasync_core.model.printable import command
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.sync.fingerprint import current_settings, refuse_other_columns
from supasync_core.sync.readback import Readback

ALIVE_EVERY = timedelta(hours=24)
"""How often a table in which nothing happens is asked whether its rows are still to be seen."""
_FIRST = Window((Span(Keyset(None)),), limit=1)


@dataclass
class Guard:
    """Watches one table during one run. ``now`` is the state store's time."""

    migration: Migration
    table: Table
    state: TableState
    now: str
    looked: bool = False
    readback: Readback = field(init=False)

    def __post_init__(self) -> None:
        self.readback = Readback(self.migration, self.table)

    def begin(self) -> None:
        """SchemaError where rows were copied under other settings, or are gone from the sink."""
        now = current_settings(self.migration, self.table, self.state.guarded.settings)
        if self.state.guarded.absent_since:
            refuse_emptied(self.migration, self.table, self.state)
        self._note(settings=now, absent_since=None)

    def read(self, batch: Batch) -> None:
        """SchemaError where the source has other columns than the rows that were copied."""
        refuse_other_columns(self.table, self.state.guarded, batch.columns)
        known = self.state.guarded
        if (known.columns, known.last_seen_rows_at) != (batch.columns, self.now):
            self._note(columns=batch.columns, last_seen_rows_at=self.now)

    @property
    def needs_lookup(self) -> bool:
        """Whether rows of a first load are still to be read back, before more of them are sent."""
        return not (self.looked or self.state.read_at)

    def sent(self, batch: Batch, aside: Collection[Key] | None) -> None:
        """ChangedError where the sink does not keep the rows of a first load's first batch.

        Later runs write over rows, which other triggers see, and often but a few: `finished` reads a sample
        of all that was sent, and the rows that a type with fewer digits would round. Rows ``aside`` were
        refused; None where they are not known one by one.
        """
        written = self._written(batch, aside) if aside else batch
        if self.looked:
            self.readback.scan(written)
            return
        self.readback.sent(written)
        if self.needs_lookup:
            self.looked = True
            self.readback.look(aside)

    def _written(self, batch: Batch, aside: Collection[Key]) -> Batch:
        """Without the rows that were refused: they tell nothing of what the sink does to others."""
        keys = self.table.keys(batch)
        kept = [place for place, key in enumerate(keys) if key not in aside]
        return batch if len(kept) == batch.count else batch.only(kept)

    def finished(self, rows: int, aside: Collection[Key] | None) -> None:
        """ChangedError where the sink does not keep what was sent, SchemaError where OLD returns no rows."""
        self.readback.look(aside)
        self._alive(rows, none_aside=aside is not None and not aside)

    def _alive(self, rows: int, *, none_aside: bool) -> None:
        """SchemaError where a table that had rows shows none any more, on either side."""
        seen = self.state.guarded.last_seen_rows_at
        if rows or not seen:
            return
        if timestamps.parse(self.now) - timestamps.parse(seen) < timestamps.micros_of(ALIVE_EVERY):
            return
        try:
            first = self.migration.source.read(self.table.narrowed(self.table.key), _FIRST)
        except SlowQueryError:  # a view, or a `where` that few rows meet: nothing is known of it in this run
            return
        if not first.count:  # to count all of them may take too long
            raise no_rows_in_source(self.table)
        if none_aside:
            refuse_emptied(self.migration, self.table, self.state)
        self._note(last_seen_rows_at=self.now)

    def counted(self, mark: str | None) -> None:
        """Keep whether rows are still to be counted in the sink: see `supasync_core.sync.tally`."""
        self._note(counted=mark)

    def stamped(self, state: TableState) -> TableState:
        """The state that a piece leads to, with what was seen here."""
        return replace(state, guarded=self.state.guarded)

    def _note(self, **fields: Any) -> None:  # noqa: ANN401 - of `Guarded`
        self.state = replace(self.state, guarded=replace(self.state.guarded, **fields))


def no_rows_in_source(table: Table) -> SchemaError:
    """A table of which rows were copied, and OLD returns none."""
    return table.schema_error(
        "OLD returned no rows; this table had rows before",
        hint="is the key still the right one? If the table was emptied on purpose: "
        f"{command('state', 'reset', table.name)}",
    )


def refuse_emptied(migration: Migration, table: Table, state: TableState) -> None:
    """SchemaError where rows were copied and the sink has none at all: the state would pass them over."""
    if (
        may_be_missed(table, state)
        and not migration.sink.read(table.whole().narrowed(table.key), _FIRST).count
    ):
        raise no_rows_in_sink(table)


def may_be_missed(table: Table, state: TableState) -> bool:
    """Whether the sink must have rows: some were seen, and nothing leaves out or removes all of them."""
    reached = state.read_at or state.backfill or any(each.cursor for each in state.keysets.values())
    seen = reached and state.guarded.last_seen_rows_at
    return bool(seen and not table.transform and not table.soft_delete)


def no_rows_in_sink(table: Table) -> SchemaError:
    """A table of which rows were copied, and NEW has none."""
    return table.schema_error(
        "NEW has no rows, and rows were copied: they would not be copied again",
        hint=f"to copy all rows again: {command('sync', '--full', table.name)}",
    )
