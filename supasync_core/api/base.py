"""Sources and sinks with defaults: a subclass says how a page is read, and what it can do faster.

`BaseSource` asks for `read` alone, `BaseSink` for `upsert` and `delete` too. For a database see
`supasync_core.api.sql_backend`, for files that are read as a whole `supasync_core.api.whole_tables`.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from supasync_core.api.backend import Side, Sink, Source
from supasync_core.api.pages import pages
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Window
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Horizon, Instant


class BaseSide(Side):
    """Everything by `read`: right for any backend, and slow for a large one, which overrides it."""

    @abstractmethod
    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window, as `Side.read` has it."""

    def shape(self, table: Table) -> Shape:
        """The columns of the table's first row, without types; not known where there is no row."""
        names = next((batch.columns for batch in pages(self, table)), ())
        return Shape(tuple(map(Column, names)), known=bool(names))

    def count(self, table: Table, window: Window | None = None) -> int:
        """The number of rows, each read once."""
        if window is None:
            return sum(batch.count for batch in pages(self, table))
        spans = [
            key for span in window.spans for batch in pages(self, table, span) for key in table.keys(batch)
        ]
        return len(set(spans))

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows with these texts, out of all pages."""
        wanted = {tuple(each) for each in values}
        for batch in pages(self, table):
            found = [i for i, row in enumerate(batch.rows) if texts_of(row, columns) in wanted]
            if found:
                yield batch.only(found)


class BaseSource(BaseSide, Source):
    """A source with defaults: a subclass says `read`."""


class BaseSink(BaseSide, Sink):
    """A sink with defaults: a subclass says `read`, `upsert` and `delete`."""

    @abstractmethod
    def upsert(self, table: Table, batch: Batch) -> int:
        """Write all rows of the batch or none, as `Sink.upsert` has it."""

    @abstractmethod
    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Delete the rows of these keys and no other, as `Sink.delete` has it."""


class LocalClock:
    """A clock for a source whose rows nobody stamps on another machine: a file, a database on this one.

    `horizon` is called before the rows are looked up. Where rows are stamped elsewhere, a page carries that
    machine's time instead, or none: a clock that is ahead would move cursors beyond rows.
    """

    read_at: Horizon | None = None
    """The time of the latest page."""

    def horizon(self, at: Instant | None = None) -> Horizon:
        """The time of the page that is read next: now, or ``at``, when a file was written."""
        self.read_at = Horizon(timestamps.now() if at is None else at)
        return self.read_at

    def now(self) -> Instant | None:
        """The time of the latest page; None before the first one."""
        return self.read_at.at if self.read_at else None
