"""One table as both sides have it, compared: what differs, and whether a sync can live with it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from supasync_core.model import pg_types
from supasync_core.model.level import PROBLEM, WARNING, Level
from supasync_core.model.row_key import ROW_KEY, missing_in_sink
from supasync_core.model.table import Column, Shape, Table


@dataclass(frozen=True, slots=True, kw_only=True)
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


def absent(table: Table, shape: Shape, *, declared: bool) -> Difference:
    """A table or view that NEW does not have."""
    kind = "view" if shape.view else "table"
    return Difference(
        kind=kind,
        level=PROBLEM if declared else WARNING,
        table=table.name,
        text=f"{table.name}: NEW has no such {kind}",
        old=kind,
        hint="create it in NEW by the migrations that made it in OLD; rights too: supasync schema sql",
    )


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
    old_is, new_is = ("a table", "a view") if new.view else ("a view", "a table")
    return Difference(
        kind="view",
        level=PROBLEM if new.view else WARNING,
        table=table.name,
        text=f"{table.name} is {old_is} in OLD and {new_is} in NEW",
        old=old_is,
        new=new_is,
        hint="create the table in NEW in its place" if new.view else None,
    )


def _missing(table: Table, column: Column) -> Difference:
    return Difference(
        kind="column",
        level=PROBLEM,
        table=table.name,
        column=column.name,
        text=f"{table.name}: NEW has no column {column.name}",
        old=pg_types.shown(column),
        hint=missing_in_sink([column.name]),
    )


def _added(table: Table, column: Column) -> Difference:
    bare = column.nullable is False and column.default is None
    return Difference(
        kind="column",
        level=WARNING,
        table=table.name,
        column=column.name,
        text=f"{table.name}: NEW alone has the column {column.name}"
        + (", NOT NULL: without a default every row would be refused" if bare else ""),
        new=pg_types.shown(column),
    )


def _of_column(table: Table, old: Column, new: Column) -> Iterator[Difference]:
    of = {"table": table.name, "column": old.name}
    place = f"{table.name}.{old.name}"
    yield from _type(table, old, new)
    if None not in (old.nullable, new.nullable) and old.nullable != new.nullable:
        level: Level = PROBLEM if old.nullable else WARNING
        text = f"{place} is {_null(old)} in OLD, {_null(new)} in NEW"
        yield Difference(kind="null", level=level, text=text, old=_null(old), new=_null(new), **of)
    if old.default != new.default:
        text = f"{place} has the default {_shown(old.default)} in OLD, {_shown(new.default)} in NEW"
        yield Difference(kind="default", level=WARNING, text=text, old=old.default, new=new.default, **of)
    if old.refers != new.refers:
        one, other = _target(old), _target(new)
        text = f"{place} refers to {one or 'nothing'} in OLD, to {other or 'nothing'} in NEW"
        yield Difference(kind="reference", level=WARNING, text=text, old=one, new=other, **of)


def _type(table: Table, old: Column, new: Column) -> Iterator[Difference]:
    """The type alone: a view's columns have that of their expression, and no NOT NULL or default."""
    fit = pg_types.fit(old, new)
    if fit == pg_types.SAME:
        return
    told, level = _type_words(old, new, fit)
    yield Difference(
        kind="type",
        level=level,
        table=table.name,
        column=old.name,
        text=f"{table.name}.{old.name} {told}",
        old=pg_types.shown(old),
        new=pg_types.shown(new),
    )


def _type_words(old: Column, new: Column, fit: str) -> tuple[str, Level]:
    lacking = [value for value in old.values if value not in new.values] if new.values else []
    if lacking:
        return f"lacks in NEW: {', '.join(lacking)}", PROBLEM
    if old.values and new.values:
        return "has other values in NEW, or another order: they sort by it", WARNING
    told = f"is {pg_types.shown(old)} in OLD, {pg_types.shown(new)} in NEW"
    return (f"{told}, which takes less", PROBLEM) if fit == pg_types.NARROWER else (told, WARNING)


def _key(table: Table, old: Shape, new: Shape) -> Difference:
    told = {side: ", ".join(shape.key) or None for side, shape in (("old", old), ("new", new))}
    needed = set(table.key) == set(old.key)
    words = f"the primary key is ({told['old'] or 'none'}) in OLD, ({told['new'] or 'none'}) in NEW"
    return Difference(
        kind="key",
        level=PROBLEM if needed else WARNING,
        table=table.name,
        text=f"{table.name}: {words}",
        hint="rows are written by that key: add it in NEW" if needed else None,
        **told,
    )


def _null(column: Column) -> str:
    return "nullable" if column.nullable else "NOT NULL"


def _target(column: Column) -> str | None:
    return ".".join(column.refers) if column.refers else None


def _shown(default: str | None) -> str:
    return "(none shown)" if default is None else repr(default)
