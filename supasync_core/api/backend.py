"""The contracts of sources and sinks, and the optional ones of those that can do more."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from supasync_core.model.batch import Batch, Key, Window
from supasync_core.model.level import Level
from supasync_core.model.state import Extent
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Instant


class Side(Protocol):
    """What sources and sinks have in common: a table's columns, its number of rows, the rows themselves."""

    def shape(self, table: Table) -> Shape:
        """The table's columns. SchemaError if the table does not exist, RefusedError without rights on it."""
        ...

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows: of the table, or of the window, whatever its limit."""
        ...

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window: at least one row if there is any, perhaps fewer than the limit.

        A source with a clock sets the page's ``read_at`` to its own time at the answer. Cursors move as far
        as that, so it must not be later, nor its ``sent`` later than the moment the rows were looked up.
        """
        ...

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows whose ``columns`` equal one of the tuples of texts, in batches, in any order."""
        ...

    def close(self) -> None:
        """Close connections and files. A backend that holds none inherits this."""
        return


class Source(Side, Protocol):
    """Where rows come from. It is never written to."""


class Sink(Side, Protocol):
    """Where rows go."""

    def upsert(self, table: Table, batch: Batch) -> int:
        """Write all rows of the batch or none; return their number, which equals ``batch.count``.

        A row whose key exists is replaced in the batch's columns. Raises RowError where the sink refuses
        rows, SchemaError if the table, the key or a column is missing, BatchTooLargeError if it may take
        fewer rows at once.
        """
        ...

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Delete the rows of these keys, in as many requests as needed; return how many there were.

        Never more than were named: the backend itself guarantees that. The table's ``where`` does not count.
        Raises SchemaError for what cannot be a key, before anything is deleted, and RowError if other rows
        still refer to one. Only `supasync_core.sync.removal` calls this.
        """
        ...


@runtime_checkable
class Probing(Protocol):
    """A source or sink that can test for columns where the shape of a table is not known."""

    def has_columns(self, table: Table, columns: Sequence[str]) -> bool:
        """Whether the table has all of these columns."""
        ...


def missing_columns(side: Side, table: Table, columns: Iterable[str]) -> list[str]:
    """The columns that the table does not have and that no batch would add; none if that is unknown."""
    wanted, shape = list(columns), side.shape(table)
    if shape.known:
        return [] if shape.grows else [column for column in wanted if column not in shape.names]
    if not isinstance(side, Probing) or side.has_columns(table, wanted):
        return []
    return [column for column in wanted if not side.has_columns(table, [column])]


@runtime_checkable
class Divisible(Protocol):
    """A source that says where ranges of a table's keys may end, so that several readers can read it."""

    def key_behind(self, table: Table, after: Key, rows: int) -> Key | None:
        """The key of the row that is so many rows behind the key ``after``, in the order of the key.

        Rows that are marked as deleted, those in which one of ``table.marks`` is not NULL, do not count.
        It costs far less than reading those rows. None where there are not so many rows, or where that key
        cannot be the end of a range, such as one that is too long for an address.
        """
        ...


@runtime_checkable
class Clocked(Protocol):
    """A source or state store that has a clock of its own."""

    def now(self) -> Instant | None:
        """Its time at its latest answer; None before the first one, or if the time may be stale."""
        ...


@runtime_checkable
class Typed(Protocol):
    """A source or sink whose format has no types: it gets those of the other side before the first batch."""

    def typed(self, table: Table, shape: Shape) -> None:
        """Take the column types of this table from the other side."""
        ...


@runtime_checkable
class Informed(Protocol):
    """A sink that stores every cell as it came, and needs types to know when two keys are equal."""

    def informed(self, table: Table, shape: Shape) -> None:
        """Take the source's column types, before the first batch."""
        ...


@runtime_checkable
class Buffered(Protocol):
    """A sink that may hold back what it took, and loses that with its process until `flush`.

    What it reads and counts has those rows. `close` flushes. The state that a row leads to is saved after a
    flush alone: see `supasync_core.project.lease`.
    """

    def flush(self) -> None:
        """Put what is held into the sink, where other processes find it; if that fails, it is held on.

        It asks the fence. It may be called while another thread is in any other method.
        """
        ...


@runtime_checkable
class Catalog(Protocol):
    """A source or sink that can list its tables."""

    @property
    def hidden(self) -> Sequence[str]:
        """What a table may have that the list never shows, in words."""
        ...

    def tables(self, schema: str) -> Mapping[str, Shape]:
        """The tables of the schema by name, and its views where they look the same.

        Columns are in the table's order. An empty answer means that there is no table; RefusedError or
        SchemaError if the list is not available.
        """
        ...


@runtime_checkable
class Exposing(Protocol):
    """A catalog that may know which schemas it shows."""

    def schemas(self) -> Sequence[str] | None:
        """The schemas that it shows, in its order; None if unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key by its name: from a table to its parent, each as schema and name, in pairs of columns."""

    name: str
    table: tuple[str, str]
    parent: tuple[str, str]
    pairs: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that refer."""
        return tuple(mine for mine, _ in self.pairs)

    @property
    def theirs(self) -> tuple[str, ...]:
        """The columns of the parent that are referred to, in the same order."""
        return tuple(theirs for _, theirs in self.pairs)


@runtime_checkable
class Referential(Protocol):
    """A sink that may know its foreign keys, also those to tables that it does not show."""

    def references(self, tables: Sequence[Table]) -> Sequence[Reference] | None:
        """All foreign keys of these tables; None if unknown."""
        ...

    def orphans(self, reference: Reference, values: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]] | None:
        """The values of its columns, as texts, that have no parent row; None if unknown."""
        ...


@runtime_checkable
class RowKeyed(Protocol):
    """A source that may make a key of each row of a table without one: `row_key.ROW_KEY`."""

    def takes_row_keys(self) -> bool:
        """Whether it does; then all its methods take tables of that key."""
        ...


@dataclass(frozen=True, slots=True)
class Unique:
    """Columns that are unique together, and by which the sink can merge rows.

    ``nullable``: one of them may be NULL, and such rows are not unique.
    """

    columns: tuple[str, ...]
    nullable: bool = False


@runtime_checkable
class Indexed(Protocol):
    """A sink that may know the unique keys of its tables."""

    def uniques(self, tables: Sequence[Table]) -> Mapping[tuple[str, str], Sequence[Unique]] | None:
        """The unique keys of each table, by its schema and name; None if unknown."""
        ...


@runtime_checkable
class Referred(Protocol):
    """A sink that may know which other tables a delete would change."""

    def referring(self, tables: Sequence[Table]) -> Sequence[Reference] | None:
        """Foreign keys to these tables that cascade, set NULL or a default; None if unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What only a side's own catalog says of a table, and what it means for a copy.

    Kinds: ``trigger inheritance precision identity computed accounts callers connection cast unknown``;
    ``accounts`` are triggers on what is not copied, ``callers`` roles that may call supasync's functions.
    ``digits``: of a ``precision``, how many digits behind the point columns hold.
    """

    kind: str
    level: Level
    table: str | None
    text: str
    hint: str | None = None
    digits: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Remarking(Protocol):
    """A source or sink that may see more of its tables than their columns."""

    def remarks(self, tables: Sequence[Table]) -> Sequence[Remark]:
        """What concerns a copy of these tables: triggers, child tables, types that hold fewer digits."""
        ...


@runtime_checkable
class Computing(Protocol):
    """A sink that learns which columns it computes itself and leaves out of what it writes."""

    def computed(self, table: Table) -> frozenset[str]:
        """The columns that were left out of writes to the table so far, if only of rows that were there.

        Every row that is sent with one of them is compared.
        """
        ...


@runtime_checkable
class Sized(Protocol):
    """A source or sink that may know how large its database is."""

    def database_bytes(self) -> int | None:
        """The size it learned last, without a request; None if unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a source says of all tables at once, before any of them is read.

    ``horizon``: whatever a transaction stamped with its own time up to then is committed, and visible to any
    later read, or rolled back. ``now`` is the source's time, ``held`` names the session that holds the
    horizon back, if any. ``extents`` are by table name; a table that is missing is read as usual.
    ``unindexed``: by table name, those of the columns asked for with which no index begins; nothing is known
    of a table that is missing. ``problem`` is why there is no answer.
    """

    horizon: Instant | None = None
    now: Instant = 0
    held: str | None = None
    extents: Mapping[str, Extent] = field(default_factory=dict)
    unindexed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problem: str | None = None

    @staticmethod
    def session(pid: int, state: str | None, application: str | None) -> str:
        """A session of PostgreSQL in words, for ``held``, and how to end it."""
        of = f", {application}" if application else ""
        ends = f"select pg_terminate_backend({pid}) ends it"
        return f"the transaction of session {pid} ({state or 'at work'}{of}; {ends})"


@runtime_checkable
class Consistent(Protocol):
    """A source that can be seen as it was at one instant, by any number of threads."""

    def consistent(self) -> AbstractContextManager[None]:
        """Within it, every page, count and lookup shows the source as it was when it began.

        A page's ``read_at.sent`` is that instant then.
        """
        ...


@runtime_checkable
class Surveyed(Protocol):
    """A source that may describe all tables at once."""

    def survey(self, asked: Sequence[tuple[Table, Sequence[str]]]) -> Survey | None:
        """The survey of these tables, with the largest value of each column; None if it is not set up."""
        ...


def consistent(source: Source) -> AbstractContextManager[None]:
    """One instant of the source, where it can show that; else each answer shows what is there then."""
    return source.consistent() if isinstance(source, Consistent) else nullcontext()
