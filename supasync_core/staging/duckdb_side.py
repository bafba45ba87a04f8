"""What every source and sink whose rows lie in DuckDB has in common: how they are counted and read."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from supasync_core.api.backend import Side
from supasync_core.model.batch import Batch, Window
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Horizon
from supasync_core.staging.read_rows import Reader


class DuckdbSide(Side):
    """Counts and reads by the reader that a subclass opens. A table that is not there has no rows."""

    read_at: Horizon | None = None
    """The time of the pages, set by a subclass that has a clock."""

    @abstractmethod
    def _reading(self, table: Table) -> AbstractContextManager[tuple[Reader, Table] | None]:
        """A reader, and the table as the reader names it; None where it is not there. Translates errors."""

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows."""
        with self._reading(table) as found:
            return found[0].count(found[1], window) if found else 0

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window."""
        with self._reading(table) as found:
            page = found[0].read(found[1], window) if found else Batch(b"[]", 0 if window.counted else None)
            return replace(page, read_at=self.read_at)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows whose columns have one of these tuples of texts, all in one batch."""
        with self._reading(table) as found:
            batch = found[0].rows(found[1], columns, values) if found else None
        if batch is not None:
            yield batch
