"""Rows that OLD has no more: found by keys alone, confirmed one by one."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from supasync_core.model.batch import Batch, Key
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.verify.second_look import SecondLook, synced_up_to
from supasync_core.verify.table_comparison import SeenRow, TableComparison, comparison_of
from supasync_core.verify.verdict import KEYS
from supasync_core.verify.walk import Walk

if TYPE_CHECKING:
    from supasync_core.staging.staging_file import Staging


@dataclass(frozen=True, slots=True)
class Deletions:
    """Rows of NEW that OLD does not have, ``more`` of them not confirmed one by one.

    ``missing`` rows of OLD are not in NEW, though sync should have brought them; not looked for where a
    transform may leave rows out.
    """

    keys: tuple[Key, ...]
    more: int
    missing: tuple[Key, ...]


@dataclass
class Search:
    """Compares the keys of both sides page by page, behind the key ``after``.

    Rows that OLD still has, but leaves out on their way, do not count. ``met`` rows of OLD lie before that
    key; ``found`` and ``more`` are known of them.
    """

    migration: Migration
    table: Table
    state: State
    evidence: "Staging"
    after: Key | None = None
    met: int = 0
    found: dict[Key, None] = field(default_factory=dict)
    more: int = 0
    missing: list[Key] = field(default_factory=list)
    how: TableComparison = field(init=False)
    walk: Walk = field(init=False)
    here: int = 0
    """Rows of OLD that were met by this search itself."""
    unsettled: int = 0
    """Rows of OLD that were met since the last second look."""

    def __post_init__(self) -> None:
        how = comparison_of(self.migration, self.table, self.state, exact=False)
        self.how = replace(how, method=KEYS, bare=True, versioned=False)
        self.walk = self._walk()

    def _walk(self) -> Walk:
        return Walk(self.how, self.evidence, lambda _rows: None, after=self.after)

    def step(self, batch: Batch) -> None:
        """Take the next page of OLD's rows, in the order of their keys."""
        self.walk.step(batch)
        self.here += batch.count
        self.unsettled += batch.count

    def settle(self) -> None:
        """Look again at what differed so far."""
        walk = self.walk
        walk.match_across()
        if self.table.transform:  # which of them it leaves out could only be told by every row's values
            walk.missing.clear()
        look = self._looked(walk)
        self.evidence.keep_sighted(self.migration.source_ref, self.table)
        self.found |= {key: None for key in look.extra if key not in look.filtered}
        self.more += look.unlooked
        self.missing += look.missing
        self.after, self.unsettled = walk.after, 0
        self.walk = self._walk()

    def finish(self) -> Deletions:
        """All that was found, now that OLD has shown its last row; SchemaError where it shows no row at all.

        That is what a wrong key looks like. What an earlier run found is looked at again.
        """
        self.walk.finish()
        if self.walk.extra and not (self.here or (self.met and self.migration.source.count(self.table))):
            raise self.table.schema_error(
                "OLD returned no rows, and NEW has some: that proves no delete",
                hint="is the key still the right one? If the table was emptied on purpose, "
                "empty it in NEW too",
            )
        before = list(self.found)
        self.settle()
        if before:
            again = self._walk()
            again.extra = {key: SeenRow(key, ()) for key in before}
            look = self._looked(again)
            gone = {key for key in look.extra if key not in look.filtered}
            self.found = {key: None for key in self.found if key in gone or key not in before}
        return Deletions(tuple(self.found), self.more, tuple(self.missing))

    def _looked(self, walk: Walk) -> SecondLook:
        look = SecondLook(self.how, synced_up_to(self.how), walk)
        look.run(())
        return look
