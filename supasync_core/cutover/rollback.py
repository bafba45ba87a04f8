"""Back to the source: the app's .env as it was, and what was written to the sink since the switch."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from supasync_core.cutover import env_file
from supasync_core.cutover.saved_progress import Replaced, SavedProgress, save
from supasync_core.model import timestamps
from supasync_core.model.batch import Span, Window
from supasync_core.model.errors import StateError, SupasyncError
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.status.health import PHASES, Phase

_REOPEN: Final = "the app was switched back to OLD: supasync state reopen, then supasync cutover"
ENV: Final = "env"
"""The name by which a person accepts that a .env was edited since the switch."""


@dataclass(frozen=True, slots=True)
class Restore:
    """One file to restore; ``back``: it is the original again already."""

    replaced: Replaced
    now: env_file.EnvFile
    raw: bytes

    @property
    def back(self) -> bool:
        """Whether nothing is left to do."""
        return self.now.digest == self.replaced.before


def after(phase: Phase, progress: SavedProgress) -> Phase:
    """The phase of a closed sink; where this machine has switched the app back, its next step is another."""
    return replace(phase, next=(_REOPEN,)) if phase.number == len(PHASES) and progress.back_at else phase


def restores(progress: SavedProgress, accepted: Collection[str], own: Collection[Path]) -> list[Restore]:
    """The files to restore; SupasyncError where one cannot be restored, and nothing was changed.

    ``own`` are the files that a switch may have replaced: any other one was not replaced by supasync.
    """
    if not progress.replaced:
        raise StateError(
            "no switch of an app's .env is recorded on this machine, so there is nothing to restore",
            hint="the originals would be beside your app's .env as .env.old-...",
        )
    places = {path.resolve() for path in own}
    return [_restore_of(each, accepted, places) for each in progress.replaced]


def _restore_of(each: Replaced, accepted: Collection[str], places: Collection[Path]) -> Restore:
    path, original = Path(each.path), Path(each.kept)
    beside = original.parent == path.parent and original.name.startswith(f"{path.name}.old-")
    if path.resolve() not in places or not beside:
        raise StateError(
            f"{each.path} is neither cutover.env nor the .env beside tables.yaml: nothing was changed",
            hint="if it is yours, restore it yourself",
        )
    kept = env_file.read(original)
    if kept.digest != each.before:
        raise SupasyncError(f"{each.kept} is no longer the original: restore {each.path} yourself")
    now = env_file.read(path)
    if now.digest not in (each.before, each.after) and ENV not in accepted:
        raise SupasyncError(
            f"{each.path} was changed since the switch, and those changes would be lost",
            hint=f"--accept {ENV} keeps that version beside it; the original is {each.kept}",
        )
    env_file.check_writable(now)
    return Restore(each, now, kept.raw)


def restore(folder: Path, progress: SavedProgress, one: Restore) -> None:
    """Put the original back; a version that was edited since is kept beside it."""
    progress.stopped_at = None
    progress.settled = None  # the app may have written to NEW since
    progress.back_at = timestamps.to_text(timestamps.now())
    save(folder, progress)
    if one.now.digest != one.replaced.after:
        env_file.keep(one.now, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))
    env_file.replace(one.now, one.raw)


@dataclass(frozen=True, slots=True)
class WritesSince:
    """What a table of the sink got since the switch: ``newer`` rows, or None and why that is unknown."""

    table: str
    newer: int | None
    rows: int | None
    text: str


def writes_since(migration: Migration, progress: SavedProgress) -> Iterator[WritesSince]:
    """Each table: rows newer than the switch where it has a timestamp, else the number of rows."""
    if progress.switched_at is None:
        return
    for table in migration.settings.tables:
        try:
            yield _writes_since(migration, table.whole(), progress, progress.switched_at)
        except SupasyncError as err:
            yield WritesSince(table.name, None, None, f"unknown: {err}")


def _writes_since(migration: Migration, table: Table, progress: SavedProgress, at: str) -> WritesSince:
    keysets = migration.strategy(table).keysets(table)
    stamped = [keyset for keyset in keysets if keyset.column in table.timestamp]
    rows = migration.sink.count(table)
    before = progress.tables.get(table.name)
    counts = f"{counted(rows, 'row', 'rows')} now"
    if before is not None:
        counts = f"{counted(before, 'row', 'rows')} then, {rows:,} now"
    if not stamped:
        return WritesSince(table.name, None, rows, f"{counts}; it has no timestamp, so new ones are unknown")
    windows = [Window((Span(keyset, beyond=at),), limit=1) for keyset in stamped]
    newer = sum(migration.sink.count(table, window) for window in windows)
    text = f"{counted(newer, 'row', 'rows')} newer than the switch; {counts}"
    return WritesSince(table.name, newer, rows, text)
