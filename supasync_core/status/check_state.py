"""What the state says of tables against what tables.yaml and both sides say now: what a run would refuse."""

from collections.abc import Iterator

from supasync_core.model import timestamps
from supasync_core.model.errors import BudgetError, SchemaError
from supasync_core.model.finding import Finding, problem, warning
from supasync_core.model.printable import command
from supasync_core.model.state import State, TableState
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.sync import guards
from supasync_core.sync.fingerprint import current_settings, refuse_other_columns
from supasync_core.usage.meter import metered


def check_state(
    migration: Migration, table: Table, state: State, old: int | None, new: int | None
) -> Iterator[Finding]:
    """The refusals of a run that went on from this state; ``old`` and ``new`` are the rows of each side."""
    known = state.table(table.name)
    try:
        current_settings(migration, table, known.guarded.settings)
        shape = migration.source.shape(table)
        if shape.known:
            refuse_other_columns(table, known.guarded, set(table.columns or shape.names) - {*table.exclude})
    except SchemaError as err:
        yield _refusal(err)
        return
    if old == 0 and known.guarded.last_seen_rows_at:
        waited = migration.now() - timestamps.parse(known.guarded.last_seen_rows_at)
        if waited >= timestamps.micros_of(guards.ALIVE_EVERY):
            yield _refusal(guards.no_rows_in_source(table))
    if old and new == 0 and not state.quarantined().get(table.name):
        if guards.may_be_missed(table, known):
            yield _refusal(guards.no_rows_in_sink(table))
        elif since := _baseline(known):
            text = f"{table.name}: NEW has no rows, and rows that OLD had before {since} are not copied"
            hint = f"to copy all rows: {command('sync', '--full', table.name)}"
            yield warning(text, table.name, hint)
    elif old and new:
        yield from _fewer(table, state, old, new)


def _fewer(table: Table, state: State, old: int, new: int) -> Iterator[Finding]:
    """Rows that were read, that OLD still has by their number, and that NEW lacks: no run sees that.

    Rows that OLD has got since are not missed yet, and where it lost some, NEW may have lost them too.
    """
    known = state.table(table.name)
    if known.extent is None or table.where or table.transform or table.soft_delete:
        return
    there = min(old, known.extent.rows) - state.quarantined().get(table.name, 0)
    if new < there:
        text = (
            f"{table.name}: NEW has {counted(new, 'row', 'rows')}, and {there:,} were read that OLD still has"
        )
        hint = (
            f"somebody removed rows from NEW: {command('verify', '--table', table.name)} names them; "
            f"to copy all rows again: {command('sync', '--full', table.name)}"
        )
        yield warning(text, table.name, hint)


def _baseline(known: TableState) -> str | None:
    """Up to when NEW has all rows, as the baseline says; None where it does not, or a run has seen rows."""
    cursors = [each.cursor for each in known.keysets.values() if each.cursor]
    return cursors[0].value if cursors and not known.guarded.last_seen_rows_at else None


def check_run(migration: Migration, state: State) -> Iterator[Finding]:
    """What keeps every table from being copied: a closed NEW, a month's budget that is used up, a switch."""
    if state.closed:
        text = f"NEW was closed at {state.closed}: no run copies anything into it"
        yield problem(
            text, hint="if it is to take rows of OLD again after all: supasync state reopen", alone=True
        )
    if not migration.settings.enabled:
        yield warning("sync is disabled (enabled: false, ENABLE_HOURLY_SYNC)")
    try:
        if meter := metered(migration, migration.now()):
            meter.check()
    except BudgetError as err:
        yield problem(err.message, hint=err.hint, alone=True)


def check_gone(migration: Migration, state: State) -> Iterator[Finding]:
    """The tables that tables.yaml no longer has, and whose state is kept."""
    for name in state.beyond(table.name for table in migration.settings.tables):
        read_at = state.table(name).read_at
        until = f"read to its end at {read_at}" if read_at else "not read to its end"
        yield warning(
            f"{name} is not in tables.yaml any more; its state is kept ({until})",
            name,
            f"renamed: give the table that it is now was: {name}; to forget it: "
            f"{command('state', 'reset', name)}",
        )


def _refusal(err: SchemaError) -> Finding:
    return problem(err.message, err.table, err.hint, alone=True)
