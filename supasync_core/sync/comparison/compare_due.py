"""The last part of a run: the tables that are due are compared with OLD, one after the other."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from supasync_core.model import timestamps
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.errors import RowError, TableError
from supasync_core.model.row_key import has_row_key
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.own_staging import StagingError, own_staging
from supasync_core.sync.checkpoint import Checkpoint
from supasync_core.sync.comparison.due import PURPOSE, Share, Wanted, share_of, wanted
from supasync_core.sync.deleting import Deleting

if TYPE_CHECKING:
    from supasync_core.staging.staging_file import Staging
    from supasync_core.sync.comparison.table_walk import Walk


@dataclass
class Comparing:
    """Walks over the tables of a run that were copied to their end.

    What happens to one table, or the staging, does not stop the others. Nothing is compared while rows of an
    earlier run may arrive, or of this one: they could be older than what is compared.
    """

    checkpoint: Checkpoint
    deleting: Deleting = field(init=False)

    def __post_init__(self) -> None:
        self.deleting = Deleting(self.checkpoint)

    def run(self) -> None:
        """Compare what is due. The run is saved before: the next one continues after what was copied."""
        due = [each for each in map(self._looked_at, self.checkpoint.options.tables) if each]
        if not due or self.checkpoint.lease.unsettled:
            return
        checkpoint = self.checkpoint
        checkpoint.save(checkpoint.report(), status="running")
        share = share_of(checkpoint.migration, checkpoint.run.now, limited=not checkpoint.options.last)
        due = [each for each in due if has_row_key(each.table) or not share.used_up]
        with checkpoint.migration.ledger.counted_as(PURPOSE):
            self._with_staging(sorted(due, key=self._turn), share)

    def _turn(self, want: Wanted) -> tuple[bool, str]:
        """A walk that was begun is brought to its end, then who waits for the longest time comes first.

        Else a table that is due again and again would use up every day's share.
        """
        state = self.checkpoint.known(want.table)
        under_way = state.comparison is not None and state.comparison.began_at is not None
        return not under_way, state.deletes.checked_at or ""

    def _looked_at(self, table: Table) -> Wanted | None:
        """How the table is compared now; None where it is not due."""
        checkpoint = self.checkpoint
        want, result = wanted(checkpoint.migration, table), checkpoint.results.get(table.name)
        state = checkpoint.known(table)
        if want is None or result is None or result.status != "ok" or state.late:
            return None
        known = state.comparison or Comparison()
        if want.values and known.loaded_at is None:
            known = replace(known, loaded_at=checkpoint.run.now)
            checkpoint.keep(table, replace(state, comparison=known))
            state = checkpoint.known(table)
        replaced = want.deletes and has_row_key(table) and result.synced > 0
        if not (
            replaced or checkpoint.options.last or want.is_due(state, timestamps.parse(checkpoint.run.now))
        ):
            return None  # a row that was changed has another key, and the one before is in NEW
        if want.is_unchanged(state, checkpoint.snapshot.fingerprint(table)):
            now = checkpoint.run.now
            known = replace(state.comparison or known, walked_at=now)
            deletes = replace(state.deletes, checked_at=now)
            checkpoint.keep(table, replace(state, comparison=known, deletes=deletes))
            return None
        return want

    def _with_staging(self, due: Sequence[Wanted], share: Share) -> None:
        """Who looks for deletes as well needs the staging: it keeps what OLD was seen to have."""
        checkpoint, walked = self.checkpoint, set[str]()
        wants_staging = [each for each in due if each.deletes]
        try:
            with ExitStack() as stack:
                staging = None
                if wants_staging:
                    staging = stack.enter_context(own_staging(checkpoint.migration.settings))
                for each in due:
                    walked.add(each.table.name)
                    self._walk(each, staging if each.deletes else None, share)
                if staging is not None:
                    self.deleting.remove(staging)
        except StagingError as err:
            for each in wants_staging:
                self.deleting.not_looked(each.table, err, overdue=self._is_overdue(each))
            for each in due:
                if not each.deletes and each.table.name not in walked:
                    self._walk(each, None, share)

    def _is_overdue(self, want: Wanted) -> bool:
        """Whether deletes were to be looked for long ago; also where no earlier run has ever done so."""
        settings, state = self.checkpoint.migration.settings, self.checkpoint.lease.state
        known = state.table(want.table.name)
        if known.deletes.checked_at is None:
            return state.last_success is not None
        return want.is_overdue(known, timestamps.parse(self.checkpoint.run.now), settings.stale_after)

    def _walk(self, want: Wanted, staging: "Staging | None", share: Share) -> None:
        """Walk over one table; before a switch also over what a walk of an earlier run has passed."""
        small = has_row_key(want.table)
        if (share.used_up and not small) or not (want.values or want.deletes):
            return
        known = self.checkpoint.known(want.table).comparison
        under_way = known is not None and known.began_at is not None
        if self._walk_on(want, staging, share) and under_way and self.checkpoint.options.last:
            self._walk_on(want, staging, share)

    def _walk_on(self, want: Wanted, staging: "Staging | None", share: Share) -> bool:
        """Walk on over one table, and whether its end was reached; what has arrived stays, whatever comes."""
        from supasync_core.sync.comparison.table_walk import Walk  # noqa: PLC0415 - most runs compare nothing

        checkpoint, table = self.checkpoint, want.table
        before = checkpoint.known(table).comparison
        newly = checkpoint.writer.quarantine.newly(table).rows
        try:
            walk = Walk(checkpoint, want, staging, lambda: share.used_up and not has_row_key(table))
            try:
                ended = walk.run()
            finally:
                self._count(walk, newly)
        except StagingError:
            raise
        except TableError as err:
            err.raise_if_of_no_table()
            checkpoint.failed(table, err, replace(checkpoint.known(table), comparison=before))
            checkpoint.alert(table, str(err), err.hint, err.exit_code)
            return False
        if walk.search and walk.search.missing:
            self.deleting.missing(table, len(walk.search.missing))
        if walk.deletions and staging:
            self.deleting.judge(table, walk.deletions, staging)
        return ended

    def _count(self, walk: "Walk", before: int) -> None:
        """Let the table's result hold what the walk has brought; ``before`` it so many rows were refused."""
        brought, table = walk.bringer, walk.table
        if not brought.differing:
            return
        aside = self.checkpoint.writer.quarantine.newly(table)
        refused = max(0, aside.rows - before)
        result = self.checkpoint.results[table.name]
        result = replace(
            result,
            found=result.found + brought.arrived + refused,
            synced=result.synced + brought.arrived,
            brought=(result.brought or 0) + brought.arrived,
        )
        if refused:
            result = replace(aside.into(result), exit_code=result.exit_code or RowError.exit_code)
        self.checkpoint.end(result)
        if brought.arrived:
            rows = counted(brought.arrived, "row", "rows")
            self.checkpoint.note(f"{table.name}: {rows} copied after comparing the table with OLD")
