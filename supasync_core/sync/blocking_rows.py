"""What stands in the way of a row that the sink refuses because a unique value of it is taken (23505).

The sink names the columns. Its own row with these values is asked for by them, and the source whether it has
that row: where it has, the row goes first as it is now, and else only a removal makes way.
"""

from collections.abc import Sequence

from supasync_core.model.batch import Key, Row
from supasync_core.model.errors import RowError
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.sync import made_rows


def in_the_way(migration: Migration, table: Table, row: Row, columns: Sequence[str]) -> list[Key]:
    """The keys of the sink's rows that have the row's values of these columns, without its own."""
    value = texts_of(row, columns) if columns else ()
    if not value:
        return []
    keys_only = table.whole().narrowed(table.key)
    found = migration.sink.rows(keys_only, columns, [value])
    own = table.key_of(row)
    return [key for batch in found for key in table.keys(batch) if key != own]


def explain(table: Table, err: RowError, blockers: Sequence[Key], *, copied: bool) -> None:
    """Let the error say whose row it is that the source does not have, and the way out."""
    shown = "; ".join(", ".join(key) for key in blockers)
    origin = "deleted there, or made in NEW" if copied else "made in NEW before the first sync"
    err.message = (
        f"{table.name}: NEW's row {shown} has the same {', '.join(err.columns)}, and OLD has no such row: "
        f"{origin}"
    )
    err.hint = made_rows.WAY
    err.blockers = tuple(blockers)


def hint(err: RowError) -> None:
    """Let the error name the cause where the sink was found to have rows of its own in the table."""
    columns = f" with the same {', '.join(err.columns)}" if err.columns else ""
    err.hint = (
        "NEW had rows of its own in this table before the first sync, as a trigger on auth.users makes "
        f"them, and one{columns} may be in the way: {made_rows.WAY}"
    )
