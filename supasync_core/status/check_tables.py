"""All tables together before they are copied: foreign keys, triggers, unique keys, rows that NEW has."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from supasync_core.api.backend import Indexed, Remark
from supasync_core.api.blind_spots import DELETES
from supasync_core.api.state_store import Past
from supasync_core.init import undecided
from supasync_core.init.undecided import Undecided
from supasync_core.model.errors import SupasyncError, TableError
from supasync_core.model.printable import sql_name
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.schema import both_sides, foreign_keys, unique_keys
from supasync_core.status.check_table import lacks_row_key
from supasync_core.status.finding import Finding, failure, note, problem, warning
from supasync_core.sync import made_rows


def check_tables(migration: Migration, past: Past | None) -> Iterator[Finding]:
    """Everything that concerns more than one table, or NEW alone."""
    for name, text, hint in foreign_keys.sentences(migration):
        yield warning(text, name, hint, kind="reference" if name else "older")
    for name, text, hint in foreign_keys.circles(migration):
        yield warning(text, name, hint, kind="circle")
    yield from _undeleted(migration)
    remarks: Sequence[Remark] = ()
    try:
        remarks = both_sides.remarks_of(migration)
    except TableError as err:
        yield failure(err)
    for each in remarks:
        if each.kind != "precision":  # that a type may round is for `schema diff` to say
            yield Finding(each.level, each.text, each.table, each.hint, alone=True, kind=each.kind)
    yield from _made(migration, past, remarks)
    yield from _unmerged(migration)


def check_undecided(migration: Migration) -> tuple[tuple[Undecided, ...], list[Finding]]:
    """The tables that nobody has decided on, counted again, and names that OLD does not have."""
    try:
        look = undecided.list_undecided(migration)
    except SupasyncError as err:
        text = f"undecided tables were not looked at: {err}"
        return undecided.last_list(migration.settings).tables, [warning(text, hint=err.hint)]
    found = []
    if not look.listed:
        found.append(warning("OLD does not list its tables, so tables missing in tables.yaml are not seen"))
    if look.unsaved:
        text = f"undecided tables are not named by other commands: {look.unsaved}"
        found.append(warning(text, hint=look.unsaved.hint))
    hint = "correct the name in tables.yaml, or take it out where the table is gone"
    found += [problem(text, hint=hint, alone=True) for text in look.unknown]
    found += [warning(f"undecided: {each.sentence}", each.name) for each in look.tables]
    if look.tables:
        found[-1] = replace(found[-1], hint=undecided.WAY_OUT)
    return look.tables, found


def _undeleted(migration: Migration) -> Iterator[Finding]:
    """The tables in which rows that are deleted in OLD are not looked for."""
    tables = migration.settings.tables
    if names := [t.name for t in tables if t.deletes == "ignore" and DELETES in migration.unseen(t)]:
        text = f"rows deleted in OLD are not looked for and stay in NEW: {', '.join(names)}"
        yield note(text, "deletes: report names them, deletes: mirror removes them too")


def _made(migration: Migration, past: Past | None, remarks: Sequence[Remark]) -> Iterator[Finding]:
    """Rows that NEW has and OLD does not, in tables of which nothing was copied yet."""
    for table in migration.settings.tables:
        if past and past.state and past.state.table(table.name).read_at:
            continue
        try:
            found = made_rows.look(migration, table, made_rows.LOOKED)
        except TableError:
            continue  # what is wrong with the table is said of it already
        if found.keys:
            yield warning(found.sentence, table.name, made_rows.why(remarks), kind="made")


def _unmerged(migration: Migration) -> Iterator[Finding]:
    """Keys of tables.yaml by which NEW cannot merge rows: they are not its primary key, nor a unique key."""
    asked = [table for table in migration.settings.tables if _has_another_key(migration, table)]
    if not asked or not isinstance(migration.sink, Indexed):
        return
    keys = unique_keys.known_keys(migration.sink, asked)
    for table in asked:
        key = ", ".join(table.key)
        if keys is None:
            text = f"{table.name}: NEW does not show whether ({key}) is a unique key"
            yield warning(text, table.name, unique_keys.OLDER)
        elif all(set(each.columns) != set(table.key) for each in keys.get(table.address, ())):
            text = f"{table.name}: NEW has no unique key ({key}), so rows cannot be merged by it"
            columns, place = ", ".join(map(sql_name, table.key)), ".".join(map(sql_name, table.address))
            hint = f"name another key, or run in NEW: alter table {place} add unique ({columns});"
            yield problem(text, table.name, hint, alone=True)


def _has_another_key(migration: Migration, table: Table) -> bool:
    try:
        shape = migration.sink.shape(table)
        if lacks_row_key(migration.sink, table):
            return False  # that is said of the table already
    except TableError:
        return False
    return not shape.view and set(shape.key) != set(table.key)
