"""Whether NEW keeps what is imported: tables that show rows of others, and rows that were sent, read back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from supasync_core.api.backend import Remark
from supasync_core.model.batch import Batch, Key
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.schema.watch import SchemaWatch
from supasync_core.sync.readback import ChangedError, Readback
from supasync_core.sync.stored_rows import refuse_changed


@dataclass
class Keeping:
    """Watches the tables of one import; rows are read back where NEW's triggers give reason to."""

    migration: Migration
    now: str
    lookout: SchemaWatch = field(init=False)

    def __post_init__(self) -> None:
        self.lookout = SchemaWatch(self.migration, None, self.now)

    def before(self, table: Table, known: TableState) -> Readback | None:
        """What is to be read back; SchemaError where the table shows rows of others, and none was copied."""
        if known.read_at is None:
            self.lookout.refuse_heirs(table)
        return Readback(self.migration, table) if _doubtful(self.lookout.seen_remarks(), table) else None

    def after(self, readback: Readback | None, aside: Collection[Key] | None) -> None:
        """ChangedError where the sink holds a row otherwise than it was sent."""
        if readback is None or aside is None or not readback.sample:
            return
        sink, table = self.migration.sink, readback.table.whole()
        sent = {each.key: each.text for each in readback.sample}
        try:
            refuse_changed(sink, table, sent, sink.rows(table, table.key, sorted(sent)), aside)
        except ChangedError as err:
            raise ChangedError(str(err), table=table.name, hint=_HINT) from err


_HINT = (
    "supasync schema sql --triggers guard prints the SQL after which triggers of NEW leave alone what is "
    "copied (--triggers off: until the switch); then import the same files again with --accept older"
)


def _doubtful(remarks: Sequence[Remark], table: Table) -> bool:
    """Whether a trigger of NEW fires for the table, or NEW cannot tell."""
    return any(each.kind in ("trigger", "unknown") and each.table in (None, table.name) for each in remarks)


def sample_of(readback: Readback | None, batch: Batch) -> None:
    """Take rows that were sent into the sample, if there is to be one."""
    if readback is not None:
        readback.sent(batch)
