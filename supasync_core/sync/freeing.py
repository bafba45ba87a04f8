"""Room for rows that the source has inserted again under a new key: the row that it deleted is in their way.

A run does it by itself where the table says ``deletes: mirror``, and only for a row that the source was seen
to have, and has no more, while it has another one with the same unique value. So no more rows go than come.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import RowError, TableError
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.own_staging import StagingError, own_staging
from supasync_core.sync import made_rows, removal
from supasync_core.sync.checkpoint import Checkpoint
from supasync_core.sync.made_rows import in_the_way
from supasync_core.sync.quarantine_retry import retry
from supasync_core.sync.removal import Place

if TYPE_CHECKING:
    from supasync_core.staging.staging_file import Staging

FREED = 20
"""Rows of one table that a run makes room for."""


@dataclass
class Freeing:
    """The part of a run behind its tables; it also keeps which rows of them the source was seen to have."""

    checkpoint: Checkpoint

    def run(self) -> None:
        """Make room where there is something in the way; nothing that fails here fails the run."""
        checkpoint = self.checkpoint
        tables = [table for table in checkpoint.options.tables if table.deletes == "mirror"]
        blocked = [table for table in tables if self._aside(table)]
        sighted = [table for table in tables if checkpoint.sighted.get(table.name)]
        if not blocked and not sighted:
            return
        project = checkpoint.migration
        try:
            with own_staging(project.settings) as staging:
                for table in sighted:
                    found = dict.fromkeys(checkpoint.sighted[table.name])
                    staging.sighted(project.source_ref, table, found)
                    staging.keep_sighted(project.source_ref, table)
                freed = [table for table in blocked if self._freed(table, staging)]
        except StagingError as err:
            self.checkpoint.note(
                f"the keys of OLD's rows were not stored, so no row was removed: {err}", err.hint
            )
            return
        if freed:
            self.retry_waiting()

    def _aside(self, table: Table) -> dict[Key, Sequence[str]]:
        """The rows that are kept out by one that the source does not have, with the unique columns."""
        if not self.checkpoint.copied(table):
            return {}
        rows = [row for row in self.checkpoint.writer.quarantine.rows[table.name].values() if row.blockers]
        return {row.key: row.columns for row in rows[:FREED]}

    def _freed(self, table: Table, staging: "Staging") -> bool:
        """Remove what is in the way now, and send the rows that it kept out; whether anything was removed."""
        checkpoint = self.checkpoint
        aside = self._aside(table)
        try:
            batches = checkpoint.writer.read(table, table.key, list(aside))
            found = [key for batch in batches for key in self._blockers(table, batch, aside)]
            gone = made_rows.lacking(checkpoint.migration, table, list(dict.fromkeys(found)))
            place = Place.of(checkpoint.migration, staging)
            weighed = removal.weigh(place, table, gone, FREED)
            if not weighed.keys:
                return False
            checkpoint.writer.reread.written.add(table.name)
            change, [done] = removal.remove(place, [weighed], checkpoint.run.now)
            if done.error:
                raise done.error
            if done.held:
                rows = counted(len(done.held), "row stays", "rows stay")
                checkpoint.note(
                    f"{table.name}: {rows} in NEW that OLD has replaced: rows of {done.holder} refer to them"
                )
            self._send(table, batches)
            self._sight(table, batches, staging)
            if done.removed:
                rows = counted(done.removed, "row was", "rows were")
                what = "removed from NEW: OLD has inserted the same row under a new key"
                self.checkpoint.note(f"{table.name}: {rows} {what}")
                # kept, and no more to be undone: others have their place
                staging.settle("removed", change, table)
        except StagingError:
            raise
        except TableError as err:
            err.raise_if_of_no_table()
            self.checkpoint.note(str(err), err.hint)
            return False
        return bool(done.removed)

    def _blockers(self, table: Table, batch: Batch, aside: dict[Key, Sequence[str]]) -> list[Key]:
        pairs = zip(batch.rows, table.keys(batch), strict=True)
        project = self.checkpoint.migration
        return [k for row, key in pairs for k in in_the_way(project, table, row, aside.get(key, ()))]

    def _send(self, table: Table, batches: Sequence[Batch]) -> None:
        writer = self.checkpoint.writer
        with writer.lock.exclusive():
            for batch in batches:
                for index in range(batch.count):
                    writer.deliver(table, batch.only([index]))
        self._settle(table)

    def _sight(self, table: Table, batches: Sequence[Batch], staging: "Staging") -> None:
        """Keep which of these rows the sink has by now."""
        project, aside = self.checkpoint.migration, self.checkpoint.writer.quarantine.rows[table.name]
        came = [key for batch in batches for key in table.keys(batch) if key not in aside]
        staging.sighted(project.source_ref, table, dict.fromkeys(came))
        staging.keep_sighted(project.source_ref, table)

    def retry_waiting(self) -> None:
        """Send rows in quarantine again: they may have waited for what was done to others."""
        for table in self.checkpoint.options.tables:
            if self.checkpoint.copied(table) and self.checkpoint.writer.quarantine.rows[table.name]:
                try:
                    retry(self.checkpoint.writer, table)
                except RowError as err:
                    self.checkpoint.note(str(err), err.hint)
                self._settle(table)

    def _settle(self, table: Table) -> None:
        """Let state and report tell what of the table is quarantined now."""
        checkpoint = self.checkpoint
        checkpoint.keep(table, checkpoint.known(table))
        result = checkpoint.results[table.name]
        aside = checkpoint.writer.quarantine.newly(table)
        arrived = max(0, result.refused - aside.rows)
        checkpoint.records += arrived
        checkpoint.end(aside.into(replace(result, synced=result.synced + arrived)))
