"""Rows in another format than JSON, where both sides have it: a source reads them so, a sink takes them so.

What lies between sees batches: `supasync_core.model.copy_batch.CopyBatch` is one whose JSON is made when
somebody looks at it, and so is `supasync_core.model.arrow_batch.ArrowBatch`. A backend of another database
joins by naming a format of these.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

from supasync_core.model.batch import Batch, Window
from supasync_core.model.table import Table

PG_COPY: Final = "postgresql-copy"
"""PostgreSQL's COPY in text format, values printed under `supasync_core.api.sql_session.PINNED`; the batches
are of the class `CopyBatch`."""
ARROW: Final = "arrow"
"""Raw JSON cells by column, as a stream in Arrow's C interface; the batches are of the class `ArrowBatch`."""


@runtime_checkable
class TakesFormats(Protocol):
    """A sink whose `upsert` takes batches of other formats than JSON."""

    def row_formats(self, table: Table) -> Sequence[str]:
        """The formats that it takes for this table without looking at the batch's JSON, where types agree."""
        ...


@runtime_checkable
class ReadsFormats(Protocol):
    """A source that reads other formats than JSON."""

    def row_formats(self, table: Table) -> Sequence[str]:
        """The formats in which it can read this table; none where a value would not be the same."""
        ...

    def read_in(self, row_format: str, table: Table, window: Window) -> Batch:
        """One page of the window as `Side.read` has it, of a class of batch that this format has.

        It may have more rows than the window asks for, and is not counted: only a strategy that
        `takes_large_pages` gets it.
        """
        ...


@runtime_checkable
class Declaring(Protocol):
    """A source or sink that knows how its columns are declared in PostgreSQL's own words."""

    def declared(self, table: Table) -> Mapping[str, str]:
        """By name the columns of PostgreSQL's own types, with all that these hold: ``numeric(12,4)``.

        Columns of two sides that are declared alike take each other's values unchanged.
        """
        ...
