"""What a strategy promises: which windows of a table are read, and what state each page leads to."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from supasync_core.api.backend import Source
from supasync_core.model.batch import Batch, Key, Keyset, Window
from supasync_core.model.state import Extent, TableState
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Instant
from supasync_core.system.executors import Inline


@dataclass(frozen=True, slots=True)
class Piece:
    """A step of a table's run: a batch, and the state that is true once the sink has confirmed it.

    The state covers all earlier pieces as well. A piece without a batch only moves the state.
    ``total`` is the number of rows that this run expects for the table, where it is known: if fewer came than
    the last ``total`` says, the read is not complete. ``unchanged`` rows were read and need not be sent.
    ``note`` is what the run should say of the table.
    """

    batch: Batch | None
    state: TableState
    total: int | None = None
    unchanged: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Readers:
    """So many pages may be asked for at once, of all tables together, in threads of the ``pool``.

    One reader needs no thread: it reads a page where that is asked for.
    """

    count: int = 1
    pool: Executor = field(default_factory=Inline)


@dataclass(frozen=True, slots=True)
class Job:
    """One table to be read: from which source, from which state; ``now`` is the state store's time.

    ``horizon`` and ``extent`` come from the source's survey, if there is one: no cursor moves beyond that
    horizon, and the state of a complete read keeps the extent. ``readers`` may read pages at once.
    """

    table: Table
    source: Source
    state: TableState
    now: str
    horizon: Instant | None = None
    extent: Extent | None = None
    readers: Readers = field(default_factory=Readers)


@dataclass(frozen=True, slots=True)
class Gone:
    """Keys of rows that the source has deleted, and the state that is true once none of them is in the sink.

    The state covers all that came before it as well.
    """

    keys: tuple[Key, ...]
    state: TableState


@runtime_checkable
class Marking(Protocol):
    """A strategy of tables whose rows the source marks as deleted, as `soft_delete` of a table does."""

    def deleted_by(self, table: Table) -> str | None:
        """The column that is not NULL in a deleted row; None if the table has none.

        Such rows are not copied, and they are removed from the sink: see `supasync_core.api.marked_rows`.
        """
        ...


@runtime_checkable
class DeleteFeed(Protocol):
    """A strategy that learns in its own way which rows the source has deleted, such as from a log of them."""

    def deleted(self, job: Job) -> Iterator[Gone]:
        """The rows that were deleted since the job's state.

        Asked at the end of a run. Only those go that the sink has, that the source no longer has when it is
        asked for them by key, that the source is known to have had, and to which no row refers; and no more
        than a ceiling. Where one of these holds them back, no state is kept and they are asked for again.
        """
        ...


class Strategy(Protocol):
    """How one table is read: which windows, in which order, and what state each page leads to.

    It may have a ``version``, a whole number that is 1 where it is left out. Raise it where what an earlier
    version has copied, or has kept in the state, is not what this one would: its tables stop until their rows
    are copied again.

    It may have ``takes_large_pages``, which is true where a page that is not counted may have more rows than
    its window asks for: such pages may come in another format, see `supasync_core.api.row_formats`.
    """

    def problems(self, table: Table) -> list[str]:
        """What is wrong with the table's settings for this strategy, a sentence each."""
        ...

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        """Why the table's columns, as far as their types are known, cannot be read this way."""
        ...

    def unseen(self, table: Table) -> tuple[str, ...]:
        """What this way of reading cannot see in this table, sorted, out of ``deletes`` and ``updates``.

        Optional: a strategy without it counts as one that sees everything. Callers ask `Migration.unseen`.
        """
        ...

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        """The orders in which the table is read; together they hold every row."""
        ...

    def pending(self, job: Job) -> Window:
        """What the next run would read first."""
        ...

    def read(self, job: Job) -> Iterator[Piece]:
        """Read the table; every piece's state is safe to keep once its batch is confirmed."""
        ...

    def baseline(self, table: Table, timestamp: str) -> TableState:
        """The state of a table whose rows up to ``timestamp`` are in the sink already."""
        ...


def version_of(strategy: Strategy) -> int:
    """The strategy's version, 1 where it has none."""
    return int(getattr(strategy, "version", 1))
