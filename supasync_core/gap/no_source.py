"""The source while the gap is carried over: it is not there, and nothing is asked of it."""

from collections.abc import Iterator, Sequence

from supasync_core.api.backend import Source
from supasync_core.model.batch import Batch, Window
from supasync_core.model.errors import RefusedError
from supasync_core.model.table import Shape, Table


class NoSource(Source):
    """Refuses every question."""

    def shape(self, table: Table) -> Shape:
        """Refused."""
        raise _refused(table)

    def count(self, table: Table, window: Window | None = None) -> int:
        """Refused."""
        raise _refused(table)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """Refused."""
        raise _refused(table)

    def read(self, table: Table, window: Window) -> Batch:
        """Refused."""
        raise _refused(table)


def _refused(table: Table) -> RefusedError:
    return RefusedError(f"{table.name}: OLD is not read while the last gap is imported", table=table.name)
