"""The seams: what a source, a sink, a state store and a table plugin promise."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from supasync_core.batch import Batch, Keyset, Row, Window
from supasync_core.clock import Horizon, Instant
from supasync_core.state import Extent, State, TableState
from supasync_core.tables import Shape, Table


class Side(Protocol):
    """What both sides can tell of a table, and its rows."""

    def shape(self, table: Table) -> Shape:
        """The table's columns. SchemaError where the table does not exist or has no rights."""
        ...

    def lacking(self, table: Table, columns: Iterable[str]) -> list[str]:
        """Those of the columns that the table does not have."""
        ...

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows, in the window where one is given (its limit does not matter)."""
        ...

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window: at least one row where there is one, perhaps fewer than the limit."""
        ...

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows whose ``columns`` equal one of the tuples of texts, in batches, in any order."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


class Source(Side, Protocol):
    """Where rows come from. It is only ever read."""

    def horizon(self) -> Horizon | None:
        """The source's own time at its latest answer; None before the first one or without a clock.

        Where several threads ask at once, at the latest answer to the calling one.
        """
        ...


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
        refer to a row. Only `supasync_core.removal` calls this.
        """
        ...

    def notes(self) -> list[str]:
        """What a person should know of how rows were written, such as columns that had to be left out."""
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
    A ``problem`` makes a copy wrong, a ``warning`` may, a ``note`` says what cannot be seen.
    """

    kind: str
    level: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who wants to write to the sink: ``holder`` names this installation, ``source`` where rows come from.

    ``lease`` is in seconds. ``baseline`` allows to begin where no state exists yet.
    """

    holder: str
    source: str
    command: str
    lease: int
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A lease that was granted: its id, the state (None before the baseline), the store's time.

    ``note`` is what a person should do about the store; the run goes on.
    """

    id: str
    state: State | None
    now: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a run writes: ``status`` is running for a checkpoint, which renews the lease; else it releases it.

    Statuses: ``running baseline success partial failed interrupted reset retried dropped closed reopened``.
    ``horizon`` is the source's time up to which it was read. ``retention`` is in days. ``details`` holds
    counts per table and the ledger.
    """

    status: str
    state: State
    horizon: str | None = None
    records: int = 0
    error: str | None = None
    requests: int = 0
    bytes: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    lease: int = 600
    retention: int = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run as the store recorded it; times are ISO texts of the store's clock."""

    id: str
    created_at: str
    status: str
    command: str = "sync"
    holder: str | None = None
    finished_at: str | None = None
    horizon: str | None = None
    records: int = 0
    error: str | None = None
    requests: int = 0
    bytes: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spending:
    """What one record says of cost: the ledger's JSON, and the database sizes by project that were told.

    ``created_at`` is an ISO text of the store's clock.
    """

    created_at: str
    costs: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Past:
    """What the store holds: the state (None before the baseline) and the newest records first."""

    state: State | None
    records: tuple[Record, ...]


class StateStore(Protocol):
    """Keeps the state and the records with the sink, for one writer at a time."""

    def begin(self, claim: Claim) -> Run:
        """Take the lease, or take it over from the same holder or after its expiry.

        LockedError while another holder has it. StateError where the store is not set up, there is no
        baseline and the claim brings none, or the state belongs to another source.
        """
        ...

    def save(self, run_id: str, entry: Entry) -> bool:
        """Store state and record in one transaction; False where the run no longer holds the lease."""
        ...

    def past(self, limit: int) -> Past:
        """The state and the newest ``limit`` records, without taking the lease. StateError as in begin."""
        ...

    def spendings(self, since: str) -> Sequence[Spending]:
        """What every record since that time cost, oldest first, and nothing else of them.

        It is little to fetch: a month of hourly runs is asked for by every run that keeps to budgets.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


@runtime_checkable
class Clocked(Protocol):
    """A state store that has a clock of its own, by which its records are stamped."""

    def now(self) -> Instant | None:
        """Its time at its latest answer; None before the first one."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A step of a table's run: a batch, and the state that is true once the sink has confirmed it.

    The state covers all earlier pieces as well. A piece without a batch only moves the state.
    ``total`` is the number of rows that this run expects for the table, where it is known: the last one that
    is told is held against the rows that came, and fewer are no complete read. ``unchanged`` rows were read
    and need not be sent.
    """

    batch: Batch | None
    state: TableState
    total: int | None = None
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One table to be read: from which source, from which state; ``now`` is the state store's time.

    ``horizon`` and ``extent`` are what the source's survey told, where it did: no cursor moves beyond that
    horizon, and the state of a complete read holds the extent.
    """

    table: Table
    source: Source
    state: TableState
    now: str
    horizon: Instant | None = None
    extent: Extent | None = None


class TablePlugin(Protocol):
    """How one table is read: which windows, in which order, and what state each page leads to."""

    def problems(self, table: Table) -> list[str]:
        """What is wrong with the table's settings for this plugin, a sentence each."""
        ...

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        """Why the table's columns, as far as their types are known, cannot be read this way."""
        ...

    def unseen(self, table: Table) -> tuple[str, ...]:
        """What this way of reading cannot see in this table, sorted, out of ``deletes`` and ``updates``.

        A plugin may leave it out, and then counts as one that sees everything. Callers ask
        `Project.unseen`.
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


Transform = Callable[[Any], Row | None]
"""A row in, a row out; None leaves the row out."""
