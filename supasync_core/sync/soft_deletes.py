"""The part of a run that removes from NEW what OLD says it has deleted: marked rows, or those of a strategy.

It follows the tables of a run that were copied to their end, and runs before rows in quarantine are tried
again: a row that OLD has deleted may hold a unique value that another one of OLD has now. Every guard of
`supasync_core.sync.removal` applies. The state moves only once none of the rows is in NEW, so whatever holds
one back, the next run asks for it again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from supasync_core.api.marked_rows import marked
from supasync_core.api.rows_there import those_there
from supasync_core.api.strategy import DeleteFeed, Gone, Job
from supasync_core.model.batch import Key
from supasync_core.model.errors import SupasyncError, TableError
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.project.own_staging import StagingError, own_staging
from supasync_core.project.present import judged
from supasync_core.project.run_options import Interrupted
from supasync_core.sync import deleting, made_rows, marked_before, own_state, removal
from supasync_core.sync.checkpoint import Checkpoint
from supasync_core.sync.freeing import Freeing
from supasync_core.sync.removal import DeletePlan, Place, Removed
from supasync_core.system.faults import explain

if TYPE_CHECKING:
    from supasync_core.staging.staging_file import Staging


ENOUGH = 1000
"""Rows of one table that are looked for: more than may be removed at once, whatever the table's size."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows of NEW that OLD has deleted, and the state that is true once they are gone."""

    keys: tuple[Key, ...]
    state: TableState


@dataclass
class SoftDeletes:
    """Removes what is to be removed; an error in one table does not stop the others."""

    checkpoint: Checkpoint
    found: dict[str, _Found] = field(default_factory=dict)

    def run(self) -> None:
        """Ask for the deleted rows of each table, and remove those that NEW has."""
        for table in self.checkpoint.options.tables:
            if ask := self._asked(table):
                self._look_apart(table, ask)
        wanted = [table for table in self.checkpoint.options.tables if table.name in self.found]
        if not wanted:
            return
        try:
            with own_staging(self.checkpoint.migration.settings) as staging:
                removed = self._remove(wanted, staging)
        except StagingError as err:
            for table in wanted:
                deleting.Deleting(self.checkpoint).not_looked(table, err, overdue=False)
            return
        if removed:
            Freeing(self.checkpoint).retry_waiting()

    def _asked(self, table: Table) -> Callable[[Job], Iterator[Gone]] | None:
        """What tells the deleted rows of this table; None if nothing does, or not in this run.

        What an earlier run, or this one, may still write could bring a row back.
        """
        checkpoint = self.checkpoint
        if checkpoint.lease.unsettled or checkpoint.known(table).late or not checkpoint.copied(table):
            return None
        return _asked_by(checkpoint.migration, table)

    def _look(self, table: Table, ask: Callable[[Job], Iterator[Gone]]) -> None:
        """Find which of the deleted rows NEW has; without any, the state moves at once."""
        checkpoint, project = self.checkpoint, self.checkpoint.migration
        source = judged(project.source, project.present)
        job = checkpoint.snapshot.job(table, source, checkpoint.known(table), checkpoint.run.now)
        state = job.state
        there = dict.fromkeys(self._in_new(table, state.deletes.held))
        for gone in () if self._is_unchanged(table, state) else ask(job):
            checkpoint.save_if_due()
            checkpoint.options.check()
            if checkpoint.options.interrupted():
                raise Interrupted
            there |= dict.fromkeys(self._in_new(table, gone.keys))
            own_state.check(table, gone.state)
            state = self._led_to(table, gone.state)
            if len(there) > ENOUGH:
                raise _too_many(table)
            if not there:
                checkpoint.keep(table, state)
        keys = tuple(made_rows.lacking(project, table, list(there)))
        if keys:
            self.found[table.name] = _Found(keys, state)
        else:
            self._done(table, state, ())

    def _led_to(self, table: Table, state: TableState) -> TableState:
        """What is known of the table, with what the strategy may have moved: the rest is not its own."""
        known = self.checkpoint.known(table)
        return replace(known, keysets=state.keysets, own=state.own, deletes=state.deletes)

    def _in_new(self, table: Table, keys: Sequence[Key]) -> list[Key]:
        return those_there(self.checkpoint.migration.sink, table, keys)

    def _remove(self, tables: Sequence[Table], staging: "Staging") -> bool:
        """Remove what was found, after another look at the lease; whether any row was removed."""
        checkpoint = self.checkpoint
        place = Place.of(checkpoint.migration, staging)
        plans = [self._weighed(place, table, staging) for table in tables]
        ends = deleting.removed(checkpoint, place, plans)
        for plan, done in ends:
            self._settle(plan, done)
        return any(done.removed for _, done in ends)

    def _weighed(self, place: Place, table: Table, staging: "Staging") -> DeletePlan:
        """What may go: rows that OLD had marked before it was first read are in NEW from elsewhere."""
        keys = self.found[table.name].keys
        if table.soft_delete:
            source, back = self.checkpoint.migration.source, staging.put_back(table, keys)
            done = marked_before.removed(source, table, staging.taken(table, keys))
            asked = [key for key in keys if key not in back and key not in done]
            mine = marked_before.copied(self.checkpoint, source, table, asked)
            staging.sighted(place.source_ref, table, dict.fromkeys(mine))
            staging.keep_sighted(place.source_ref, table)
        return removal.weigh(place, table, keys)

    def _settle(self, plan: DeletePlan, done: Removed) -> None:
        """Say what was done, and keep the state if the next run need not ask for the same rows again."""
        checkpoint, table = self.checkpoint, plan.table
        deleting.tell(checkpoint, plan, done)
        left = (*plan.unproven, *done.held)
        if done.error is None and len(left) <= deleting.KEPT:
            self._done(table, self.found[table.name].state, left)

    def _done(self, table: Table, state: TableState, held: tuple[Key, ...]) -> None:
        """Keep the state; only now may the next run take the table for unchanged, if the source says so."""
        checkpoint = self.checkpoint
        known = replace(state, deletes=replace(state.deletes, held=held))
        checkpoint.keep(table, checkpoint.snapshot.completed(table, known))

    def _is_unchanged(self, table: Table, state: TableState) -> bool:
        """Whether nothing has happened in the table since the last look that came to its end."""
        checkpoint = self.checkpoint
        if state.deletes.held or table.name in checkpoint.options.full:
            return False
        return bool(checkpoint.snapshot.unchanged([table], checkpoint.lease.state))

    def _look_apart(self, table: Table, ask: Callable[[Job], Iterator[Gone]]) -> None:
        """What fails in one table is said of it; what ends the run, or the wish to stop it, passes."""
        try:
            self._look(table, ask)
        except TableError as err:
            err.raise_if_of_no_table()
            self.checkpoint.alert(table, str(err), err.hint, err.exit_code)
        except (SupasyncError, Interrupted, KeyboardInterrupt):
            raise
        except BaseException as err:  # noqa: BLE001 - one table's must not stop the others
            found = explain(err, self.checkpoint.migration.host.whose(err))
            self.checkpoint.alert(table, f"{table.name}: {found}", found.hint, found.exit_code)


def are_told(migration: Migration, table: Table) -> bool:
    """Whether OLD tells which rows of the table it has deleted, so that each run asks for them."""
    return _asked_by(migration, table) is not None


def _asked_by(migration: Migration, table: Table) -> Callable[[Job], Iterator[Gone]] | None:
    if mark := table.soft_delete:
        return lambda job: marked(job, mark)
    strategy = migration.strategy(table)
    return strategy.deleted if isinstance(strategy, DeleteFeed) else None


def _too_many(table: Table) -> TableError:
    return table.error(
        TableError,
        f"more than {ENOUGH:,} rows of NEW are deleted in OLD; the limit is {removal.CEILING_ROWS} at a time",
        hint=deleting.by_hand(table),
    )
