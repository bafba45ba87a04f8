"""Both sides' tables, asked for and compared."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from supasync_core.api.backend import Catalog, Remark, Remarking, Side, Source, missing_columns
from supasync_core.model import pg_types
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.errors import SchemaError, TableError
from supasync_core.model.level import PROBLEM, WARNING, Level
from supasync_core.model.row_key import ROW_KEY, missing_in_sink
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration

OWN: Final = ("sync_metadata", "supasync_changed", "supasync_accounts", "supasync_account_marks")
"""supasync's own tables in NEW; an OLD that was a NEW once may have them as well."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that differs between OLD and NEW.

    Kinds: ``table view column type null default key reference``, and those of `TableFacts` where catalogs are
    compared. ``old`` and ``new`` are what each side has.
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
    return [name for name in table.columns or [c.name for c in old.columns] if name not in table.exclude]


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
        text = f"{place} is {one} in OLD, {other} in NEW{', which is narrower' if level == PROBLEM else ''}"
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


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs, of how many tables, what neither side can show, and the ``way`` to see that too."""

    differences: tuple[Difference, ...]
    tables: int
    hidden: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()
    way: str | None = None

    @property
    def same(self) -> bool:
        """Whether nothing differs, as far as is shown, and nothing makes a copy wrong."""
        return not self.differences and all(each.level != PROBLEM for each in self.remarks)

    def as_json(self) -> dict[str, Any]:
        """The comparison under fixed names."""
        return {
            "same": self.same,
            "tables": self.tables,
            "differences": [asdict(each) for each in self.differences],
            "remarks": [asdict(each) for each in self.remarks],
            "not_shown": list(self.hidden),
        }


def compared(migration: Migration) -> Comparison:
    """Every table of the schemas that tables.yaml names; SchemaError where a side cannot list them."""
    declared = {table.address: table for table in migration.settings.tables}
    old_side, new_side = _catalog(migration.source, "OLD"), _catalog(migration.sink, "NEW")
    found: list[Difference] = []
    seen = 0
    for schema in dict.fromkeys(schema for schema, _ in declared):
        old, new = old_side.tables(schema), new_side.tables(schema)
        tables = {name: declared.get((schema, name), Table(name=name, schema=schema)) for name in old}
        seen += len(tables)
        for name, table in tables.items():
            found += _of_table(
                migration, table, old[name], new.get(name), declared=(schema, name) in declared
            )
        gone = [table for key, table in declared.items() if key[0] == schema and key[1] not in old]
        found += map(_only_declared, gone)
        lone = [name for name in new if name not in old and name not in OWN]
        found += [_only_new(name, new[name]) for name in lone]
    hidden = tuple(dict.fromkeys([*old_side.hidden, *new_side.hidden]))
    return Comparison(tuple(found), seen, hidden, tuple(remarks_of(migration)))


def remarks_of(migration: Migration) -> list[Remark]:
    """What either side's catalog tells beyond columns of the declared tables."""
    sides = (migration.source, migration.sink)
    return [
        remark
        for side in sides
        if isinstance(side, Remarking)
        for remark in side.remarks(migration.settings.tables)
    ]


def of_shapes(migration: Migration, table: Table, old: Shape, new: Shape) -> list[Difference]:
    """What differs of one declared table; where NULL is the question, OLD's rows are counted."""
    return _of_table(migration, table, old, new, declared=True)


def lacking(migration: Migration, table: Table, source: Shape) -> list[str]:
    """The columns that would be copied and that NEW does not have."""
    return missing_columns(migration.sink, table, _copied(table, source) or table.key)


def _catalog(side: Side, project: str) -> Catalog:
    if not isinstance(side, Catalog):
        raise SchemaError(f"{project}'s backend cannot list its tables, so they cannot be compared")
    return side


def _of_table(
    migration: Migration, table: Table, old: Shape, new: Shape | None, *, declared: bool
) -> list[Difference]:
    if table.name in OWN:
        return []
    if new is None:
        return [missing_table(table, old, declared=declared)]
    if not migration.alike:
        old, new = _untyped(old), _untyped(new)
    elif migration.settings.source.backend != migration.settings.sink.backend:
        old, new = _as_described(old), _as_described(new)
    found = differences(table, old, new, declared=declared)
    return [_counted(migration.source, table, each) for each in found]


def _as_described(shape: Shape) -> Shape:
    """The columns as an API's description has them, which calls a smallint an integer."""
    kinds = (replace(c, type="integer") if c.type == "smallint" else c for c in shape.columns)
    return replace(shape, columns=tuple(kinds))


def _untyped(shape: Shape) -> Shape:
    """The columns without what two backends say in different words."""
    columns = (
        replace(c, type=None, values=(), length=None, default=None, refers=None) for c in shape.columns
    )
    return replace(shape, columns=tuple(columns))


def _counted(source: Source, table: Table, found: Difference) -> Difference:
    """A NOT NULL in NEW matters where OLD has rows without that value: they are counted."""
    if found.kind != "null" or found.level != PROBLEM or found.column is None:
        return found
    window = Window((Span(Keyset(None, nulls=(found.column,))),), limit=1)
    try:
        rows = source.count(table, window)
    except TableError:
        return found
    if rows == 0:
        return replace(found, level=WARNING, text=f"{found.text}; no row there is NULL now")
    return replace(
        found,
        text=f"{found.text}, and {counted(rows, 'row is', 'rows are')} NULL: refused by NEW",
        hint="allow NULL in NEW, or fill the column in OLD",
    )


def _only_declared(table: Table) -> Difference:
    text = f"{table.name}: tables.yaml names it, and OLD has no such table"
    hint = "correct the name, or delete the entry: supasync init shows what OLD has"
    return Difference("table", PROBLEM, table.name, text, hint=hint)


def _only_new(name: str, shape: Shape) -> Difference:
    kind = "view" if shape.view else "table"
    return Difference(kind, WARNING, name, f"{name}: only NEW has this {kind}", new=kind)
