"""Which rows of OLD sync could not have brought yet: they are in flight, and no differences."""

from dataclasses import dataclass

from supasync_core.model import timestamps
from supasync_core.model.timestamps import Instant
from supasync_core.verify.table_comparison import SeenRow, TableComparison


@dataclass(frozen=True, slots=True)
class SyncedUpTo:
    """Sync has brought rows stamped up to ``until``, and keys up to ``reached`` where keys are all it has.

    What the last complete read could see was committed by then. A row stamped less than the overlap before
    that may have been committed after it (see "how no row is lost"), so the promise ends there. Where sync
    has never read a table completely, nothing is excused.
    """

    until: Instant | None = None
    reached: int | None = None

    def excuses(self, old: SeenRow) -> bool:
        """Whether this version of OLD's row may be too young to be in NEW."""
        if self.reached is not None and old.key[0].lstrip("-").isdigit():
            return int(old.key[0]) > self.reached
        return self.until is not None and old.stamped is not None and old.stamped > self.until

    @property
    def text(self) -> str | None:
        """The bound for people; None where there is none."""
        if self.reached is not None:
            return str(self.reached)
        return None if self.until is None else timestamps.to_text(self.until)


def synced_up_to(how: TableComparison) -> SyncedUpTo:
    """The bound that the state sets for the table."""
    table = how.table
    state = how.state.table(table.name)
    if state.read_at is None:
        return SyncedUpTo()
    if how.counted:
        known = state.keyset(table.key[0])
        value = known.cursor.value if known.settled and known.cursor else known.floor
        return SyncedUpTo(reached=None if value is None else int(value))
    if not how.stamps:
        return SyncedUpTo()
    return SyncedUpTo(until=timestamps.parse(state.read_at) - timestamps.micros_of(table.overlap))
