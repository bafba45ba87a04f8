"""Which tables got rows beside their pages: rows that were read again, alone, to be written.

Such a row may be newer than the page that it is on. Where it then turns back to what the page had, the page
looks unchanged, and the sink would keep the newer row forever: so pages of such a table count as changed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from supasync_core.model.batch import Batch, Key
from supasync_core.model.table import Table


@dataclass
class Reread:
    """Notes what is read again and what of it arrives; ``written`` are the names of such tables."""

    keys: defaultdict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    written: set[str] = field(default_factory=set)

    def read(self, table: Table, keys: Iterable[Key]) -> None:
        """These rows were read again."""
        self.keys[table.name].update(keys)

    def sent(self, table: Table, batch: Batch) -> None:
        """These rows are in the sink."""
        if table.name in self.keys and not self.keys[table.name].isdisjoint(table.keys(batch)):
            self.written.add(table.name)
