"""The switch itself, under the lease: each .env replaced, then the state closed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from supasync_core.api.state_store import Claim, Entry, Run
from supasync_core.cutover import env_file
from supasync_core.cutover.app_env import AppEnv
from supasync_core.cutover.saved_progress import Replaced, SavedProgress, save
from supasync_core.model.errors import LockedError
from supasync_core.model.state import State
from supasync_core.project.lease import LEASE
from supasync_core.project.migration import Migration
from supasync_core.system import lock

COMMAND: Final = "cutover"


@dataclass
class LeasedSwitch:
    """Killed anywhere, it is run again: a .env that names the sink already is left as it is."""

    migration: Migration
    progress: SavedProgress
    app: AppEnv | None
    tell: Callable[[str], None]

    def run(self) -> None:
        """Replace and close; LockedError where another run is at work, or took over meanwhile."""
        folder = self.migration.settings.folder
        claim = Claim(
            holder=lock.holder(folder), source=self.migration.source_ref, command=COMMAND, lease=LEASE
        )
        run = self.migration.store.begin(claim)
        state = run.state or State(self.migration.source_ref)
        try:
            self._note_counts(run)
            self._replace()
        except BaseException:
            self.migration.store.save(run.id, Entry(status="failed", state=state))
            raise
        self._close(run, state)

    def _note_counts(self, run: Run) -> None:
        """Remember the time of the switch and the sink's rows, which later tell what the app wrote."""
        progress = self.progress
        if progress.switched_at is None:
            progress.switched_at = run.now
            progress.tables = {
                table.name: self.migration.sink.count(table.whole())
                for table in self.migration.settings.tables
            }
        save(self.migration.settings.folder, progress)

    def _replace(self) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        for each in self.app.due if self.app else ():
            raw = each.file.with_text(each.done.text)
            kept = env_file.keep(each.file, stamp)
            self.progress.replaced.append(
                Replaced(
                    path=str(each.file.path),
                    kept=str(kept),
                    before=each.file.digest,
                    after=sha256(raw).hexdigest(),
                )
            )
            save(self.migration.settings.folder, self.progress)
            env_file.replace(each.file, raw)
            self.tell(f"{each.file.path}: {', '.join(each.done.changed)} changed; the original is {kept}")

    def _close(self, run: Run, state: State) -> None:
        total = self.migration.ledger.total()
        entry = Entry(
            status="closed",
            state=replace(state, closed=run.now),
            requests=total.requests,
            bytes=total.sent + total.received,
            details={"checks": {each["name"]: each["result"] for each in self.progress.checks}},
            retention=self.migration.settings.retention.days,
        )
        if not self.migration.store.save(run.id, entry):
            raise LockedError(
                "another run has taken over the lease, so NEW is not closed yet",
                hint="run supasync cutover again at once: it goes on from here",
            )
        self.progress.closed_at, self.progress.stopped_at = run.now, None
        save(self.migration.settings.folder, self.progress)
