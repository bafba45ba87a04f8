"""A plan is applied: rows are written, parents first, then removed, children first; both are kept before.

Rows that the sink refuses are found, and tried again when others have been written.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from supasync_core.api.backend import Buffered, Computing, Sink, Typed
from supasync_core.diff.difference import CHANGED, LEFT, REMOVED
from supasync_core.diff.engine import DiffEngine
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import RowError, TableError
from supasync_core.model.report import waiting
from supasync_core.model.table import Table
from supasync_core.project.run_options import Interrupted
from supasync_core.reconcile.plan import TablePlan
from supasync_core.sync import confirmed, removal
from supasync_core.sync.batch_size import halves, send_in_parts
from supasync_core.sync.changed_rows import refuse_changed
from supasync_core.sync.readback import sample
from supasync_core.sync.removal import Place, Removed

AT_ONCE = 20_000
"""Rows that are written at once to a sink of files, which looks at all of its rows each time."""
MOST = 100
"""Refused rows of one table after which the table is given up: then its schema is the reason."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that the sink does not accept, and why."""

    row: Batch
    error: RowError

    def key(self, table: Table) -> Key:
        """The row's key."""
        return table.key_of(self.row.rows[0])

    def reason(self, table: Table) -> str:
        """What the sink said, without the table's name."""
        return self.error.message.removeprefix(f"{table.name}: ")


def send(sink: Sink, table: Table, batch: Batch) -> tuple[int, list[Refused]]:
    """Write the batch without the rows that are refused; how many were written, and the refused ones.

    RowError where more than ``MOST`` are refused.
    """
    refused: list[Refused] = []

    def write(part: Batch) -> None:
        if part.count:
            confirmed.upsert(sink, table, part)

    def split(part: Batch, err: RowError) -> list[Batch]:
        if part.count > 1:
            return halves(part)
        refused.append(Refused(part, err))
        if len(refused) > MOST:
            raise err
        return []

    send_in_parts(batch, write, split)
    return batch.count - len(refused), refused


def send_again(sink: Sink, table: Table, refused: list[Refused]) -> tuple[int, list[Refused]]:
    """Try refused rows one by one as long as any is accepted: they may have waited for each other."""
    written = 0
    while True:
        left = [each for row in refused for each in send(sink, table, row.row)[1]]
        written += len(refused) - len(left)
        if len(left) == len(refused) or not left:
            return written, left
        refused = left


@dataclass
class Outcome:
    """How one table ended: rows written, rows that were refused with the reason, what was removed."""

    table: Table
    inserted: int = 0
    updated: int = 0
    waiting: dict[str, list[Refused]] = field(default_factory=dict)
    """Rows that were refused, by their kind."""
    removal: Removed | None = None
    read_back: bool = False
    """Whether inserted rows were read back."""
    error: str | None = None
    hint: str | None = None

    @property
    def refused(self) -> list[Refused]:
        """All rows that were refused."""
        return [each for rows in self.waiting.values() for each in rows]

    def count(self, kind: str, rows: int) -> None:
        """So many rows of this kind were written."""
        if kind == CHANGED:
            self.updated += rows
        else:
            self.inserted += rows

    @property
    def complete(self) -> bool:
        """Whether the table is now as planned."""
        failed = self.removal and (self.removal.error or self.removal.held)
        return not (self.error or self.refused or failed)

    @property
    def removed(self) -> int:
        """How many rows were removed."""
        return self.removal.removed if self.removal else 0

    @property
    def rows(self) -> int:
        """How many rows were written or removed."""
        return self.inserted + self.updated + self.removed

    def counts(self) -> dict[str, int]:
        """The numbers alone, for the run's history."""
        return {
            "inserted": self.inserted,
            "updated": self.updated,
            "removed": self.removed,
            "refused": len(self.refused),
        }

    def as_json(self) -> dict[str, Any]:
        """The outcome under fixed names."""
        removal = self.removal
        return {
            **self.counts(),
            "held": [list(key) for key in removal.held] if removal else [],
            "refused": [
                {"key": list(each.key(self.table)), "reason": each.reason(self.table)}
                for each in self.refused
            ],
            "error": str(removal.error) if removal and removal.error else self.error,
        }


@dataclass
class Apply:
    """Applies plans under the id ``change``; ``renew`` keeps the lease alive, before each batch.

    ``named`` gives the table as the sink calls it.
    """

    place: Place
    engine: DiffEngine
    plans: Sequence[TablePlan]
    change: str
    at: str
    named: Callable[[Table], Table]
    renew: Callable[[], None] = lambda: None
    interrupted: Callable[[], bool] = lambda: False
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def run(self) -> None:
        """Write all tables, remove what is to be removed, then try refused rows again."""
        for plan in self.plans:
            self._table(plan)
        deletes = [
            plan.deletes
            for plan in self.plans
            if plan.deletes and not plan.deletes.refused and plan.obstacle is None
        ]
        self.renew()
        _, done = removal.remove(self.place, deletes, self.at, self.change)
        for each in done:
            next(o for o in self.outcomes.values() if o.table == each.table).removal = each
        for outcome in self.outcomes.values():
            self._again(outcome)

    def _table(self, plan: TablePlan) -> None:
        table = self.named(plan.table)
        outcome = self.outcomes[plan.table.name] = Outcome(table)
        failed = [name for name in table.depends_on if name in self.outcomes and self.outcomes[name].error]
        if plan.obstacle or failed:
            outcome.error = plan.obstacle or waiting(failed)
            return
        texts = isinstance(self.place.sink, Typed)
        rows = AT_ONCE if isinstance(self.place.sink, Buffered) else None
        try:
            for kind in (REMOVED, CHANGED):
                for batch in self.engine.batches(plan.table, (kind,), LEFT, texts=texts, rows=rows):
                    self._write(outcome, kind, batch)
        except TableError as err:
            err.raise_if_of_no_table()
            outcome.error, outcome.hint = str(err), err.hint

    def _write(self, outcome: Outcome, kind: str, batch: Batch) -> None:
        """Write rows; what they replace is kept before, and what they are afterwards is noted."""
        self.renew()
        if self.interrupted():
            raise Interrupted
        table = outcome.table
        keys = table.keys(batch) if kind == CHANGED else []
        sent = table.texts(batch) if keys else {}
        for before in self._stored(table, keys):
            self.place.evidence.keep("overwritten", self.change, self.at, self.place.sink_ref, table, before)
            self.place.evidence.keep_written(self.change, table, _intended(table, before, sent))
        written, refused = send(self.place.sink, _as_batch(table), batch)
        outcome.count(kind, written)
        outcome.waiting.setdefault(kind, []).extend(refused)
        if len(outcome.refused) > MOST:
            raise refused[-1].error
        not_written = {each.key(table) for each in refused}
        stored = list(self._stored(table, [key for key in keys if key not in not_written]))
        for after in stored:
            self.place.evidence.keep_written(self.change, table, after)
        if kind == REMOVED and written:
            stored = list(self._stored(table, self._to_read_back(outcome, batch, not_written)))
        refuse_changed(self.place.sink, table, table.texts(batch), stored, not_written)

    def _to_read_back(self, outcome: Outcome, batch: Batch, not_written: Collection[Key]) -> Sequence[Key]:
        """Rows that NEW lacked: some of the first ones, all of them where NEW computes a column of theirs."""
        sink, table = self.place.sink, outcome.table
        if isinstance(sink, Computing) and sink.computed(table) & {*batch.columns}:
            return table.keys(batch)
        begun, outcome.read_back = outcome.read_back, True
        return () if begun else sample(table, batch, not_written)

    def _again(self, outcome: Outcome) -> None:
        """Try refused rows again, now that all others are written, and those to be removed are gone."""
        table = outcome.table
        for kind, rows in outcome.waiting.items():
            if rows and not outcome.error:
                written, outcome.waiting[kind] = send_again(self.place.sink, _as_batch(table), rows)
                outcome.count(kind, written)
                keys = [each.key(table) for each in rows] if kind == CHANGED else []
                for after in self._stored(table, keys):
                    self.place.evidence.keep_written(self.change, table, after)

    def _stored(self, table: Table, keys: Sequence[Key]) -> Iterator[Batch]:
        found = self.place.sink.rows(table.whole().narrowed(()), table.key, keys) if keys else ()
        return (batch for batch in found if batch.count)


def _intended(table: Table, before: Batch, sent: Mapping[Key, str]) -> Batch:
    """Rows as a write is to leave them: a process that is killed behind it notes nothing any more."""
    rows = []
    for key, text in table.texts(before).items():
        cells = {**raw_json.cells(text), **raw_json.cells(sent.get(key, "{}"))}
        rows.append(f"{{{','.join(f'{json.dumps(name)}:{cell}' for name, cell in cells.items())}}}")
    return Batch(raw_json.join(rows))


def _as_batch(table: Table) -> Table:
    """The table with the columns that a batch has, whatever else is declared."""
    return replace(table, where=None, columns=(), transform=())
