"""A table is read as a whole: rows that move meanwhile are no rows that are missing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from supasync_core.api.pages import whole
from supasync_core.model.batch import Batch, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table

TABLE = Table(name="t", key=("id",), page_size=3)


@dataclass
class Side:
    """Rows by their keys, some of which never come; ``meanwhile`` happens once, behind the first page."""

    keys: set[int]
    hidden: Sequence[int] = ()
    added: Sequence[int] = ()
    removed: Sequence[int] = ()
    nulls: int = 0
    asked: list[str] = field(default_factory=list)

    def read(self, table: Table, window: Window) -> Batch:
        after = int(window.spans[0].after.key[0]) if window.spans[0].after else 0
        found = [key for key in sorted(self.keys) if key > after and key not in self.hidden][: window.limit]
        total = len(self.keys) + self.nulls if window.counted else None
        self.keys = (self.keys | {*self.added}) - {*self.removed}
        self.asked.append("page")
        return Batch(json.dumps([{"id": key} for key in found]).encode(), total)

    def count(self, table: Table, window: Window | None = None) -> int:
        self.asked.append("count")
        return self.nulls if window else len(self.keys) + self.nulls


def read(side: Side) -> int:
    return sum(page.count for page in whole(side, TABLE))


def test_a_busy_table_is_not_incomplete() -> None:
    """A row goes ahead of the reader, and two come behind it."""
    side = Side({*range(10, 30)}, added=(1, 2), removed=(25,))
    assert read(side) == 19


def test_rows_that_never_come_are_missed() -> None:
    with pytest.raises(SchemaError, match="2 more rows are counted than come in the order of the key"):
        read(Side({*range(10, 30)}, hidden=(15, 28)))
    with pytest.raises(SchemaError, match=r"1 row has NULL in \(id\) and does not come in its order"):
        read(Side({*range(10, 30)}, nulls=1))


def test_an_idle_table_is_counted_with_its_first_page_alone() -> None:
    side = Side({*range(10, 30)})
    assert read(side) == 20
    assert "count" not in side.asked
