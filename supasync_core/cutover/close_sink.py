"""The switch itself, under the lease: each .env replaced, then the state closed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from supasync_core.api.state_store import Run
from supasync_core.cutover import env_file
from supasync_core.cutover.app_env import AppEnv
from supasync_core.cutover.saved_progress import Replaced, SavedProgress, save
from supasync_core.model.errors import LockedError, TakenOverError
from supasync_core.project.lease import Lease, leased
from supasync_core.project.migration import Migration

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
        with leased(self.migration, COMMAND) as lease:
            self._note_counts(lease.run)
            self._replace()
            self._close(lease)

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

    def _close(self, lease: Lease) -> None:
        checks = {each["name"]: each["result"] for each in self.progress.checks}
        state = replace(lease.state, closed=lease.run.now)
        try:
            lease.release("closed", state, details={"checks": checks})
        except TakenOverError as err:
            raise LockedError(
                "NEW is not closed yet: another run has taken over the lease",
                hint="run supasync cutover again at once: it continues from here",
            ) from err
        self.progress.closed_at, self.progress.stopped_at = lease.run.now, None
        save(self.migration.settings.folder, self.progress)
