"""Rows deleted in OLD, as a comparison has found them: named, or removed from NEW too."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from supasync_core.model.batch import Key
from supasync_core.model.errors import SupasyncError, TransientError
from supasync_core.model.printable import command
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.own_staging import StagingError
from supasync_core.schema.foreign_keys import UntoldKeysError
from supasync_core.sync import removal
from supasync_core.sync.checkpoint import Checkpoint
from supasync_core.sync.removal import DeletePlan, Place, Removed

if TYPE_CHECKING:
    from supasync_core.staging.staging_file import Staging
    from supasync_core.verify.deleted_rows import Deletions

SHOWN = 10
KEPT = 100
"""Keys of deleted rows that the state names for each table."""


@dataclass
class Deleting:
    """What is done about rows of NEW that OLD does not have."""

    checkpoint: Checkpoint
    weighed: list[DeletePlan] = field(default_factory=list)

    def not_looked(self, table: Table, err: StagingError, *, overdue: bool) -> None:
        """Let the report say that nobody looked: an alert, unless it may pass and is not ``overdue``."""
        text = f"deleted rows were not looked for; the next run looks for them: {err}"
        if not any(note.startswith(text) for note in self.checkpoint.notes):
            self.checkpoint.note(text, err.hint)
        passing = err.exit_code == TransientError.exit_code and not overdue
        code = TransientError.exit_code if passing else SupasyncError.exit_code
        self.checkpoint.amend(table, error=text, hint=err.hint, exit_code=code)

    def missing(self, table: Table, rows: int) -> None:
        """Say that so many rows of OLD are not in NEW, though sync should have brought them."""
        self.checkpoint.alert(
            table,
            f"{table.name}: {counted(rows, 'row of OLD is', 'rows of OLD are')} not in NEW",
            f"to list them: {command('verify', '--table', table.name)}; "
            f"to copy them: {command('sync', '--full', table.name)}",
            3,
        )

    def judge(self, table: Table, found: "Deletions", staging: "Staging") -> None:
        """Name the rows, or weigh whether they may be removed."""
        self._keep(table, found.keys, found.more)
        number = len(found.keys) + found.more
        if table.deletes == "report" and number:
            self._name(table, found.keys, found.more, staging)
        if table.deletes == "mirror" and found.keys and not found.more:
            self.weighed.append(
                removal.weigh(Place.of(self.checkpoint.migration, staging), table, found.keys)
            )
        elif table.deletes == "mirror" and number:
            rows = counted(number, "row is", "rows are")
            self.checkpoint.alert(table, f"{table.name}: {rows} deleted in OLD", by_hand(table), 3)

    def _name(self, table: Table, keys: Sequence[Key], more: int, staging: "Staging") -> None:
        """Name the rows: those that OLD was seen to have are deleted there, of others nobody knows."""
        exact = table.exact_keys(keys)
        migration = self.checkpoint.migration
        seen = staging.seen(migration.source_ref, table, exact, migration.sink.shape(table))
        gone = [key for key in exact if key in seen]
        other = [key for key in exact if key not in seen]
        for named, unnamed, fate in (
            (gone, 0, "deleted in OLD"),
            (other, more, "not in OLD: deleted there before supasync saw it, or written only in NEW"),
        ):
            number = len(named) + unnamed
            if number:
                shown = "; ".join([*(", ".join(key) for key in named[:SHOWN]), *["..."] * (number > SHOWN)])
                rows = counted(number, "row of NEW is", "rows of NEW are")
                self.checkpoint.note(f"{table.name}: {rows} {fate}: {shown}")

    def remove(self, staging: "Staging") -> None:
        """Remove what was weighed, after another look at the lease."""
        checkpoint = self.checkpoint
        if not self.weighed:
            return
        place = Place.of(checkpoint.migration, staging)
        for plan, done in removed(checkpoint, place, self.weighed):
            tell(checkpoint, plan, done)
            if done.error is None:
                self._keep(done.table, (*plan.unproven, *done.held), 0)
            elif isinstance(done.error, UntoldKeysError):
                self._keep(done.table, (*plan.unproven, *plan.keys), 0)

    def _keep(self, table: Table, keys: tuple[Key, ...], more: int) -> None:
        """Let the state name the deleted rows that NEW still has."""
        checkpoint = self.checkpoint
        state = checkpoint.known(table)
        deletes = replace(state.deletes, keys=keys[:KEPT], rows=len(keys) + more)
        checkpoint.state = checkpoint.state.with_table(table.name, replace(state, deletes=deletes))
        checkpoint.amend(table, deleted=len(keys) + more)


def removed(
    checkpoint: Checkpoint, place: Place, plans: Sequence[DeletePlan]
) -> list[tuple[DeletePlan, Removed]]:
    """Remove the rows, after another look at the lease; how each plan ended."""
    for plan in plans:
        checkpoint.writer.reread.written.add(plan.table.name)
    checkpoint.save(checkpoint.report(), status="running")
    done = {each.table.name: each for each in removal.remove(place, plans, checkpoint.run.now)[1]}
    return [(plan, done.get(plan.table.name) or Removed(table=plan.table)) for plan in plans]


def tell(checkpoint: Checkpoint, plan: DeletePlan, done: Removed) -> None:
    """Let the report say how a table's removal ended, and which rows stay."""
    table = plan.table
    if plan.keys:
        before = checkpoint.results[table.name].removed or 0
        checkpoint.amend(table, removed=before + done.removed)
    if isinstance(done.error, UntoldKeysError):
        checkpoint.note(str(done.error), done.error.hint)
    elif done.error is not None:
        hint = done.error.hint if done.removed else by_hand(table)
        checkpoint.alert(table, str(done.error), hint, done.error.exit_code)
    elif done.removed:
        rows = counted(done.removed, "row was", "rows were")
        checkpoint.note(
            f"{table.name}: {rows} removed from NEW, as in OLD; to undo that: supasync reconcile undo"
        )
    if done.held:
        rows = counted(
            len(done.held),
            f"row that is deleted in OLD stays in NEW: rows of {done.holder} refer to it",
            f"rows that are deleted in OLD stay in NEW: rows of {done.holder} refer to them",
        )
        checkpoint.note(f"{table.name}: {rows}")
    if plan.unproven:
        rows = counted(len(plan.unproven), "row that OLD does not have is", "rows that OLD does not have are")
        why = "nothing shows that OLD ever had them, or they were put back"
        checkpoint.note(f"{table.name}: {rows} left in NEW: {why}")


def by_hand(table: Table) -> str:
    """What a person does about rows that a run does not remove."""
    look = command("verify", "--table", table.name)
    return f"look at them: {look}; to remove them: supasync reconcile old new --delete"
