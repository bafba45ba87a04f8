"""The way back: the app's .env as it was, and what was written to the sink since the switch."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from supasync_core.cutover import env_file
from supasync_core.cutover.saved_progress import Replaced, SavedProgress, save
from supasync_core.model.batch import Span, Window
from supasync_core.model.errors import StateError, SupasyncError
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration

ENV: Final = "env"
"""The name under which it is accepted that a .env was edited since the switch."""


@dataclass(frozen=True, slots=True)
class Restore:
    """One file to restore; ``back`` already where it is the original again."""

    replaced: Replaced
    now: env_file.EnvFile
    raw: bytes

    @property
    def back(self) -> bool:
        """Whether nothing is left to do."""
        return self.now.digest == self.replaced.before


def ways(progress: SavedProgress, accepted: Collection[str], own: Collection[Path]) -> list[Restore]:
    """What to restore, the newest switch's; SupasyncError where it cannot be, and nothing was touched.

    ``own`` are the files that a switch may have replaced: whatever else is named, it was not supasync's.
    """
    places = {path.resolve() for path in own}
    if not progress.replaced:
        raise StateError(
            "no switch of an app's .env is known on this machine, so there is nothing to take back",
            hint="its originals would stand beside your app's .env as .env.old-...",
        )
    found = []
    for each in progress.replaced:
        path, beside = Path(each.path), Path(each.kept)
        original = beside.parent == path.parent and beside.name.startswith(f"{path.name}.old-")
        if path.resolve() not in places or not original:
            raise StateError(
                f"{each.path} is neither cutover.env nor the .env beside tables.yaml: nothing was touched",
                hint="restore it by hand, if it is yours",
            )
        kept = env_file.read(Path(each.kept))
        if kept.digest != each.before:
            raise SupasyncError(f"{each.kept} is not the original any more: restore {each.path} by hand")
        now = env_file.read(Path(each.path))
        if now.digest not in (each.before, each.after) and ENV not in accepted:
            raise SupasyncError(
                f"{each.path} was changed since the switch: what was written into it would be lost",
                hint=f"--accept {ENV} keeps that version beside it; the original is {each.kept}",
            )
        env_file.check_writable(now)
        found.append(Restore(each, now, kept.raw))
    return found


def restore(folder: Path, progress: SavedProgress, way: Restore) -> None:
    """Put the original back; a version that was edited since is kept beside it."""
    progress.stopped_at = None
    progress.settled = None  # the app may have written to NEW since
    save(folder, progress)
    if way.now.digest != way.replaced.after:
        env_file.keep(way.now, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))
    env_file.replace(way.now, way.raw)


@dataclass(frozen=True, slots=True)
class Since:
    """What the sink got in a table since the switch: rows newer than that, or None and why not."""

    table: str
    newer: int | None
    rows: int | None
    text: str


def since(migration: Migration, progress: SavedProgress) -> Iterator[Since]:
    """Each table, by counts: by timestamp where it has one, else by the number of rows."""
    if progress.switched_at is None:
        return
    for table in migration.settings.tables:
        try:
            yield _since(migration, table.whole(), progress, progress.switched_at)
        except SupasyncError as err:
            yield Since(table.name, None, None, f"cannot be told: {err}")


def _since(migration: Migration, table: Table, progress: SavedProgress, at: str) -> Since:
    stamped = [
        keyset for keyset in migration.strategy(table).keysets(table) if keyset.column in table.timestamp
    ]
    rows = migration.sink.count(table)
    before = progress.tables.get(table.name)
    told = (
        f"{counted(rows, 'row', 'rows')} now"
        if before is None
        else f"{counted(before, 'row', 'rows')} then, {rows:,} now"
    )
    if not stamped:
        return Since(table.name, None, rows, f"{told}; no timestamp tells which")
    newer = sum(
        migration.sink.count(table, Window((Span(keyset, beyond=at),), limit=1)) for keyset in stamped
    )
    return Since(table.name, newer, rows, f"{counted(newer, 'row', 'rows')} newer than the switch; {told}")
