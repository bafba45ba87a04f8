"""Getting batches into the sink, also those that hold rows which it refuses.

A sink takes a batch as a whole or not at all. Where it refuses one, the parents that rows refer to are sent
first, and rows that cannot be taken are set aside in the quarantine, each with its reason; the rest goes on.
Everything here is bounded: each parent is fetched once per run, and many refused rows of a table are said
to be what they are, a problem of the schema.

Several threads may attempt batches side by side. Whoever reads rows again to write them does so alone: else a
version read a moment ago could be written over a newer one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import RLock

from supasync_core import confirmed, transform
from supasync_core.batch import Batch
from supasync_core.errors import RowError, SchemaError, TooMuchError
from supasync_core.gate import Gate
from supasync_core.portions import Portions
from supasync_core.project import Project
from supasync_core.refusals import Key, joined, keys_of, matching, outside, printed, texts_of, told
from supasync_core.reread import Reread
from supasync_core.state import Quarantined
from supasync_core.tables import Table

CEILING = 20
"""Rows of one table that a run sets aside before it says that the schema is the problem."""
MOST = 100
"""Rows of one table that may be set aside at all: each is read and tried again by every run."""
DEPTH = 50
"""How many generations of parents are fetched for one batch."""
NO_PARENT = "23503"
NOT_UNIQUE = "23505"

Keys = set[Key]


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A batch that waits for the parents that its ``columns`` refer to."""

    table: Table
    keys: Keys
    columns: tuple[str, ...]


class _CircleError(Exception):
    """Rows refer to each other in a circle: the batch ``under_way`` can go without its reference first."""

    def __init__(self, under_way: _UnderWay) -> None:
        super().__init__()
        self.under_way = under_way


class ManyRefusedError(SchemaError):
    """So many rows were refused that the schema must be the reason: none of them is set aside."""


@dataclass
class Delivery:
    """The writing side of one run, which begins with the rows that earlier ones have set aside."""

    project: Project
    now: str
    known: Mapping[str, tuple[Quarantined, ...]]
    fetched: defaultdict[str, Keys] = field(default_factory=lambda: defaultdict(set))
    under_way: list[_UnderWay] = field(default_factory=list)
    incomplete: list[tuple[Table, Batch]] = field(default_factory=list)
    set_aside: defaultdict[str, dict[Key, Quarantined]] = field(init=False)
    refused: defaultdict[str, list[tuple[str, Key]]] = field(default_factory=lambda: defaultdict(list))
    """What was set aside while a table was sent: rows of its own, and of its parents."""
    sender: str = ""
    """The table whose batch is sent alone."""
    portions: Portions = field(default_factory=Portions)
    gate: Gate = field(default_factory=Gate)
    lock: RLock = field(default_factory=RLock)
    """Held while `set_aside` changes or is looked through."""
    reread: Reread = field(default_factory=Reread)

    def __post_init__(self) -> None:
        rows = {name: {row.key: row for row in rows} for name, rows in self.known.items()}
        self.set_aside = defaultdict(dict, rows)

    def attempt(self, table: Table, batch: Batch) -> None:
        """Write the batch beside others; RowError where the sink refuses it: then `send` it."""
        with self.gate.together():
            self._write(table, batch)
            self._accepted(table, batch)

    def send(self, table: Table, batch: Batch) -> int:
        """Write the batch: each of its rows is then in the sink or set aside; how many are in the sink."""
        with self.gate.alone():
            return self._deliver(table, batch)

    def retry(self, table: Table) -> None:
        """Read the quarantined rows again and send them; those that the source deleted are dropped."""
        waiting = set(self.set_aside[table.name])
        if not waiting:
            return
        with self.gate.alone():
            batches = self._read(table, waiting)
            found = {key for batch in batches for key in keys_of(table, batch)}
            with self.lock:
                for gone in waiting - found:
                    del self.set_aside[table.name][gone]
            for batch in batches:
                for index in range(batch.count):
                    self._deliver(table, batch.only([index]))

    def finish(self, table: Table) -> None:
        """Try rows once more whose unique value was taken, now that all others of the table are there."""
        taken = [row.key for row in self._new(table) if row.sqlstate == NOT_UNIQUE]
        if not taken:
            return
        with self.gate.alone():
            for batch in self._read(table, taken):
                for index in range(batch.count):
                    self._make_place(table, batch.only([index]))

    def quarantine(self) -> dict[str, tuple[Quarantined, ...]]:
        """The rows that are set aside now, by table."""
        with self.lock:
            return {name: tuple(rows.values()) for name, rows in self.set_aside.items() if rows}

    def restore(self, table: Table, quarantine: Mapping[str, tuple[Quarantined, ...]]) -> None:
        """Forget what was set aside for the table and is not in this quarantine: it has stopped before."""
        kept = {(name, row.key) for name, rows in quarantine.items() for row in rows}
        with self.lock:
            for name, key in self.refused.pop(table.name, ()):
                if (name, key) not in kept:
                    self.set_aside[name].pop(key, None)

    def newly_refused(self, table: Table) -> int:
        """How many rows are set aside that were not so before the run."""
        return len(self._new(table))

    def _new(self, table: Table) -> list[Quarantined]:
        known = {row.key for row in self.known.get(table.name, ())}
        with self.lock:
            return [row for key, row in self.set_aside[table.name].items() if key not in known]

    def _deliver(self, table: Table, batch: Batch) -> int:
        self.sender = table.name
        self._send(table, batch)
        while self.incomplete:
            self._send(*self.incomplete.pop())
        waiting = self.set_aside[table.name]
        return batch.count - (sum(key in waiting for key in keys_of(table, batch)) if waiting else 0)

    def _send(self, table: Table, batch: Batch, depth: int = 0) -> None:
        try:
            self._write(table, batch)
        except RowError as err:
            self._rescue(table, batch, err, depth)
        else:
            self._accepted(table, batch)

    def _write(self, table: Table, batch: Batch) -> None:
        """Write the batch in as many portions as it takes."""
        at = 0
        while at < batch.count:
            portion = self.portions.of(table.name, batch, at)
            try:
                confirmed.upsert(self.project.sink, table, portion)
            except TooMuchError as err:
                self.portions.too_much(table.name, portion.count, err)
            else:
                self.portions.taken(table.name)
                at += portion.count

    def _accepted(self, table: Table, batch: Batch) -> None:
        """A row that was refused before may be taken in a later version."""
        self.reread.sent(table, batch)
        with self.lock:
            waiting = self.set_aside[table.name]
            for key in keys_of(table, batch) if waiting else ():
                waiting.pop(key, None)

    def _rescue(self, table: Table, batch: Batch, err: RowError, depth: int) -> None:
        if err.sqlstate == NO_PARENT and err.columns and err.other:
            self._send_with_parents(table, batch, err, depth)
        elif err.sqlstate == NOT_UNIQUE and (taken := matching(batch, err)):
            self._refuse_some(table, batch, taken, err)
        elif batch.count == 1:
            self._refuse(table, batch.rows[0], err)
        else:
            middle = batch.count // 2
            self._send(table, batch.only(range(middle)))
            self._send(table, batch.only(range(middle, batch.count)))

    def _send_with_parents(self, table: Table, batch: Batch, err: RowError, depth: int) -> None:
        """Fetch the parents that are missing in the sink, send them, then the batch again."""
        parent = self._parent(table, err)
        missing = self._missing(table, parent, batch, err)
        this = _UnderWay(table, set(keys_of(table, batch)), err.columns)
        circle = self._circle(parent, missing)
        if circle and self._yielding([this, *reversed(circle)]) is this:
            self._send_without(table, batch, err.columns)
            return
        new = missing - self.fetched[parent.name]
        if not new or depth >= DEPTH:
            orphans = [i for i, row in enumerate(batch.rows) if texts_of(row, err.columns) in missing]
            self._refuse_some(table, batch, orphans, err)
            return
        self.fetched[parent.name] |= new
        self.under_way.append(this)
        try:
            for found in self._read(parent, new):
                if parent.name == table.name:
                    batch = joined(found, batch)
                else:
                    self._send(parent, found, depth + 1)
        except _CircleError as opened:
            if opened.under_way is not this:
                raise
            self.fetched[parent.name] -= new
            self._send_without(table, batch, err.columns)
            return
        finally:
            self.under_way.pop()
        self._send(table, batch, depth + 1)

    def _circle(self, parent: Table, missing: Keys) -> list[_UnderWay]:
        """What waits from one of the missing parents on: empty where none of them is under way itself."""
        for place, waiting in enumerate(self.under_way):
            if waiting.table.name == parent.name and missing & waiting.keys:
                return self.under_way[place:]
        return []

    def _yielding(self, circle: Sequence[_UnderWay]) -> _UnderWay:
        """The innermost, where it can do without its reference; else _CircleError with the first that can."""
        for waiting in circle:
            shape = self.project.sink.shape(waiting.table)
            columns = [shape.column(name) for name in waiting.columns]
            if all(column is None or column.nullable is not False for column in columns):
                if waiting is circle[0]:
                    return waiting
                raise _CircleError(waiting)
        names = " -> ".join(waiting.table.name for waiting in reversed(circle))
        raise SchemaError(
            f"{circle[0].table.name}: rows of {names} refer to each other by columns that cannot be NULL",
            table=circle[0].table.name,
            hint="drop one of these foreign keys in NEW until the switch",
        )

    def _missing(self, table: Table, parent: Table, batch: Batch, err: RowError) -> Keys:
        """The parents of the batch's rows that neither the sink nor the batch itself has."""
        wanted = {key for row in batch.rows if (key := texts_of(row, err.columns))}
        keys_only = replace(parent, columns=parent.key, exclude=(), where=None)
        found = self.project.sink.rows(keys_only, parent.key, sorted(wanted))
        present = {key for each in found for key in keys_of(parent, each)}
        if any(printed(key) == err.value for key in present):
            raise outside(table, err)
        return wanted - present - (set(keys_of(table, batch)) if parent.name == table.name else set())

    def _parent(self, table: Table, err: RowError) -> Table:
        for parent in self.project.settings.tables:
            if parent.name == err.other and len(parent.key) == len(err.columns):
                return parent
        raise SchemaError(
            f"{table.name}: {', '.join(err.columns)} refers to {err.other}, not synced by such a key",
            table=table.name,
            hint=f"add {err.other} to tables.yaml. Where it belongs to another schema, as auth.users, copy "
            "its rows to NEW first, or drop the foreign key there until the switch: "
            "supasync schema sql --foreign-keys off prints the SQL",
        )

    def _send_without(self, table: Table, batch: Batch, columns: Sequence[str]) -> None:
        """Rows that refer to each other: these go without the reference first, and once more with it."""
        self._send(replace(table, exclude=(*table.exclude, *columns)), batch)
        self.incomplete.append((table, batch))

    def _refuse_some(self, table: Table, batch: Batch, places: Sequence[int], err: RowError) -> None:
        """Set the rows at these places aside and send the others."""
        for place in places:
            self._refuse(table, batch.rows[place], err)
        others = sorted(set(range(batch.count)) - set(places))
        if others:
            self._send(table, batch.only(others))

    def _refuse(self, table: Table, row: dict[str, object], err: RowError) -> None:
        waiting = self.set_aside[table.name]
        key = table.place(row, None).key
        since = waiting[key].since if key in waiting else self.now
        with self.lock:
            waiting[key] = Quarantined(key, told(table, err), err.sqlstate, since)
            self.refused[self.sender].append((table.name, key))
        if len(self._new(table)) > CEILING or len(waiting) > MOST:
            raise ManyRefusedError(
                f"{table.name}: NEW refuses row after row, the last one so: {err.message}",
                table=table.name,
                hint=err.hint,
            ) from err

    def _make_place(self, table: Table, row: Batch) -> None:
        """Send the row; where another row has its unique value, send that one first as it is now."""
        try:
            confirmed.upsert(self.project.sink, table, row)
        except RowError as err:
            current = self._blockers(table, row, err) if err.sqlstate == NOT_UNIQUE else []
            for batch in current:
                self._send(table, batch)
            if current:
                self._send(table, row)
            else:
                self._refuse(table, row.rows[0], err)
        else:
            self._accepted(table, row)

    def _blockers(self, table: Table, row: Batch, err: RowError) -> list[Batch]:
        """What became in the source of the row that has the unique value in the sink."""
        value = texts_of(row.rows[0], err.columns)
        if not value:
            return []
        keys_only = replace(table, columns=table.key, exclude=(), where=None)
        found = self.project.sink.rows(keys_only, err.columns, [value])
        keys = [key for batch in found for key in keys_of(table, batch)]
        current = self._read(table, keys)
        if keys and not current:
            shown = "; ".join(", ".join(key) for key in keys)
            err.message = f"NEW's row {shown} has the same {', '.join(err.columns)}, and is deleted in OLD"
            err.hint = "delete it in NEW too"
        return current

    def _read(self, table: Table, keys: Iterable[Key]) -> list[Batch]:
        """The source's rows of these keys as they are now, transformed as all others."""
        wanted = sorted(keys)
        if not wanted:
            return []
        self.reread.read(table, wanted)
        transforms = self.project.transforms(table)
        found = self.project.source.rows(table, table.key, wanted)
        changed = (transform.apply(transforms, table, batch) for batch in found)
        return [batch for batch in changed if batch.count]
