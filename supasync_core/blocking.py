"""What stands in the way of a row that the sink refuses because a unique value of it is taken (23505).

The sink names the columns. Its own row with these values is asked for by them, and the source whether it has
that row: where it has, the row goes first as it is now, and else only a removal makes way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from supasync_core import made
from supasync_core.batch import Batch, Row
from supasync_core.errors import RowError
from supasync_core.evidence import Key
from supasync_core.project import Project
from supasync_core.refusals import keys_of, texts_of
from supasync_core.state import State
from supasync_core.tables import Table


def in_the_way(project: Project, table: Table, row: Row, columns: Sequence[str]) -> list[Key]:
    """The keys of the sink's rows that have the row's values of these columns, without its own."""
    value = texts_of(row, columns) if columns else ()
    if not value:
        return []
    keys_only = replace(table, columns=table.key, exclude=(), where=None, transform=())
    found = project.sink.rows(keys_only, columns, [value])
    own = table.place(row, None).key
    return [key for batch in found for key in keys_of(table, batch) if key != own]


def explain(table: Table, err: RowError, blockers: Sequence[Key], *, copied: bool) -> None:
    """Let the error say whose row it is that the source does not have, and the way out."""
    shown = "; ".join(", ".join(key) for key in blockers)
    origin = "deleted there, or made in NEW" if copied else "made in NEW before the first sync"
    err.message = (
        f"{table.name}: NEW's row {shown} has the same {', '.join(err.columns)}, and OLD has no such row: "
        f"{origin}"
    )
    err.hint = made.WAY
    err.blockers = tuple(blockers)


@dataclass
class Blocking:
    """Looks, once for each unique key of a table and run, whether rows of the sink's own are in the way.

    ``before`` is the state that the run began with.
    """

    project: Project
    before: State
    looked: dict[tuple[str, tuple[str, ...]], str | None] = field(default_factory=dict)

    def hint(self, table: Table, batch: Batch, err: RowError) -> None:
        """Name the cause where the table was never copied: as many rows may be refused as were made."""
        if not err.columns or not made.is_untouched(self.before.table(table.name)):
            return
        place = (table.name, err.columns)
        if place not in self.looked:
            self.looked[place] = None
            keys = in_the_way(self.project, table, batch.rows[0], err.columns)
            if keys and made.lacking(self.project, table, keys):
                self.looked[place] = (
                    f"NEW has rows of its own with the same {', '.join(err.columns)}, made before the first "
                    f"sync, as by a trigger on auth.users: {made.WAY}"
                )
        err.hint = self.looked[place] or err.hint
