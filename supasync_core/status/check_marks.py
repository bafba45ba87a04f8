"""Tables whose rows OLD marks as deleted, before they are copied: whether the marks can mean that."""

import re
from collections.abc import Iterator
from typing import Final

from supasync_core.api.marked_rows import NEEDED
from supasync_core.model.finding import Finding, problem, warning
from supasync_core.model.table import Shape, Table
from supasync_core.project.migration import Migration

_TIMES: Final = re.compile(r"timestamp|date|text|character varying|varchar", re.IGNORECASE)


def of_table(migration: Migration, table: Table, source: Shape) -> Iterator[Finding]:
    """A column that is not a timestamp, or that is set in every row: then nothing would be copied."""
    mark = table.soft_delete
    column = source.column(mark) if mark else None
    if mark is None or (source.known and column is None):  # which is said already
        return
    hint = "name another column, or leave soft_delete out"
    if column and column.type and not _TIMES.match(column.type):
        yield problem(f"{table.name}: {mark} is {column.type}, and {NEEDED}", table.name, hint)
    elif not migration.source.count(table) and (rows := migration.source.count(table.raw())):
        yield problem(
            f"{table.name}: {mark} is set in all {rows:,} rows of OLD, and {NEEDED}", table.name, hint
        )


def parents_left_out(migration: Migration) -> Iterator[Finding]:
    """Tables whose marked rows are left out, and that others refer to which know no marks."""
    tables = migration.settings.tables
    for table in (each for each in tables if each.soft_delete):
        names = [each.name for each in tables if table.name in each.depends_on and not each.soft_delete]
        if names:
            text = f"{table.name}: soft_delete leaves out rows that {', '.join(names)} may refer to"
            hint = "NEW refuses rows whose parent is left out: the app has to mark them too"
            yield warning(text, table.name, hint)
