"""Tables before they are copied.

Of each its columns on both sides, and what reading it does not see; of all together foreign keys, triggers,
unique keys, rows that NEW has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from supasync_core.api.backend import Indexed, Remark, Sink, missing_columns
from supasync_core.api.blind_spots import (
    DELETES,
    UPDATES,
    how_it_is_read,
    how_to_fix_standstill,
    how_to_see_updates,
    is_update_name,
    reads_by_number,
)
from supasync_core.api.state_store import Past
from supasync_core.init import timestamp_sample, undecided
from supasync_core.init.undecided import Undecided
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.errors import InternalError, SupasyncError, TableError
from supasync_core.model.finding import Finding, failure, note, problem, warning
from supasync_core.model.level import PROBLEM, WARNING, Level
from supasync_core.model.pg_types import are_texts, type_of
from supasync_core.model.printable import sql_name
from supasync_core.model.row_key import ROW_KEY, has_row_key, missing_in_sink
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.schema import both_sides, foreign_keys, replaced_references, unique_keys
from supasync_core.status import check_marks
from supasync_core.sync import made_rows
from supasync_core.sync.comparison.due import wanted

_SAMPLE: Final = 200
"""The first rows by key: where the key counts up, those that had the most time to be updated."""


def check_table(migration: Migration, table: Table) -> Iterator[Finding]:
    """Everything about one table."""
    source = migration.source.shape(table)
    yield from _in_old(migration, table, source)
    yield from check_marks.of_table(migration, table, source)
    yield from _updates(migration, table)
    yield from _texts_for_timestamps(migration, table, source)
    yield from _rows_without_timestamp(migration, table, source)
    yield from _in_new(migration, table, source)
    if not source.known:
        yield warning(f"{table.name}: OLD does not list its columns, so they were not compared", table.name)


def lacks_row_key(sink: Sink, table: Table) -> bool:
    """Whether the key is made of each row, and the sink's table has no column for it yet."""
    return has_row_key(table) and bool(missing_columns(sink, table, table.key))


def _in_old(migration: Migration, table: Table, source: Shape) -> Iterator[Finding]:
    """Columns that tables.yaml names and OLD does not have, or that are of an unfit type."""
    strategy = migration.strategy(table)
    ordering = [keyset.column for keyset in strategy.keysets(table) if keyset.column]
    marks = [table.soft_delete] if table.soft_delete else []
    needed = dict.fromkeys([*table.key, *ordering, *table.columns, *marks])
    for column in missing_columns(migration.source, table, needed):
        hint = _hint_for_missing(table, column, source)
        yield problem(f"{table.name}: OLD has no column {column}", table.name, hint)
    for column in table.exclude if source.known else ():
        if column not in source.names:
            text = f"{table.name}: exclude names {column}, and OLD has no such column"
            yield problem(text, table.name, "correct the name in tables.yaml")
    for text in strategy.unfit(table, source):
        hint = "name another column, or another strategy: incremental, append or snapshot"
        yield problem(f"{table.name}: {text}", table.name, hint)


def _in_new(migration: Migration, table: Table, source: Shape) -> Iterator[Finding]:
    """What NEW lacks, or has in another form than OLD."""
    for column in both_sides.lacking(migration, table, source):
        kind = "rowkey" if (column,) == table.key == (ROW_KEY,) else None
        hint = missing_in_sink([column])
        yield problem(f"{table.name}: NEW has no column {column}", table.name, hint, kind=kind)
    if has_row_key(table) and not lacks_row_key(migration.sink, table):
        rows = migration.sink.count(table.whole(), Window((Span(Keyset(None, nulls=table.key)),), limit=1))
        if rows:
            shown = counted(rows, "row of NEW has", "rows of NEW have")
            text = f"{table.name}: {shown} no {ROW_KEY}, so no run has copied them"
            yield problem(text, table.name, "empty the table in NEW, or remove them there", alone=True)
    sink = migration.sink.shape(table)
    if source.view:
        text = f"{table.name} is a view in OLD: a change shows only where it moves the view's own timestamp"
        yield warning(text, table.name, "copy the tables behind it, and create the view in NEW")
    for each in both_sides.of_shapes(migration, table, source, sink) if source.known and sink.known else ():
        if not (each.kind == "column" and each.old) and each.column not in table.exclude:
            yield Finding(each.level, each.text, table.name, each.hint)


def _updates(migration: Migration, table: Table) -> Iterator[Finding]:
    """Updates of rows that were copied and that no run sees."""
    not_seen = "updates of copied rows are not seen"
    if UPDATES in migration.unseen(table):
        hint = how_to_see_updates(table)
        if wanted(migration, table):
            hint = f"it comes when the table is compared with OLD (compare_every); to see it sooner: {hint}"
        text = f"{table.name}: {not_seen}: {how_it_is_read(migration.strategy(table), table)}"
        yield warning(text, table.name, hint)
    elif why := standing_still(migration, table):
        hint = how_to_fix_standstill(table)
        yield warning(f"{table.name}: {why}: if that is so, {not_seen}", table.name, hint)
    elif reads_by_number(migration.strategy(table), table) and not wanted(migration, table):
        column = migration.strategy(table).keysets(table)[0].column
        text = f"{table.name}: a row whose {column} was drawn before others and written later is not seen"
        yield warning(text, table.name, "a sequence with CACHE does that; compare_every: 24h finds such rows")


def _texts_for_timestamps(migration: Migration, table: Table, source: Shape) -> Iterator[Finding]:
    """Texts sort by time only as long as all have one form: no run meets one of another form behind."""
    ordering = {keyset.column for keyset in migration.strategy(table).keysets(table)}
    for name in table.timestamp:
        ordered = name in ordering and not source.texts
        if ordered and are_texts(type_of(source, name)) and not wanted(migration, table):
            text = (
                f"{table.name}: {name} is a text in OLD: a row whose {name} is written in another form than "
            )
            hint = "compare_every: 24h finds such rows; timestamptz in OLD has but one form"
            yield warning(f"{text}than others may not be seen", table.name, hint)


def _rows_without_timestamp(migration: Migration, table: Table, shape: Shape) -> Iterator[Finding]:
    """Rows that every run reads again, since no timestamp tells whether they have changed."""
    nameless = migration.strategy(table).keysets(table)[-1]
    if nameless.column is not None or not nameless.nulls:
        return
    if any((column := shape.column(name)) and column.nullable is False for name in nameless.nulls):
        return
    count = migration.source.count(table, Window((Span(nameless),), limit=1))
    if count:
        behind = timestamp_sample.insert_time(shape, (), leave=table.timestamp)
        columns = ", ".join([*table.timestamp, behind.name if behind else ""])
        rows = f"{counted(count, 'row', 'rows')} without {' and '.join(table.timestamp)}"
        hint = f"timestamp: [{columns}]" if behind else None
        yield warning(f"{table.name}: {rows}, read again by every run", table.name, hint)


def _hint_for_missing(table: Table, column: str, shape: Shape) -> str | None:
    if column in table.timestamp:
        found = [each for each in timestamp_sample.timestamp_columns(shape) if each.type and not each.key]
        moving = next((each.name for each in found if is_update_name(each.name)), None)
        inserted = timestamp_sample.insert_time(shape, ())
        if moving:
            return f"timestamp: {moving} speaks of updates"
        if inserted:
            return f"timestamp: {inserted.name} works, but then updates are not seen"
    return "correct the name in tables.yaml" if shape.known else None


def standing_still(migration: Migration, table: Table) -> str | None:
    """Why nothing seems to move the timestamp that runs read by; None where its rows do not show that.

    Nothing is asked where ``updates:`` says what it does, and where no timestamp is read by.
    """
    first = migration.strategy(table).keysets(table)[0].column
    if first not in table.timestamp or table.updates is not None or UPDATES in migration.unseen(table):
        return None
    shape = migration.source.shape(table)
    stamps = [
        column.name
        for column in timestamp_sample.timestamp_columns(shape)
        if column.type
        and column.name not in table.exclude
        and (not table.columns or column.name in table.columns)
    ]
    if first not in stamps:
        return None
    columns = tuple(dict.fromkeys((*table.key, *stamps)))
    narrow = replace(table, columns=columns, exclude=(), transform=(), timestamp=(first,))
    page = migration.source.read(narrow, Window((Span(Keyset(None)),), _SAMPLE))
    return timestamp_sample.standstill(shape, first, page.rows)


def check_tables(migration: Migration, past: Past | None) -> Iterator[Finding]:
    """Everything that concerns more than one table, or NEW alone."""
    yield from foreign_keys.found(migration)
    for name, text, hint in foreign_keys.circles(migration):
        yield warning(text, name, hint, kind="circle")
    for table, sentence, hint in replaced_references.unlike_references(migration):
        yield problem(f"{table.name}: {sentence}", table.name, hint, alone=True)
    tables = migration.settings.tables
    if names := [t.name for t in tables if t.deletes == "ignore" and DELETES in migration.unseen(t)]:
        text = f"rows deleted in OLD are not looked for and stay in NEW: {', '.join(names)}"
        yield note(text, "deletes: report names them, deletes: mirror removes them too")
    yield from check_marks.parents_left_out(migration)
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
        level: Level = PROBLEM if isinstance(err, InternalError) else WARNING
        finding = Finding(level, text, hint=err.hint, alone=True)
        return undecided.last_list(migration.settings).tables, [finding]
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
