"""A plan is carried out: rows written, parents first, then removed, children first; both kept before."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from supasync_core.api.backend import Typed
from supasync_core.diff.difference import CHANGED, LEFT, REMOVED
from supasync_core.diff.engine import DiffEngine
from supasync_core.model.batch import Batch
from supasync_core.model.errors import TableError
from supasync_core.model.report import waiting
from supasync_core.model.table import Table
from supasync_core.reconcile.plan import Part
from supasync_core.reconcile.send_rows import MOST, Refused, send, send_again
from supasync_core.sync import removal
from supasync_core.sync.removal import Place, Removed
from supasync_core.sync.stored_rows import refuse_changed, sample


class Interrupted(Exception):  # noqa: N818 - no error: the user's wish
    """The user wants to stop; the batch in flight is done."""


@dataclass
class Outcome:
    """How one table ended: rows written, rows that were refused with the reason, what was removed."""

    table: Table
    inserted: int = 0
    updated: int = 0
    waiting: dict[str, list[Refused]] = field(default_factory=dict)
    """Rows that were refused, by their kind."""
    removed: Removed | None = None
    looked: bool = False
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
    def fine(self) -> bool:
        """Whether the table is now as planned."""
        return not (
            self.error or self.refused or (self.removed and (self.removed.error or self.removed.held))
        )

    @property
    def records(self) -> int:
        """How many rows were written or removed."""
        return self.inserted + self.updated + (self.removed.removed if self.removed else 0)

    def counts(self) -> dict[str, int]:
        """The numbers alone, for the record."""
        removed = self.removed.removed if self.removed else 0
        return {
            "inserted": self.inserted,
            "updated": self.updated,
            "removed": removed,
            "refused": len(self.refused),
        }

    def as_json(self) -> dict[str, Any]:
        """The outcome under fixed names."""
        gone = self.removed
        return {
            "inserted": self.inserted,
            "updated": self.updated,
            "removed": gone.removed if gone else 0,
            "held": [list(key) for key in gone.held] if gone else [],
            "refused": [
                {"key": list(each.key(self.table)), "reason": each.reason(self.table)}
                for each in self.refused
            ],
            "error": str(gone.error) if gone and gone.error else self.error,
        }


@dataclass
class Writing:
    """Carries out a plan under the id ``change``; ``renew`` says that it is alive, before each batch.

    ``named`` gives the table as the sink knows it.
    """

    place: Place
    engine: DiffEngine
    parts: Sequence[Part]
    change: str
    at: str
    named: Callable[[Table], Table]
    renew: Callable[[], None] = lambda: None
    interrupted: Callable[[], bool] = lambda: False
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def run(self) -> None:
        """Write all tables, remove what is to be removed, and try once more what was refused."""
        for part in self.parts:
            self._table(part)
        plans = [part.deletes for part in self.parts if part.deletes and self._may_remove(part)]
        self.renew()
        _, done = removal.remove(self.place, plans, self.at, self.change)
        for each in done:
            next(o for o in self.outcomes.values() if o.table == each.table).removed = each
        for outcome in self.outcomes.values():
            self._again(outcome)

    def _may_remove(self, part: Part) -> bool:
        return part.obstacle is None and not (part.deletes and part.deletes.refused)

    def _table(self, part: Part) -> None:
        table = self.named(part.table)
        outcome = self.outcomes[part.table.name] = Outcome(table)
        bad = [name for name in table.depends_on if name in self.outcomes and self.outcomes[name].error]
        if part.obstacle or bad:
            outcome.error = part.obstacle or waiting(bad)
            return
        texts = isinstance(self.place.sink, Typed)
        try:
            for kind in (REMOVED, CHANGED):
                for batch in self.engine.batches(part.table, (kind,), LEFT, texts=texts):
                    self._write(outcome, kind, batch)
        except TableError as err:
            if err.table is None:
                raise
            outcome.error, outcome.hint = str(err), err.hint

    def _write(self, outcome: Outcome, kind: str, batch: Batch) -> None:
        """Write rows; those that are written over are kept as they are, and what they are then is noted."""
        self.renew()
        if self.interrupted():
            raise Interrupted
        table = outcome.table
        keys = table.keys(batch) if kind == CHANGED else []
        for before in self._whole(table, keys):
            self.place.evidence.keep_overwritten(self.change, self.at, self.place.sink_ref, table, before)
        written, refused = send(self.place.sink, _plain(table), batch)
        outcome.count(kind, written)
        outcome.waiting.setdefault(kind, []).extend(refused)
        if len(outcome.refused) > MOST:
            raise refused[-1].error
        found = list(self._whole(table, keys))
        for after in found:
            self.place.evidence.keep_written(self.change, table, after)
        aside = {each.key(table) for each in refused}
        if kind == REMOVED and written and not outcome.looked:
            outcome.looked = True
            found = list(self._whole(table, sample(table, batch, aside)))
        refuse_changed(self.place.sink, table, table.texts(batch), found, aside)

    def _again(self, outcome: Outcome) -> None:
        """Try refused rows anew, now that all others are written, and those to be removed are gone."""
        table = outcome.table
        for kind, rows in outcome.waiting.items():
            if rows and not outcome.error:
                written, outcome.waiting[kind] = send_again(self.place.sink, _plain(table), rows)
                outcome.count(kind, written)
                keys = [each.key(table) for each in rows] if kind == CHANGED else []
                for after in self._whole(table, keys):
                    self.place.evidence.keep_written(self.change, table, after)

    def _whole(self, table: Table, keys: Sequence[tuple[str, ...]]) -> Iterator[Batch]:
        whole = table.whole().narrowed(())
        found = self.place.sink.rows(whole, table.key, keys) if keys else iter(())
        return (batch for batch in found if batch.count)


def _plain(table: Table) -> Table:
    """The table with the columns that a batch has, whatever else is declared."""
    return replace(table, where=None, columns=(), transform=())
