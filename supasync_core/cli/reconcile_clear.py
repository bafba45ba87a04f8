"""`supasync reconcile clear`: remove rows of NEW that OLD does not have and that block its rows."""

from collections.abc import Sequence
from contextlib import closing

import click

from supasync_core.api.journal import current
from supasync_core.cli import output
from supasync_core.model.errors import ExitCode
from supasync_core.model.state import State
from supasync_core.model.wording import counted
from supasync_core.project.lease import Lease
from supasync_core.project.migration import Migration
from supasync_core.project.session import Session
from supasync_core.reconcile.clear import BlockingRows
from supasync_core.staging.staging_file import Staging
from supasync_core.sync import removal
from supasync_core.sync.removal import Place, Removed

COMMAND = "reconcile clear"

_SHOWN = 10


def clear(session: Session, tables: tuple[str, ...], *, applied: bool, as_json: bool) -> int:
    """Show the rows, or remove them; 0 where that was possible for all of them, else 3."""
    if not applied:
        with session.migration() as migration:
            state = current(migration.store.past(1), migration.source_ref)
            found = _found(migration, state, tables)
        _show(found, as_json=as_json, applied=False)
        return ExitCode.PERSON if found.empty else 0
    with session.lease(COMMAND) as lease:
        found = _found(lease.migration, lease.state, tables)
        if not as_json:
            _show(found, as_json=False, applied=True)
        lease.state = found.state_with_rereads(lease.run.now)
        change, done = _remove(lease, found) if found.tables else (None, [])
        complete = not any(each.error or each.held for each in done)
        counts = {each.table.name: each.removed for each in done}
        state = lease.state.unsure(lease.state.tables)
        details = {"change": change, "removed": counts}
        lease.release("success" if complete else "partial", state, details=details)
    if as_json:
        output.print_json({**_as_json(found, applied=True), "removed": counts})
    else:
        _print(done)
    return 0 if complete and not found.empty else ExitCode.PERSON


def _found(migration: Migration, state: State, tables: tuple[str, ...]) -> BlockingRows:
    found = BlockingRows(migration, state)
    found.find(migration.select(tables, "--table"))
    return found


def _remove(lease: Lease, found: BlockingRows) -> tuple[str, list[Removed]]:
    """Remove the rows, children first; the next save, before the first of them, holds what is read again."""
    migration = lease.migration
    with closing(Staging(migration.settings.staging)) as staging:
        return removal.remove(Place.of(migration, staging), found.delete_plans(), lease.run.now)


def _show(found: BlockingRows, *, as_json: bool, applied: bool) -> None:
    if as_json:
        output.print_json(_as_json(found, applied=applied))
        return
    for name in found.empty:
        output.line(
            f"{name}: OLD returned no rows, NEW has some: they are left alone. Is OLD's key still the right "
            "one? If they may be removed, empty the table in NEW's SQL editor"
        )
    for name in found.unknown:
        output.line(f"{name}: an earlier version quarantined some rows: run supasync sync once before this")
    for table in found.tables:
        rows = found.rows[table.name]
        gone = [key for key, there in rows.items() if not there]
        if gone:
            count = counted(len(gone), "row", "rows")
            output.line(f"{table.name}: {count} of NEW that OLD does not have: {_shown(gone)}")
        other = [key for key, there in rows.items() if there]
        if other:
            count = counted(len(other), "row refers", "rows refer")
            output.line(f"{table.name}: {count} to such rows, and will be read again: {_shown(other)}")
    if not found.tables:
        click.echo("nothing to clear")
    elif not applied:
        click.echo("nothing was removed: --apply keeps these rows in the staging and removes them from NEW")


def _shown(keys: Sequence[tuple[str, ...]]) -> str:
    return "; ".join([*(", ".join(key) for key in keys[:_SHOWN]), *["..."] * (len(keys) > _SHOWN)])


def _print(done: Sequence[Removed]) -> None:
    for each in reversed(done):
        output.line(f"{each.table.name}: {counted(each.removed, 'row', 'rows')} removed")
        if each.held:
            output.line(f"{each.table.name}: {each.held_text}", err=True)
        if each.error:
            output.error(f"error: {each.error}", each.error.hint)
    if any(each.removed for each in done):
        click.echo("next: supasync sync; to undo this before that: supasync reconcile undo")


def _as_json(found: BlockingRows, *, applied: bool) -> dict[str, object]:
    tables = {
        table.name: [{"key": list(key), "in_old": there} for key, there in found.rows[table.name].items()]
        for table in found.tables
    }
    return {"applied": applied, "tables": tables, "left_alone": found.empty, "unknown": found.unknown}
