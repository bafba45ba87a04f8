"""What is compared, and what differs between the two sides of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from supasync_core.diff.leniency import Eased, Leniency
from supasync_core.model.batch import Key
from supasync_core.model.table import Shape, Table

OLD, NEW, STAGING = "old", "new", "staging"
NAMES = (OLD, NEW, STAGING)
LEFT, RIGHT = "left", "right"
ADDED, REMOVED, CHANGED = "added", "removed", "changed"
KINDS = (ADDED, REMOVED, CHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRequest:
    """What is asked of an engine: the table with its key and timestamps, the types that decide, the columns.

    ``strict``: numbers differ where their digits do. ``min_age``: rows that are younger on either side, by
    their own time and against ``now`` (an ISO text), are left alone.
    ``leniency``: what passes for equal.
    """

    table: Table
    shape: Shape
    columns: tuple[str, ...]
    strict: bool = False
    min_age: timedelta | None = None
    now: str = ""
    leniency: Leniency = field(default_factory=Leniency)


@dataclass(frozen=True, slots=True)
class DuplicateKey:
    """A key that does not tell rows apart: how many rows have it on each side."""

    key: Key
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class RowDiff:
    """A row that differs: its key, its texts on each side (None where it is missing), what differs."""

    kind: str
    key: tuple[str | None, ...]
    left: Mapping[str, str | None] | None
    right: Mapping[str, str | None] | None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDiff:
    """One table: ``added`` rows are on the right alone, ``removed`` ones on the left alone.

    ``young``: rows that differ but were left alone for their age. Rows of ``duplicates`` are in no other
    count. ``newest``: the latest timestamps of each side as texts, where there are rows on one side alone.
    ``lossy``: the sides whose files have lost details, ``partial``: those that may hold a part of the table.
    ``bounded``: an export tells its bounds. ``outside``: rows that
    one side alone has, beyond the bounds of the other's export; they are in no count. ``eased``: the options
    by which cells passed for equal, or columns of other names for the same.
    """

    table: Table
    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0
    young: int = 0
    columns: tuple[str, ...] = ()
    left_only: tuple[str, ...] = ()
    right_only: tuple[str, ...] = ()
    duplicates: tuple[DuplicateKey, ...] = ()
    duplicate_keys: int = 0
    newest: Mapping[str, str | None] = field(default_factory=dict)
    lossy: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    bounded: bool = False
    outside: int = 0
    eased: tuple[Eased, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing differs: no row, no column, and each key stands for one row."""
        rows = self.added + self.removed + self.changed + self.duplicate_keys
        return not (rows or self.left_only or self.right_only)

    @property
    def counts(self) -> dict[str, int]:
        """The counts under their fixed names."""
        return {name: getattr(self, name) for name in (*KINDS, "unchanged")}
