"""The last diff of OLD and NEW as a whole, kept on this machine for whoever looks later.

Kept are counts, changed columns and likely causes, and the first keys of each kind: no other value of a row.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypedDict

from supasync_core.diff.difference import ADDED, CHANGED, REMOVED, RowDiff, TableDiff
from supasync_core.system.kept_document import keep_document, kept_document

Explained = Iterable[tuple[RowDiff, str]]
"""Rows that differ, each with its likeliest cause."""
_NAME: Final = "diff.json"
_KEYS: Final = 20
"""Keys that are kept of each kind of difference."""


class _Table(TypedDict, total=False):
    """What is kept of a table; one that could not be compared has no more than ``equal``."""

    equal: bool | None
    unchanged: int
    young: int
    rows: dict[str, int]
    repeated: int
    columns: dict[str, int]
    causes: dict[str, int]
    first: dict[str, list[list[str | None]]]
    old_only_columns: list[str]
    new_only_columns: list[str]


class _Kept(TypedDict):
    tables: dict[str, _Table]
    alone: dict[str, list[str]]
    sides: list[str]
    ended_at: str


@dataclass
class DiffSummary:
    """What a diff found, collected while its rows are printed. ``old_is_left`` tells which side is OLD."""

    old_is_left: bool
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    alone: dict[str, list[str]] = field(default_factory=dict)

    def one_sided(self, left: Iterable[str], right: Iterable[str]) -> None:
        """Tables that one side alone has."""
        old, new = (left, right) if self.old_is_left else (right, left)
        self.alone = {"old": list(old), "new": list(new)}

    def failed(self, table: str) -> None:
        """A table that could not be compared."""
        self.tables[table] = {"equal": None}

    def counting(self, found: TableDiff, rows: Explained) -> Explained:
        """The rows as they are, counted as they pass: causes and columns are those of the rows that did."""
        names = {ADDED: "extra", REMOVED: "missing", CHANGED: "changed"}
        only = [list(found.left_only), list(found.right_only)]
        if not self.old_is_left:
            names |= {ADDED: "missing", REMOVED: "extra"}
            only.reverse()
        columns, causes = Counter[str](), Counter[str]()
        first: dict[str, list[list[str | None]]] = {name: [] for name in names.values()}
        self.tables[found.table.name] = {
            "equal": found.equal,
            "unchanged": found.unchanged,
            "young": found.young,
            "rows": {name: found.counts[kind] for kind, name in names.items()},
            "repeated": found.duplicate_keys,
            "columns": columns,
            "causes": causes,
            "first": first,
            "old_only_columns": only[0],
            "new_only_columns": only[1],
        }

        def counted() -> Iterator[tuple[RowDiff, str]]:
            for row, cause in rows:
                causes[cause] += 1
                columns.update(row.columns if row.kind == CHANGED else ())
                if len(keys := first[names[row.kind]]) < _KEYS:
                    keys.append(list(row.key))
                yield row, cause

        return counted()


def keep(folder: Path, found: DiffSummary, sides: tuple[str, str], now: str) -> None:
    """Keep it for its owner alone; ``sides`` are the references of OLD and NEW, ``now`` is when it ended."""
    keep_document(folder, _NAME, {"tables": found.tables, "alone": found.alone}, sides, now)


def last_diff(folder: Path, sides: tuple[str, str]) -> dict[str, Any] | None:
    """What was kept of these two projects; None where there is nothing that can be read."""
    return kept_document(folder, _NAME, sides, _Kept)
