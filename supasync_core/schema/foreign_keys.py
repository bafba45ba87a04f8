"""The foreign keys of a sink as far as it tells them: between its tables, from and to other tables."""

from collections.abc import Iterator, Sequence

from supasync_core.api.backend import Reference, Referential, Referred, Sink
from supasync_core.model.dependencies import cycles
from supasync_core.model.errors import SchemaError, SupasyncError, TableError
from supasync_core.model.finding import Finding, warning
from supasync_core.model.table import Shape, Table
from supasync_core.project.migration import Migration
from supasync_core.project.sql_sessions import both_speak_sql
from supasync_core.schema.parents import printed_parent

OLDER = (
    "NEW's functions are those of an older supasync: foreign keys to tables that are not copied are not seen"
)
PASTE = "paste what supasync schema sql prints into NEW's SQL editor again"


class UntoldKeysError(SchemaError):
    """The sink does not tell by which foreign keys a deleted row may take others along."""


def of_tables(sink: Sink, tables: Sequence[Table]) -> list[Reference]:
    """All foreign keys of the tables; those of single columns where the catalog does not tell them."""
    found = sink.references(tables) if isinstance(sink, Referential) else None
    if found is not None:
        return list(found)
    return [
        Reference(
            name=column.name,
            table=table.address,
            parent=(table.schema, column.refers[0]),
            pairs=((column.name, column.refers[1]),),
        )
        for table in tables
        for column in sink.shape(table).columns
        if column.refers
    ]


def acting_on_deletes(sink: Sink, tables: Sequence[Table]) -> list[Reference]:
    """The foreign keys by which a deleted row of these tables may take or change rows of any table.

    UntoldKeysError where the sink has a catalog and does not tell them all: not known is not none.
    """
    own = sink.references(tables) if isinstance(sink, Referential) else ()
    others = sink.referring(tables) if isinstance(sink, Referred) else ()
    if own is None or others is None:
        raise UntoldKeysError(
            "NEW does not show its foreign keys, by which it may remove rows of other tables too: nothing "
            "was removed",
            hint=PASTE,
        )
    names = {table.address for table in tables}
    return [*(own or of_tables(sink, tables)), *(each for each in others if each.table not in names)]


ACCOUNTS = ("auth", "users")


def found(migration: Migration) -> Iterator[Finding]:
    """Of each foreign key to what neither tables.yaml nor a step copies, what it means and what to do."""
    sink, tables = migration.sink, migration.settings.tables
    try:
        told = sink.references(tables) if isinstance(sink, Referential) else ()
    except SupasyncError as err:
        yield warning(f"NEW's foreign keys were not looked at: {err}", hint=err.hint)
        return
    if told is None:
        yield warning(OLDER, hint=PASTE, kind="older")
    names = {table.address: table.name for table in tables}
    steps = migration.host.steps
    filled = {place for part in migration.settings.steps for place in steps.get(part.name).fills}
    for each in (each for each in told or () if each.parent not in names and each.parent not in filled):
        name, other = names[each.table], printed_parent(each)
        text = f"{name}: {', '.join(each.columns)} refers to {other}, which is not copied"
        kind = "account" if each.parent == ACCOUNTS and both_speak_sql(migration) else "reference"
        yield warning(f"{text}: a row waits until NEW has its parent", name, _ways(each, other), kind=kind)


def circles(migration: Migration) -> Iterator[tuple[str, str, str]]:
    """Of each circle of foreign keys that cannot be NULL its first table, what it means, and what to do."""
    names = {table.address: table for table in migration.settings.tables}
    after: dict[str, set[str]] = {table.name: set() for table in migration.settings.tables}
    try:
        for each in of_tables(migration.sink, migration.settings.tables):
            child, parent = names[each.table], names.get(each.parent)
            if parent and parent is not child and _is_required(migration.sink.shape(child), each):
                after[child.name].add(parent.name)
    except TableError:
        return  # what is wrong with the table is said of it already
    for circle in cycles(after):
        what = "their rows refer to each other by columns that cannot be NULL, and none can go first"
        hint = "drop those foreign keys until the switch: supasync schema sql --foreign-keys off"
        yield circle[0], f"{' -> '.join(circle)}: {what}", hint


def _is_required(shape: Shape, reference: Reference) -> bool:
    """Whether no row can do without it."""
    columns = [shape.column(name) for name in reference.columns]
    return all(column is not None and column.nullable is False for column in columns)


def _ways(reference: Reference, other: str) -> str:
    """What to do about it, as far as it applies."""
    if reference.parent == ACCOUNTS:
        way = "copy the accounts first: supasync auth sync"
    elif reference.parent[0] == reference.table[0]:
        way = f"add {other} to tables.yaml"
    else:
        way = f"copy {other} first"
    return f"{way}, or drop the foreign key until the switch: supasync schema sql --foreign-keys off"
