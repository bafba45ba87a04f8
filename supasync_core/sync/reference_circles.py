"""Rows that refer to each other in a circle: which of their batches goes without its reference first."""

from collections.abc import Sequence
from dataclasses import dataclass

from supasync_core.api.backend import Sink
from supasync_core.model.batch import Batch, Key
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.table import Table
from supasync_core.schema.parents import Link

Keys = set[Key]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A batch that waits for the parents that its ``columns`` refer to."""

    table: Table
    batch: Batch
    columns: tuple[str, ...]

    def holds(self, link: Link, missing: Keys) -> bool:
        """Whether one of the missing parents is in it."""
        if link.parent is None or link.parent.name != self.table.name:
            return False
        return any(texts_of(row, link.theirs) in missing for row in self.batch.rows)


class CircleError(Exception):
    """Rows refer to each other in a circle: the batch ``under_way`` can go without its reference first."""

    def __init__(self, under_way: UnderWay) -> None:
        super().__init__()
        self.under_way = under_way


def yielding(circle: Sequence[UnderWay], sink: Sink) -> UnderWay:
    """The innermost, where it can do without its reference; else CircleError with the first that can.

    SchemaError where none can: no column of these references may be NULL in the sink.
    """
    for waiting in circle:
        shape = sink.shape(waiting.table)
        columns = [shape.column(name) for name in waiting.columns]
        if all(column is None or column.nullable is not False for column in columns):
            if waiting is circle[0]:
                return waiting
            raise CircleError(waiting)
    names = " -> ".join(waiting.table.name for waiting in reversed(circle))
    raise circle[0].table.schema_error(
        f"rows of {names} refer to each other by columns that cannot be NULL",
        hint="drop these foreign keys in NEW until the switch: supasync schema sql --foreign-keys off",
    )
