"""The quarantine while a run writes: which rows wait for what, and how many may before a table stops.

A row that waits for a parent which the sink lacks (an account, say) is nobody's mistake: such rows count
towards no ceiling. Where more of them wait than a list should hold, the table is read again by key instead.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from threading import RLock

from supasync_core.model.batch import Key
from supasync_core.model.errors import RowError, SchemaError
from supasync_core.model.refused_rows import reason_of
from supasync_core.model.report import TableResult
from supasync_core.model.state import Again, Quarantined, State
from supasync_core.model.table import Table
from supasync_core.model.wording import counted

NOT_UNIQUE = "23505"
LISTED = 1000
"""Rows of one table that may wait by name; above that the state keeps where to read again."""


class ManyRefusedError(SchemaError):
    """More rows were refused than the settings allow: the table stops, and what was quarantined stays so."""


@dataclass(frozen=True, slots=True)
class Newly:
    """Rows of a table that this run has quarantined: ``refused`` ones, and those ``waiting`` for a parent."""

    table: str
    refused: int
    waiting: int = 0
    reason: str | None = None
    """Why the first of them waits."""

    @property
    def rows(self) -> int:
        """How many they are."""
        return self.refused + self.waiting

    @property
    def sentence(self) -> str | None:
        """What happened; None where nothing did."""
        rows = counted(self.refused, "row was", "rows were")
        parts = [f"{rows} refused and quarantined"] if self.refused else []
        if self.waiting:
            parts.append(f"{counted(self.waiting, 'row waits', 'rows wait')} for a parent that is not in NEW")
        return f"{self.table}: {', '.join(parts)}" if parts else None

    @property
    def hint(self) -> str | None:
        """Where to look, and why rows wait."""
        look = "supasync quarantine list shows them"
        return "\n".join(filter(None, [self.reason, look])) if self.rows else None

    def into(self, result: TableResult) -> TableResult:
        """The table's result with these rows: they need a person, the others are there."""
        code = RowError.exit_code if self.rows else 0
        return replace(result, refused=self.rows, error=self.sentence, hint=self.hint, exit_code=code)


@dataclass
class Quarantine:
    """The rows of all tables that are quarantined. ``before`` is the state that the run began with."""

    before: State
    now: str
    rows: defaultdict[str, dict[Key, Quarantined]] = field(init=False)
    again: dict[str, Again] = field(init=False)
    fresh: defaultdict[str, list[tuple[str, Key]]] = field(default_factory=lambda: defaultdict(list))
    """What was quarantined while a table was sent: rows of its own, and of its parents."""
    reading_again: str | None = None
    """The table whose rows are being read again by key."""
    lock: RLock = field(default_factory=RLock)

    def __post_init__(self) -> None:
        rows = {name: {row.key: row for row in rows} for name, rows in self.before.quarantine.items()}
        self.rows = defaultdict(dict, rows)
        self.again = dict(self.before.again)

    def kept(self, state: State) -> State:
        """The state with what is quarantined now."""
        with self.lock:
            rows = {name: tuple(rows.values()) for name, rows in self.rows.items() if rows}
            return replace(state, quarantine=rows, again=dict(self.again))

    def refuse(self, table: Table, key: Key, err: RowError, sender: str) -> None:
        """Set the row aside; ManyRefusedError where that is one more than the table's settings allow."""
        with self.lock:
            if key not in self.rows[table.name]:
                self._check(table, key, err)
            self._put(table, key, err, waits=False)
            self.fresh[sender].append((table.name, key))

    def wait(self, table: Table, key: Key, err: RowError, sender: str) -> None:
        """Set a row aside that waits for its parent."""
        with self.lock:
            if table.name in self.again:
                self.again[table.name] = self._one_more(table, self.again[table.name])
                self.rows[table.name].pop(key, None)
                return
            self._put(table, key, err, waits=True)
            self.fresh[sender].append((table.name, key))
            listed = [row for row in self.rows[table.name].values() if row.waits]
            if len(listed) > LISTED:
                since = min(row.since for row in listed)
                self.again[table.name] = Again(since, listed[-1].reason, last=len(listed), more=True)
                for row in listed:
                    del self.rows[table.name][row.key]

    def keys(self, table: Table) -> frozenset[Key] | None:
        """The rows of the table that are quarantined; None where so many wait that they have no names."""
        with self.lock:
            return None if table.name in self.again else frozenset(self.rows[table.name])

    def drop(self, table: Table, keys: Iterable[Key]) -> None:
        """Forget these rows: the sink has them, or the source has them no more."""
        with self.lock:
            waiting = self.rows[table.name]
            for key in keys if waiting else ():
                waiting.pop(key, None)

    def has_a_turn(self, table: Table, key: Key) -> bool:
        """Whether the row waits, so that it is tried in its own turn; all that are missing where many do."""
        if table.name in self.again:
            return True
        row = self.rows[table.name].get(key)
        return row is not None and row.waits

    def refused(self, table: Table, keys: Sequence[Key]) -> list[int]:
        """The places of the rows that were refused themselves."""
        rows = self.rows[table.name]
        return [place for place, key in enumerate(keys) if key in rows and not rows[key].waits]

    def holds(self, table: Table, key: Key | None) -> bool:
        """Whether the row is quarantined itself, or may be; any row of the table without a key."""
        rows = self.rows[table.name]
        return table.name in self.again or (bool(rows) if key is None else key in rows)

    def restore(self, table: Table, state: State) -> None:
        """Forget what was quarantined for the table and is not in this state: it has stopped before."""
        kept = {(name, row.key) for name, rows in state.quarantine.items() for row in rows}
        with self.lock:
            for name, key in self.fresh.pop(table.name, ()):
                if (name, key) not in kept:
                    self.rows[name].pop(key, None)

    def new(self, table: Table) -> list[Quarantined]:
        """The rows that are quarantined by name and were not so before the run."""
        known = {row.key for row in self.before.quarantine.get(table.name, ())}
        with self.lock:
            return [row for key, row in self.rows[table.name].items() if key not in known]

    def newly(self, table: Table) -> Newly:
        """What a person has to hear of: rows that are newly refused, and the first ones that wait."""
        new = self.new(table)
        refused = sum(not row.waits for row in new)
        known = self.before.quarantine.get(table.name, ())
        if table.name in self.before.again or any(row.waits for row in known):
            return Newly(table.name, refused)
        again = self.again.get(table.name)
        reason = again.reason if again else next((row.reason for row in new if row.waits), None)
        return Newly(table.name, refused, again.rows if again else len(new) - refused, reason)

    def _check(self, table: Table, key: Key, err: RowError) -> None:
        refused = sum(not row.waits for row in self.rows[table.name].values())
        fresh = sum(not row.waits for row in self.new(table))
        limits = (
            ("refused_per_run", table.refused_per_run, fresh, "in this run"),
            ("refused_in_all", table.refused_in_all, refused, "in all"),
        )
        for setting, most, count, span in limits:
            if count >= most:
                raise table.error(
                    ManyRefusedError,
                    f"NEW refused more than {most} rows {span} ({setting}), "
                    f"the last one {', '.join(key)}: {err.message}",
                    hint=f"{err.hint or 'see what the rows have in common'}\nsupasync quarantine list names "
                    "the rows; they are sent again once the cause is fixed. To allow more: set "
                    f"{setting}: under {table.name} in tables.yaml",
                ) from err

    def _one_more(self, table: Table, again: Again) -> Again:
        """A row that waits and is not listed; the first run with so many counts them as they come."""
        if self.reading_again == table.name:
            return replace(again, refused=again.refused + 1)
        first = table.name not in self.before.again
        return replace(again, more=True, last=again.last + first)

    def _put(self, table: Table, key: Key, err: RowError, *, waits: bool) -> None:
        """The row goes to the end of the list: who was tried last is tried last again."""
        waiting = self.rows[table.name]
        known = waiting.pop(key, None)
        since = known.since if known else self.now
        if known and known.blockers and known.sqlstate == err.sqlstate and not err.blockers:
            waiting[key] = known  # what is in its way was found out, and is there still
            return
        unique = err.columns if err.sqlstate == NOT_UNIQUE else ()
        waiting[key] = Quarantined(
            key,
            reason_of(table, err),
            err.sqlstate,
            since,
            waits=waits,
            columns=unique,
            blockers=err.blockers,
        )
