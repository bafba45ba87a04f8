"""One table before it is copied: its columns on both sides, and what reading it does not see."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from supasync_core.api.backend import Sink, missing_columns
from supasync_core.api.blind_spots import (
    UPDATES,
    how_it_is_read,
    how_to_fix_standstill,
    how_to_see_updates,
    is_update_name,
)
from supasync_core.init import timestamp_sample
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.row_key import ROW_KEY, has_row_key, missing_in_sink
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.schema import both_sides
from supasync_core.status.finding import Finding, problem, warning
from supasync_core.sync.comparison.due import wanted

_SAMPLE: Final = 200
"""The first rows by key: where the key counts up, those that had the most time to be updated."""


def check_table(migration: Migration, table: Table) -> Iterator[Finding]:
    """Everything about one table."""
    source = migration.source.shape(table)
    yield from _in_old(migration, table, source)
    yield from _updates(migration, table)
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
    needed = dict.fromkeys([*table.key, *ordering, *table.columns])
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
        rows = migration.sink.count(table, Window((Span(Keyset(None, nulls=table.key)),), limit=1))
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
