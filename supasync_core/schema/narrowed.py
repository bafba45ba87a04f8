"""NEW's column gets another type after setup: the same question as at setup, asked before rows are sent."""

from collections.abc import Sequence

from supasync_core.api.row_formats import Declaring
from supasync_core.model import pg_types
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Column, Shape, Table
from supasync_core.project.exact_sink import TYPES
from supasync_core.project.migration import Migration
from supasync_core.schema import type_parts
from supasync_core.schema.known_catalogs import KnownCatalogs


def are_compared(migration: Migration, table: Table) -> bool:
    """Whether OLD's types say what is sent: both sides have PostgreSQL's, and no transform makes others."""
    return migration.alike and migration.types == TYPES and not table.transform


def refuse_narrowed(table: Table, old: Shape, new: Shape, names: Sequence[str]) -> None:
    """SchemaError for a column that would take values of OLD for others without an error."""
    for mine, theirs in ((old.column(name), new.column(name)) for name in names):
        if mine and theirs and pg_types.changes_silently(mine, theirs):
            raise _narrower(table, mine.name, str(mine.type), str(theirs.type))


def refuse_narrower_parts(
    catalogs: KnownCatalogs, table: Table, old: Shape, new: Shape, names: Sequence[str]
) -> frozenset[str]:
    """SchemaError for a column that holds less in NEW by both catalogs; the columns where that is open.

    The catalogs are only asked where the types leave it open.
    """
    alike = _declared_alike(catalogs.migration, table)
    pairs = [(old.column(name), new.column(name)) for name in names if name not in alike]
    kinds = {mine.name: (mine, theirs) for mine, theirs in pairs if mine and theirs}
    rewritten = frozenset(name for name, (mine, theirs) in kinds.items() if _drops_names(mine, theirs))
    if not any(_has_parts(theirs) for _, theirs in kinds.values()):
        return rewritten
    told = catalogs.of(table)
    if told is None:
        open_ = frozenset(name for name, (_, theirs) in kinds.items() if _may_change(theirs))
        return rewritten | open_
    for name, mine, theirs in type_parts.narrowed(*told):
        if name in kinds:
            raise _narrower(table, name, mine, theirs)
    return rewritten | (kinds.keys() & type_parts.rewritten(*told))


def _narrower(table: Table, name: str, old: str, new: str) -> SchemaError:
    return table.schema_error(
        f"{name} is {old} in OLD, {new} in NEW, which is narrower: values would be changed",
        hint="give the column its type back in NEW: supasync schema diff",
    )


def _declared_alike(migration: Migration, table: Table) -> set[str]:
    """The columns of PostgreSQL's own types that both sides declare alike."""
    source, sink = migration.source, migration.sink
    if not isinstance(source, Declaring) or not isinstance(sink, Declaring):
        return set()
    old, new = source.declared(table), sink.declared(table)
    return {name for name, kind in old.items() if new.get(name) == kind}


def _drops_names(old: Column, new: Column) -> bool:
    """Whether names that come twice in an object become one: json that is jsonb in NEW."""
    return (old.type, new.type) == ("json", "jsonb")


def _has_parts(new: Column) -> bool:
    """Whether the type may be limited in a way that it does not show."""
    kind = (new.type or "").removesuffix("[]")
    open_ = kind in ("interval", "numeric", "character") or (kind == "character varying" and not new.length)
    return open_ or _may_change(new) or ("." in kind and not new.values)


def _may_change(new: Column) -> bool:
    """Whether such a limit would change a value that no look at a single row finds."""
    kind = new.type or ""
    return kind in ("interval", "interval[]", "character varying[]", "character[]")
