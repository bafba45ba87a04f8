"""The rows that a shorter type of text would change: those whose text ends with a blank.

``varchar(n)`` refuses what is too long, but for blanks at the end, which it cuts off (PostgreSQL
documentation, 8.3). If it keeps the longest text that ends with one, it keeps all of them.
"""

import json
from collections.abc import Sequence

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.pg_types import are_texts
from supasync_core.model.table import Shape


class TrailingBlanks:
    """Finds, batch by batch, the longest texts with a blank at their end, in the columns of these names."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._longest = dict.fromkeys(names, 0)

    @classmethod
    def of(cls, names: Sequence[str], old: Shape, new: Shape) -> "TrailingBlanks":
        """Those of the columns that are texts, and shorter in NEW."""
        return cls([name for name in names if _is_shorter(old, new, name)])

    def places(self, batch: Batch) -> Sequence[int]:
        """The rows that have a longer text with a blank at its end than all rows before them."""
        if not self._longest or not batch.count:
            return []
        found: dict[str, int] = {}
        names = tuple(self._longest)
        for place, row in enumerate(raw_json.raw_columns(batch.body, names)):
            for name, cell in zip(names, row, strict=True):
                if cell.endswith(b' "') and (length := len(json.loads(cell))) > self._longest[name]:
                    self._longest[name], found[name] = length, place
        return list(dict.fromkeys(found.values()))


def _is_shorter(old: Shape, new: Shape, name: str) -> bool:
    mine, theirs = old.column(name), new.column(name)
    if mine is None or theirs is None or not are_texts(mine.type, theirs.type):
        return False
    return theirs.length is not None and (mine.length is None or mine.length > theirs.length)
