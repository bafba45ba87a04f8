"""What sources and sinks promise, and what those that can tell more may add."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from supasync_core.model.batch import Batch, Window
from supasync_core.model.level import Level
from supasync_core.model.state import Extent
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Instant


class Side(Protocol):
    """What both sides can tell of a table, and its rows."""

    def shape(self, table: Table) -> Shape:
        """The table's columns. SchemaError where the table does not exist or has no rights."""
        ...

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows, in the window where one is given (its limit does not matter)."""
        ...

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window: at least one row where there is one, perhaps fewer than the limit.

        Of a source with a clock, ``read_at`` of the page is its own time at the answer. It decides how far
        cursors move: never later than that answer, and its ``sent`` never later than the rows were looked up.
        """
        ...

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows whose ``columns`` equal one of the tuples of texts, in batches, in any order."""
        ...

    def close(self) -> None:
        """Close connections and files. A backend that holds none inherits this."""
        return


class Source(Side, Protocol):
    """Where rows come from. It is only ever read."""


class Sink(Side, Protocol):
    """Where rows go."""

    def upsert(self, table: Table, batch: Batch) -> int:
        """Write all rows of the batch or none; return their number, which equals ``batch.count``.

        A row whose key exists is replaced in the batch's columns. Raises RowError where the sink refuses
        rows, SchemaError where it lacks the table, the key or a column, TooMuchError where it may take fewer
        rows at once.
        """
        ...

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Remove the rows of these keys, however many requests that takes; how many there were.

        Never more than were named: the backend itself makes sure of that. The table's ``where`` does not
        matter. SchemaError for what cannot be a key, before anything is removed; RowError where others still
        refer to a row. Only `supasync_core.sync.removal` calls this.
        """
        ...


@runtime_checkable
class Probing(Protocol):
    """A source or sink that can test for columns where the shape of a table is not known."""

    def has_columns(self, table: Table, columns: Sequence[str]) -> bool:
        """Whether the table has all of these columns."""
        ...


def missing_columns(side: Side, table: Table, columns: Iterable[str]) -> list[str]:
    """Those of the columns that the table does not have and that no batch would add; none where unknown."""
    wanted, shape = list(columns), side.shape(table)
    if shape.known:
        return [] if shape.grows else [column for column in wanted if column not in shape.names]
    if not isinstance(side, Probing) or side.has_columns(table, wanted):
        return []
    return [column for column in wanted if not side.has_columns(table, [column])]


@runtime_checkable
class Clocked(Protocol):
    """A source or state store that has a clock of its own."""

    def now(self) -> Instant | None:
        """Its time at its latest answer; None before the first one, or where it cannot be trusted."""
        ...


@runtime_checkable
class Typed(Protocol):
    """A source or sink whose format knows no types: it is told the other side's before the first batch."""

    def typed(self, table: Table, shape: Shape) -> None:
        """Take the column types of this table from the other side."""
        ...


@runtime_checkable
class Informed(Protocol):
    """A sink that keeps every cell as it came, and yet has to know when two keys are one."""

    def informed(self, table: Table, shape: Shape) -> None:
        """Take the source's column types, before the first batch."""
        ...


@runtime_checkable
class Catalog(Protocol):
    """A source or sink that can list its tables."""

    @property
    def hidden(self) -> Sequence[str]:
        """What a table may have that such a list never shows, for people."""
        ...

    def tables(self, schema: str) -> Mapping[str, Shape]:
        """The tables of the schema by name, views too where they cannot be told apart.

        Columns come in the table's order. RefusedError or SchemaError where they are not shown; an empty
        answer means that there is none.
        """
        ...


@runtime_checkable
class Exposing(Protocol):
    """A catalog that may be able to tell which schemas it shows."""

    def schemas(self) -> Sequence[str] | None:
        """The schemas that are shown at all, in their order; None where it does not tell."""
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
    """A sink that may be able to tell its foreign keys, also those to what it does not show."""

    def references(self, tables: Sequence[Table]) -> Sequence[Reference] | None:
        """All foreign keys of these tables; None where it cannot tell."""
        ...

    def orphans(self, reference: Reference, values: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]] | None:
        """Those of the texts of its columns that have no row to refer to; None where it cannot tell."""
        ...


@runtime_checkable
class RowKeyed(Protocol):
    """A source that may give each row of a table without a key one that is made of it: `rowkey.ROW_KEY`."""

    def takes_row_keys(self) -> bool:
        """Whether it does; then all its methods take tables of that key."""
        ...


@dataclass(frozen=True, slots=True)
class Unique:
    """Columns that tell the rows of a table apart, and by which the sink merges rows.

    ``nullable``: one of them may be NULL, and then tells nothing.
    """

    columns: tuple[str, ...]
    nullable: bool = False


@runtime_checkable
class Indexed(Protocol):
    """A sink that may be able to tell the unique keys of its tables."""

    def uniques(self, tables: Sequence[Table]) -> Mapping[tuple[str, str], Sequence[Unique]] | None:
        """The unique keys of each table, by its schema and name; None where it cannot tell."""
        ...


@runtime_checkable
class Referred(Protocol):
    """A sink that may be able to tell which other tables a deleted row would reach into."""

    def referring(self, tables: Sequence[Table]) -> Sequence[Reference] | None:
        """Keys of other tables to these that cascade, set NULL or a default; None where it cannot tell."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What only a side's own catalog tells of a table, and what it means for a copy.

    Kinds: ``trigger inheritance precision identity accounts unknown``; ``accounts`` are triggers on what is
    not copied.
    """

    kind: str
    level: Level
    table: str | None
    text: str
    hint: str | None = None


@runtime_checkable
class Remarking(Protocol):
    """A source or sink that may be able to look behind its tables' columns."""

    def remarks(self, tables: Sequence[Table]) -> Sequence[Remark]:
        """What concerns a copy of these tables: triggers, child tables, types that hold fewer digits."""
        ...


@runtime_checkable
class Computing(Protocol):
    """A sink that learns which columns it computes itself, so that they are not written."""

    def computed(self, table: Table) -> frozenset[str]:
        """Those that were left out of what was written to the table."""
        ...


@runtime_checkable
class Sized(Protocol):
    """A source or sink that may have learned how large its database is."""

    def database_bytes(self) -> int | None:
        """The size that was told last, without a request; None where nobody told."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a source tells of all tables at once, before any of them is read.

    ``horizon``: whatever a transaction stamped with its own time up to then is committed, and seen by any
    later read, or gone. ``now`` is the source's time, ``held`` names the session that holds the horizon back,
    where there is one. ``extents`` are by table name; a table that is missing is read as ever. ``problem`` is
    why nothing could be told.
    """

    horizon: Instant | None = None
    now: Instant = 0
    held: str | None = None
    extents: Mapping[str, Extent] = field(default_factory=dict)
    problem: str | None = None


@runtime_checkable
class Surveyed(Protocol):
    """A source that may be able to tell of all tables at once."""

    def survey(self, asked: Sequence[tuple[Table, Sequence[str]]]) -> Survey | None:
        """The survey of these tables with the largest value of each column; None where it is not set up."""
        ...
