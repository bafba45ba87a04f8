"""One table as both sides have it, compared: what differs, and whether a sync can live with it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from supasync_core.model import pg_types
from supasync_core.model.level import PROBLEM, WARNING, Level
from supasync_core.model.row_key import ROW_KEY, missing_in_sink
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.wording import counted


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that differs between OLD and NEW.

    Kinds: ``table view column type null default key reference``. ``old`` and ``new`` are what each side has.
    """

    kind: str
    level: Level
    table: str
    text: str
    column: str | None = None
    old: str | None = None
    new: str | None = None
    hint: str | None = None


def differences(table: Table, old: Shape, new: Shape, *, declared: bool = True) -> Iterator[Difference]:
    """All of one table; only warnings where it is not ``declared`` to be copied."""
    copied = set(_copied(table, old)) if declared else set()
    for found in _all(table, old, new):
        concerned = declared if found.column is None else found.column in copied
        yield found if concerned else replace(found, level=WARNING)


def missing_table(table: Table, shape: Shape, *, declared: bool) -> Difference:
    """A table or view that NEW does not have."""
    kind = "view" if shape.view else "table"
    level: Level = PROBLEM if declared else WARNING
    hint = "create it in NEW by the migrations that made it in OLD; rights too: supasync schema sql"
    return Difference(kind, level, table.name, f"{table.name}: NEW has no such {kind}", old=kind, hint=hint)


def _copied(table: Table, old: Shape) -> list[str]:
    """The columns that arrive as they are; a transform may change any of them but the key."""
    if table.transform:
        return list(table.key)
    return [name for name in table.columns or sorted(old.names) if name not in table.exclude]


def _all(table: Table, old: Shape, new: Shape) -> Iterator[Difference]:
    if new.view != old.view:
        yield _view(table, new)
    for column in old.columns:
        other = new.column(column.name)
        if other is None:
            yield _missing(table, column)
        elif old.view or new.view:
            yield from (replace(each, level=WARNING) for each in _type(table, column, other))
        else:
            yield from _of_column(table, column, other)
    for column in new.columns:
        if column.name not in old.names and column.name != ROW_KEY:
            yield _added(table, column)
    tells_keys = all(column.key is not None for column in (*old.columns, *new.columns))
    if tells_keys and set(old.key) != set(new.key) and not old.view and not new.view:
        yield _key(table, old, new)


def _view(table: Table, new: Shape) -> Difference:
    one, other = ("a table", "a view") if new.view else ("a view", "a table")
    text, hint = f"{table.name} is {one} in OLD and {other} in NEW", "create the table in NEW in its place"
    if new.view:
        return Difference("view", PROBLEM, table.name, text, old=one, new=other, hint=hint)
    return Difference("view", WARNING, table.name, text, old=one, new=other)


def _missing(table: Table, column: Column) -> Difference:
    text, has = f"{table.name}: NEW has no column {column.name}", pg_types.shown(column)
    hint = missing_in_sink([column.name])
    return Difference("column", PROBLEM, table.name, text, column.name, old=has, hint=hint)


def _added(table: Table, column: Column) -> Difference:
    text = f"{table.name}: only NEW has the column {column.name}"
    if column.nullable is False and column.default is None:
        text += ", which is NOT NULL and has no default: every row would be refused"
    return Difference("column", WARNING, table.name, text, column.name, new=pg_types.shown(column))


def _of_column(table: Table, old: Column, new: Column) -> Iterator[Difference]:
    place = f"{table.name}.{old.name}"
    yield from _type(table, old, new)
    if None not in (old.nullable, new.nullable) and old.nullable != new.nullable:
        one, other = ("nullable", "NOT NULL") if old.nullable else ("NOT NULL", "nullable")
        text = f"{place} is {one} in OLD, {other} in NEW"
        yield Difference("null", PROBLEM if old.nullable else WARNING, table.name, text, old.name, one, other)
    if old.default != new.default:
        text = f"{place} has the default {_shown(old.default)} in OLD, {_shown(new.default)} in NEW"
        yield Difference("default", WARNING, table.name, text, old.name, old.default, new.default)
    if old.refers != new.refers:
        mine, theirs = (".".join(each.refers) if each.refers else None for each in (old, new))
        text = f"{place} refers to {mine or 'nothing'} in OLD, to {theirs or 'nothing'} in NEW"
        yield Difference("reference", WARNING, table.name, text, old.name, mine, theirs)


def _type(table: Table, old: Column, new: Column) -> Iterator[Difference]:
    """The type alone: a view's columns have that of their expression, and no NOT NULL or default."""
    fit = pg_types.fit(old, new)
    if fit == pg_types.SAME:
        return
    one, other, place = pg_types.shown(old), pg_types.shown(new), f"{table.name}.{old.name}"
    level: Level = PROBLEM if fit == pg_types.NARROWER else WARNING
    lacking = [value for value in old.values if value not in new.values] if new.values else []
    if lacking:
        text = f"{place}: NEW lacks {counted(len(lacking), 'value', 'values')}: {', '.join(lacking)}"
    elif old.values and new.values:
        text = f"{place} has other values or another order in NEW, and enum values sort in that order"
    else:
        text = f"{place} is {one} in OLD, {other} in NEW{', which takes less' if level == PROBLEM else ''}"
    yield Difference("type", level, table.name, text, old.name, one, other)


def _key(table: Table, old: Shape, new: Shape) -> Difference:
    one, other = (", ".join(shape.key) or None for shape in (old, new))
    text = f"{table.name}: the primary key is ({one or 'none'}) in OLD, ({other or 'none'}) in NEW"
    if set(table.key) != set(old.key):
        return Difference("key", WARNING, table.name, text, old=one, new=other)
    hint = "rows are written by that key: add it in NEW"
    return Difference("key", PROBLEM, table.name, text, old=one, new=other, hint=hint)


def _shown(default: str | None) -> str:
    return "(none shown)" if default is None else repr(default)
