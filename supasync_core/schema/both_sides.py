"""Both sides' tables, asked for and compared."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from supasync_core.api.backend import Catalog, Remark, Remarking, Side, Source, missing_columns
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.errors import SchemaError, TableError
from supasync_core.model.level import PROBLEM, WARNING
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.schema.compare_tables import Difference, differences, missing_table

OWN = "sync_metadata"
"""supasync's own table, which only a NEW has."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs, of how many tables, and what neither side can show."""

    differences: tuple[Difference, ...]
    tables: int
    hidden: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()

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
        found += [_only_new(name, shape) for name, shape in new.items() if name not in old and name != OWN]
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
    wanted = [name for name in table.columns or [c.name for c in source.columns] if name not in table.exclude]
    if table.transform:
        wanted = list(table.key)
    return missing_columns(migration.sink, table, wanted or table.key)


def _catalog(side: Side, project: str) -> Catalog:
    if not isinstance(side, Catalog):
        raise SchemaError(f"{project}'s backend cannot list its tables, so they cannot be compared")
    return side


def _of_table(
    migration: Migration, table: Table, old: Shape, new: Shape | None, *, declared: bool
) -> list[Difference]:
    if table.name == OWN:
        return []
    if new is None:
        return [missing_table(table, old, declared=declared)]
    if migration.settings.source.backend != migration.settings.sink.backend:
        old, new = _untyped(old), _untyped(new)
    found = differences(table, old, new, declared=declared)
    return [_counted(migration.source, table, each) for each in found]


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
