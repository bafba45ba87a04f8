"""NEW's column gets another type after setup: the same question as at setup, asked before rows are sent."""

from collections.abc import Sequence

from supasync_core.model import pg_types
from supasync_core.model.table import Shape, Table
from supasync_core.project.exact_sink import TYPES
from supasync_core.project.migration import Migration


def are_compared(migration: Migration, table: Table) -> bool:
    """Whether OLD's types say what is sent: both sides have PostgreSQL's, and no transform makes others."""
    return migration.alike and migration.types == TYPES and not table.transform


def refuse_narrowed(table: Table, old: Shape, new: Shape, names: Sequence[str]) -> None:
    """SchemaError for a column that would take values of OLD for others without an error."""
    for mine, theirs in ((old.column(name), new.column(name)) for name in names):
        if mine and theirs and pg_types.changes_silently(mine, theirs):
            kinds = f"{mine.name} is {mine.type} in OLD, {theirs.type} in NEW"
            raise table.schema_error(
                f"{kinds}, which is narrower: values would be changed",
                hint="give the column its type back in NEW: supasync schema diff",
            )
