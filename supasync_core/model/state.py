"""The state kept with the sink: cursors per table, and the record of every run."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from supasync_core.model.backfill_state import Backfill
from supasync_core.model.batch import Cursor, Key
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.timestamps import Time


@dataclass(frozen=True, slots=True)
class KeysetState:
    """How far one keyset has been read and confirmed.

    ``moved_at``: the source's time (ISO, UTC) when the cursor last moved, ``began_at``: when the read began
    that moved it. ``settled``: a complete read that began later than the overlap after ``moved_at`` found
    nothing behind the cursor. ``floor``: the ordering value
    up to which everything is known to be there, for a keyset whose values tell no time. ``digests``: of the
    pages that were confirmed last, for a keyset that is read as a whole.
    """

    cursor: Cursor | None = None
    moved_at: Time | None = None
    settled: bool = False
    floor: str | None = None
    digests: tuple[str, ...] = ()
    began_at: Time | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """A table as its source summed it up at one moment: its rows, the largest value of each column asked for.

    ``fingerprint`` is another one after any insert, update or delete, and never comes back.
    """

    rows: int
    newest: Mapping[str, str | None]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Writing:
    """A run that sends rows and has not ended: what it sent last may arrive in the sink after its death.

    ``since``: the source's time before it read anything, None where nobody knows how old its rows are.
    ``seen``: the store's time when it was last seen to hold the lease.
    """

    holder: str
    since: Time | None
    seen: Time


ASLEEP = timedelta(hours=24)
"""How long what a run elsewhere sent may take to arrive: it may be asleep in the middle of a request."""


@dataclass(frozen=True, slots=True)
class Late:
    """What a run that did not end has read may still arrive.

    ``since``: the source's time before it read that, None where nobody knows. ``until``: the store's time
    up to which it may arrive. As long as that lasts, no cursor moves beyond ``since``, less the overlap, and
    nothing counts as unchanged. ``back`` and ``backfill``: where a table that was not yet read to its end had
    got to, from where it is read once more when that is over, with what its strategy had kept for itself
    (``own``).
    """

    since: Time | None
    until: Time
    back: Mapping[str, KeysetState] | None = None
    backfill: Backfill | None = None
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guarded:
    """What `supasync_core.sync.guards` knows of the rows that were copied.

    ``settings``: those under which rows were copied, and the ``columns`` that came; ``transformed`` are those
    that the table's transforms made of them. ``last_seen_rows_at``:
    the store's time when rows were last seen in the source. ``counted``: rows of a read from its beginning
    are still to be counted in the sink, or were too few there: see `supasync_core.sync.tally`.
    ``absent_since``: the store's time when a run first found the table gone from tables.yaml.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    last_seen_rows_at: Time | None = None
    counted: str | None = None
    absent_since: str | None = None
    transformed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deletes:
    """Rows that the source no longer has: the store's time of the last look for them.

    ``rows`` of them are still in the sink, the first ones by ``keys``. Of a table whose source marks deleted
    rows, ``until`` is the mark up to which they were removed, ``moved_at`` the source's time when that moved,
    and ``settled`` as that of a keyset. ``held`` rows were left in the sink, because others refer to them or
    nothing proves that they are the source's.
    """

    checked_at: Time | None = None
    rows: int = 0
    keys: tuple[Key, ...] = ()
    until: str | None = None
    moved_at: Time | None = None
    settled: bool = False
    held: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class TableState:
    """What is known of one table between runs; a table's strategy writes ``keysets`` to ``backfill``.

    ``read_at``: the source's time of the last complete read. ``future_rows``: rows stamped later than that.
    ``extent``: what the source told before the last complete read. ``backfill``: how far a first load by key
    has come, None without one. ``late``: a run that ended uncleanly
    may still write rows of it. ``comparison``: how far the walk is that finds what reading does not see, and
    what it knows; None before the table was read to its end, and where the table is not walked. ``own``: what
    the strategy keeps for itself, JSON values by name.
    """

    keysets: Mapping[str, KeysetState] = field(default_factory=dict)
    read_at: Time | None = None
    future_rows: int = 0
    extent: Extent | None = None
    backfill: Backfill | None = None
    late: Late | None = None
    guarded: Guarded = field(default_factory=Guarded)
    deletes: Deletes = field(default_factory=Deletes)
    comparison: Comparison | None = None
    own: Mapping[str, Any] = field(default_factory=dict)

    def keyset(self, name: str) -> KeysetState:
        """The state of that keyset; a fresh one where nothing is known yet."""
        return self.keysets.get(name, KeysetState())

    def with_keyset(self, name: str, state: KeysetState) -> "TableState":
        """A copy in which that keyset has this state."""
        return replace(self, keysets={**self.keysets, name: state})

    def beside(self, known: "TableState") -> "TableState":
        """A copy as it may be kept while rows of an earlier run may arrive, which ``known`` tells.

        A table that was complete before moves no cursor meanwhile: its rows may be stamped by a clock behind
        the source's. Others do, so that a first load advances, up to what that run may have read, and go back
        to where it stood when that is over.
        """
        if known.late is None:
            return self
        kept = known if known.read_at else self
        return replace(
            self,
            keysets=kept.keysets,
            backfill=kept.backfill,
            own=kept.own,
            read_at=known.read_at,
            late=known.late,
        ).unsure()

    def arrived(self) -> "TableState":
        """A copy as it is once nothing of an earlier run may arrive any more."""
        late = self.late
        if late is None or late.back is None:
            return replace(self, late=None)
        return replace(self, late=None, keysets=late.back, backfill=late.backfill, own=late.own)

    def doubtful(self) -> "TableState":
        """A copy in which no page counts as unchanged: newer rows may be in the sink than were confirmed."""
        keysets = {name: replace(keyset, digests=()) for name, keyset in self.keysets.items()}
        return replace(self, keysets=keysets, extent=None)

    def unsure(self) -> "TableState":
        """A copy in which nothing counts as unchanged: any other rows may be in the sink, older ones too."""
        known = self.comparison
        return replace(self.doubtful(), comparison=known.forgotten() if known else None)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that the sink refused: its key, why, the SQLSTATE if there was one, since when.

    It ``waits`` where nothing is wrong with it but that the sink lacks a row to which it refers. ``blockers``
    are the keys of the sink's rows that have its value of the unique ``columns``, where the source does not
    have those rows; neither is in states of earlier versions.
    """

    key: tuple[str, ...]
    reason: str
    sqlstate: str | None
    since: Time
    waits: bool = False
    columns: tuple[str, ...] = ()
    blockers: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """A table in which more rows wait than are listed: it is read again by key, a stretch in each run.

    ``behind``: the key where the next stretch begins, empty for the table's beginning. ``refused`` rows of
    this round so far wait on, ``last`` waited in the round before; ``more``: some were refused elsewhere
    since this round began. A round without any is the last one.
    """

    since: Time
    reason: str
    behind: tuple[str, ...] = ()
    refused: int = 0
    last: int = 0
    more: bool = False

    @property
    def rows(self) -> int:
        """About how many rows wait."""
        return max(self.refused, self.last)


@dataclass(frozen=True, slots=True)
class State:
    """Everything that the next run needs: whose rows these are, how far each table is, what was quarantined.

    ``closed``: since when the app writes to the sink, so that no run may. ``schema_seen_at``: when the sink
    was last seen to have every column; not in states of earlier versions, which forget it unharmed.
    ``writing``: the run that was sending rows when the state was saved.
    ``again``: tables in which more rows wait than are listed, neither in those of earlier versions.
    ``steps_at``: the store's time at which each step beside the tables last began that ended; the same.
    """

    source: str
    tables: Mapping[str, TableState] = field(default_factory=dict)
    last_success: Time | None = None
    closed: Time | None = None
    quarantine: Mapping[str, tuple[Quarantined, ...]] = field(default_factory=dict)
    schema_seen_at: Time | None = None
    writing: Writing | None = None
    again: Mapping[str, Again] = field(default_factory=dict)
    steps_at: Mapping[str, Time] = field(default_factory=dict)

    def table(self, name: str) -> TableState:
        """The state of that table; a fresh one where nothing is known yet."""
        return self.tables.get(name, TableState())

    def with_table(self, name: str, table: TableState) -> "State":
        """A copy in which that table has this state."""
        return replace(self, tables={**self.tables, name: table})

    def without_table(self, name: str) -> "State":
        """A copy that knows nothing of that table, but what may still arrive: it is read again."""
        tables = {key: value for key, value in self.tables.items() if key != name}
        if late := self.table(name).late:
            tables[name] = TableState(late=replace(late, back={}, backfill=None, own={}))
        again = {key: value for key, value in self.again.items() if key != name}
        return replace(self.with_quarantine(name, ()), tables=tables, again=again)

    def beyond(self, names: Iterable[str]) -> tuple[str, ...]:
        """The tables that something is kept of, and that are not among these names."""
        found = [name for name, table in self.tables.items() if table.keysets or table.guarded.settings]
        return tuple(sorted({*found, *self.quarantine, *self.again} - {*names}))

    def absent(self, names: Iterable[str], now: str) -> "State":
        """A copy that says of these tables since when tables.yaml does not have them."""
        tables = dict(self.tables)
        for name in names:
            if name in tables and not tables[name].guarded.absent_since:
                guarded = replace(tables[name].guarded, absent_since=now)
                tables[name] = replace(tables[name], guarded=guarded)
        return replace(self, tables=tables)

    def renamed(self, names: Mapping[str, str]) -> "State":
        """A copy in which tables have their new name, by the old one, as long as nothing is kept under that.

        Which table of the database they are of is kept: the new name may be that of another one.
        """
        state = self
        for old, new in names.items():
            if old not in state.beyond(()) or new in state.beyond(()):
                continue
            table = state.table(old)
            settings = {"table": json.dumps(old), **table.guarded.settings}
            table = replace(table, guarded=replace(table.guarded, settings=settings))
            quarantine = {new if name == old else name: rows for name, rows in state.quarantine.items()}
            again = {new if name == old else name: each for name, each in state.again.items()}
            tables = {name: each for name, each in state.tables.items() if name != old}
            tables = {**tables, new: table} if old in state.tables else tables
            state = replace(state, tables=tables, quarantine=quarantine, again=again)
        return state

    def quarantined(self) -> dict[str, int]:
        """How many rows of each table are not in the sink: those by name, and those read again by key."""
        names = dict.fromkeys([*self.quarantine, *self.again])
        counts = {
            name: len(self.quarantine.get(name, ())) + (self.again[name].rows if name in self.again else 0)
            for name in names
        }
        return {name: count for name, count in counts.items() if count}

    def kept_out(self) -> dict[str, int]:
        """How many rows of each table are kept out by rows of the sink that the source does not have."""
        counts = {name: sum(bool(row.blockers) for row in rows) for name, rows in self.quarantine.items()}
        return {name: count for name, count in counts.items() if count}

    def unsure(self, names: Iterable[str]) -> "State":
        """A copy in which nothing of these tables counts as unchanged: rows of any age were sent."""
        unsure = {name: self.tables[name].unsure() for name in names if name in self.tables}
        return replace(self, tables={**self.tables, **unsure})

    def doubtful(self, names: Iterable[str]) -> "State":
        """A copy in which no page of these tables counts as unchanged: rows were read again and sent."""
        doubtful = {name: self.tables[name].doubtful() for name in names if name in self.tables}
        return replace(self, tables={**self.tables, **doubtful})

    def with_quarantine(self, name: str, rows: tuple[Quarantined, ...]) -> "State":
        """A copy in which exactly these rows of that table are quarantined."""
        others = {key: value for key, value in self.quarantine.items() if key != name}
        return replace(self, quarantine={**others, name: rows} if rows else others)
