"""A sink that PostgreSQL's types stand behind, and rows that PostgreSQL has not printed."""

from collections.abc import Callable, Mapping
from types import new_class
from typing import Any, TypeVar

from supasync_core.api.backend import Sink
from supasync_core.model.batch import Batch
from supasync_core.model.errors import RowError
from supasync_core.model.exact_cells import misfits
from supasync_core.model.pg_types import shown
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted

TYPES = "postgresql"
"""What a backend calls its types whose types these are."""
S = TypeVar("S", bound=Sink)


def exact(sink: S, digits: Callable[[Table], Mapping[str, int]] = lambda _table: {}) -> S:
    """The same sink, which refuses cells (RowError) that its columns would hold as other values.

    ``digits`` are those behind the point that columns of a table hold at most, where that is known.
    It gets a class of its own, as in `supasync_core.concurrency.one_at_a_time`.
    """
    kind: Any = type(sink)
    known: dict[str, tuple[Shape, Mapping[str, int]]] = {}

    def upsert(self: Any, table: Table, batch: Batch) -> int:  # noqa: ANN401 - of the class that is made here
        if table.name not in known:
            known[table.name] = self.shape(table), digits(table)
        refuse_misfits(table, *known[table.name], batch)
        written: int = kind.upsert(self, table, batch)
        return written

    heir = new_class(
        kind.__name__, (kind,), exec_body=lambda names: names.update(upsert=upsert, __slots__=())
    )
    object.__setattr__(sink, "__class__", heir)
    return sink


def refuse_misfits(table: Table, shape: Shape, digits: Mapping[str, int], batch: Batch) -> None:
    """RowError where a column does not hold a cell of the batch as it is."""
    columns = [name for name in batch.columns if name not in table.exclude]
    for column, count in misfits(shape, batch, columns, digits):
        misfit = counted(count, "value of the batch is", "values of the batch are")
        most = digits.get(column.name)
        limit = "" if most is None else f": it holds {counted(most, 'digit', 'digits')} behind the point"
        raise table.error(
            RowError,
            f"{misfit} not as the column {column.name} ({shown(column)}) prints it, and would become another"
            f"{limit}",
            hint=f"give {column.name} a wider type in NEW, such as text, or write the value in OLD as "
            "PostgreSQL prints it",
        )
