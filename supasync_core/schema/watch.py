"""The cheap look at NEW's columns that a run takes: before a row is sent, and when something was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

from supasync_core.api.backend import Remark
from supasync_core.model import timestamps
from supasync_core.model.errors import RowError, SchemaError, SupasyncError, TableError, TransientError
from supasync_core.model.level import PROBLEM
from supasync_core.model.row_key import missing_in_sink
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.schema.both_sides import lacking, of_shapes, remarks_of
from supasync_core.schema.replaced_references import Unlike, unlike_references

LOOK_EVERY = timedelta(hours=24)
"""How often the columns of both sides are compared though nothing has failed: one request to each side."""


@dataclass
class SchemaWatch:
    """Watches NEW's columns in one run. ``seen_at`` is when all tables were last found whole.

    It goes ``blind`` for the rest of the run where a side cannot tell its columns for now.
    """

    migration: Migration
    seen_at: str | None
    now: str
    blind: bool = False
    remarks: Sequence[Remark] | None = None
    unlike: Sequence[Unlike] | None = None
    lock: Lock = field(default_factory=Lock)

    @property
    def due(self) -> bool:
        """Whether the last look is a day old, or there was none."""
        if self.seen_at is None:
            return True
        return timestamps.parse(self.now) - timestamps.parse(self.seen_at) >= timestamps.micros_of(LOOK_EVERY)

    @property
    def seen(self) -> str | None:
        """The mark that a complete run leaves."""
        return self.now if self.due and not self.blind else self.seen_at

    def before(self, table: Table, known: TableState) -> None:
        """SchemaError where NEW lacks columns; looked at where it is due, and where settings are new.

        Before the first rows of a table also where it shows rows of another.
        """
        if known.read_at is None and not known.guarded.settings:
            self.refuse_heirs(table)
        if self.blind or (known.guarded.settings and not self.due):
            return
        try:
            missing = lacking(self.migration, table, self.migration.source.shape(table))
            unlike = [each for each in self.seen_unlike() if each.table.name == table.name]
        except TransientError:
            self.blind = True
            return
        if missing:
            names = ", ".join(missing)
            raise table.schema_error(
                f"NEW has no column {names}; no row was sent", hint=missing_in_sink(missing)
            )

        for each in unlike:
            raise table.schema_error(f"{each.sentence}; no row was sent", hint=each.hint)

    def seen_unlike(self) -> Sequence[Unlike]:
        """References of which one end alone would be changed, looked for once in a run."""
        with self.lock:
            if self.unlike is None:
                self.unlike = tuple(unlike_references(self.migration))
            return self.unlike

    def seen_remarks(self) -> Sequence[Remark]:
        """What the sides' catalogs tell, asked once in a run."""
        with self.lock:
            if self.remarks is None:
                self.remarks = remarks_of(self.migration)
            return self.remarks

    def digits(self, table: Table) -> Mapping[str, int]:
        """How many digits behind the point NEW's columns hold, as far as it says."""
        remarks = (each for each in self.seen_remarks() if each.table == table.name)
        return {name: most for each in remarks for name, most in each.digits.items()}

    def refuse_heirs(self, table: Table) -> None:
        """SchemaError where the table shows rows of another."""
        for each in self.seen_remarks():
            if each.level == PROBLEM and each.table == table.name:
                raise SchemaError(f"{each.text}; no row was sent", table=table.name, hint=each.hint)

    def explained(self, table: Table, error: SupasyncError) -> str | None:
        """The error's hint, and what of the table's columns may be its cause."""
        if not isinstance(error, RowError | SchemaError) or self.blind:
            return error.hint
        try:
            old, new = self.migration.source.shape(table), self.migration.sink.shape(table)
            found = of_shapes(self.migration, table, old, new) if old.known and new.known else []
        except TableError:
            return error.hint
        causes = [each.text for each in found if each.level == PROBLEM and each.text not in error.message]
        return "\n".join(filter(None, [error.hint, *causes])) or None
