"""The switch itself, under the lease: each .env is replaced, then the state is closed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from supasync_core.cutover import env_file
from supasync_core.cutover.app_env import AppEnv
from supasync_core.cutover.saved_progress import Replaced, SavedProgress, save
from supasync_core.model.errors import LockedError, TakenOverError
from supasync_core.project.lease import Lease, leased
from supasync_core.project.migration import Migration

COMMAND: Final = "cutover"


def switch_and_close(
    migration: Migration, progress: SavedProgress, app: AppEnv | None, say: Callable[[str], None]
) -> None:
    """Replace and close; LockedError where another run has the lease, or took it over meanwhile.

    Killed anywhere, it can be run again: a .env that already names the sink is left as it is.
    """
    with leased(migration, COMMAND) as lease:
        if progress.switched_at is None:
            progress.switched_at = lease.run.now
            counts = {table.name: migration.sink.count(table.whole()) for table in migration.settings.tables}
            progress.tables = counts
        save(migration.settings.folder, progress)
        if app:
            _replace(migration, progress, app, say)
        _close(lease, progress)


def _replace(migration: Migration, progress: SavedProgress, app: AppEnv, say: Callable[[str], None]) -> None:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for each in app.due:
        file, raw = each.file, each.file.with_text(each.done.text)
        kept = env_file.keep(file, stamp)
        after = sha256(raw).hexdigest()
        replaced = Replaced(path=str(file.path), kept=str(kept), before=file.digest, after=after)
        progress.replaced.append(replaced)
        save(migration.settings.folder, progress)
        env_file.replace(file, raw)
        say(f"{file.path}: {', '.join(each.done.changed)} changed; the original is {kept}")


def _close(lease: Lease, progress: SavedProgress) -> None:
    checks = {each["name"]: each["result"] for each in progress.checks}
    try:
        lease.release("closed", replace(lease.state, closed=lease.run.now), details={"checks": checks})
    except TakenOverError as err:
        raise LockedError(
            "NEW is not closed yet: another run has taken over the lease",
            hint="run supasync cutover again at once: it continues from here",
        ) from err
    progress.closed_at, progress.stopped_at = lease.run.now, None
    save(lease.migration.settings.folder, progress)
