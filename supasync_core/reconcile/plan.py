"""What must be written and removed so that the right side becomes like the left."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from supasync_core.diff.causes import Guess
from supasync_core.diff.difference import ADDED, CHANGED, LEFT, TableDiff
from supasync_core.diff.engine import DiffEngine
from supasync_core.model.batch import Key
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.sync import removal
from supasync_core.sync.removal import DeletePlan, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlan:
    """The plan for one table: ``newer`` of the rows to be updated are newer on the right.

    ``surplus`` are the keys of rows on the right alone; ``nameless`` more of them have NULL in the key.
    """

    difference: TableDiff
    newer: int = 0
    surplus: tuple[Key, ...] = ()
    nameless: int = 0
    deletes: DeletePlan | None = None
    kept: str | None = None
    """Why no row that the right side alone has may be removed."""

    @property
    def table(self) -> Table:
        """The table as it was compared."""
        return self.difference.table

    @property
    def writes(self) -> int:
        """How many rows will be written."""
        return self.difference.removed + self.difference.changed

    @property
    def obstacle(self) -> str | None:
        """Why nothing of the table can be written; None where it can."""
        if self.difference.duplicate_keys:
            names = ", ".join(self.table.key)
            keys = counted(self.difference.duplicate_keys, "key", "keys")
            return f"{keys} ({names}) with several rows: they cannot be told apart"
        return None

    @property
    def refused(self) -> str | None:
        """Why nothing is removed although rows were to be removed; None where they may be."""
        return self.kept or (self.deletes.refused if self.deletes else None)

    def as_json(self) -> dict[str, Any]:
        """The plan under fixed names."""
        deletes = self.deletes
        return {
            "insert": self.difference.removed,
            "update": self.difference.changed,
            "newer": self.newer,
            "surplus": self.difference.added,
            "delete": len(deletes.keys) if deletes and not deletes.refused else 0,
            "unproven": len(deletes.unproven) if deletes else 0,
            "obstacle": self.obstacle or self.refused,
            "left_only_columns": list(self.difference.left_only),
            "right_only_columns": list(self.difference.right_only),
        }


def plan_table(difference: TableDiff, engine: DiffEngine) -> TablePlan:
    """The plan for a compared table; nothing is removed yet."""
    guess = Guess(difference, LEFT)
    newer = nameless = 0
    surplus: list[Key] = []
    for row in engine.rows(difference.table, (CHANGED, ADDED)):
        if row.kind == CHANGED:
            newer += guess.newer_on_the_right(row)
        elif None in row.key:
            nameless += 1
        else:
            surplus.append(tuple(text for text in row.key if text is not None))
    return TablePlan(difference=difference, newer=newer, surplus=tuple(surplus), nameless=nameless)


def plan_deletes(
    plan: TablePlan, place: Place, table: Table, ceiling: Callable[[int], int] | None, *, proven: bool
) -> DeletePlan:
    """What of the surplus may be removed; ``ceiling`` is a person's, computed from the number of rows.

    ``proven``: the side is a file, so nothing has to show that its rows came from the source.
    """
    rows = place.sink.count(table.whole()) if plan.surplus else 0
    most = ceiling(rows) if ceiling else removal.ceiling_of(rows)
    if not proven:
        return removal.weigh(place, table, plan.surplus, most)
    return DeletePlan(table=table, keys=tuple(table.exact_keys(plan.surplus)), unproven=(), ceiling=most)
