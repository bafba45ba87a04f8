"""The likely cause of a difference: from which side has what, the row's own times, and the state."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from supasync_core.diff.difference import LEFT, NEW, OLD, RIGHT, RowDiff, TableDiff
from supasync_core.model import timestamps
from supasync_core.model.batch import Key
from supasync_core.model.state import State
from supasync_core.model.table import Table

LATE = "late commit"
WAITING = "not yet copied"
QUARANTINED = "quarantined"
DELETED = "deleted in OLD"
MARKED = "marked as deleted in OLD"
WRITTEN = "written in NEW"
UNSTAMPED = "update without a timestamp"
TRIGGER = "trigger in NEW"
CUT = "cut cell"
EMPTY = "NULL or empty"
UNKNOWN = "unknown"
CAUSES = {
    LATE: "committed after a run had read past its timestamp, or backdated: reconcile copies it",
    WAITING: "newer than what was copied last: the next sync copies it",
    QUARANTINED: "NEW refused it: supasync quarantine list says why",
    DELETED: "deleted in OLD after it was copied, or written in NEW only: deletes: mirror removes it",
    MARKED: "its soft_delete column is set in OLD: the next sync removes it, within the limits of deletes",
    WRITTEN: "NEW's row is newer: the app, a trigger or a person wrote it there",
    UNSTAMPED: "changed on one side while its timestamp stayed the same: sync cannot see that",
    TRIGGER: "only timestamps differ, and NEW's is later: a trigger in NEW sets it",
    CUT: "one text is the start of the other: the dashboard cuts cells off at 10,240 characters",
    EMPTY: "NULL on one side, an empty text (or the word null) on the other: a dialect of CSV",
    UNKNOWN: "what was compared does not show the cause",
}
_CUT_LENGTH = 10_240
_ASKED = 500
"""Rows of which OLD is asked at once whether they are marked."""
_NULLS = ("", "null", "NULL")


@dataclass(frozen=True, slots=True)
class Guess:
    """Guesses for the rows of one table. ``old`` is the side that stands for OLD.

    ``state`` is what NEW knows of OLD; None where nobody was asked. ``files`` tells that neither side is a
    project: nothing was deleted in OLD then, and nothing mirrors it.
    """

    difference: TableDiff
    old: str = LEFT
    state: State | None = None
    files: bool = False
    quarantined: frozenset[tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        rows = self.state.quarantine.get(self.table.name, ()) if self.state else ()
        object.__setattr__(self, "quarantined", frozenset(row.key for row in rows))

    @property
    def table(self) -> Table:
        """The compared table."""
        return self.difference.table

    def cause(self, row: RowDiff) -> str:
        """The likeliest cause, one of ``CAUSES``."""
        if row.key in self.quarantined:
            return QUARANTINED
        mine, theirs = (row.left, row.right) if self.old == LEFT else (row.right, row.left)
        if theirs is None:
            return self._behind(self._moment(mine))
        if mine is None:
            return self._surplus(self._moment(theirs))
        return _by_cells(row) or self._by_time(row, self._moment(mine), self._moment(theirs))

    def explained(
        self, rows: Iterable[RowDiff], marked: Callable[[Table, Sequence[Key]], Collection[Key]]
    ) -> Iterator[tuple[RowDiff, str]]:
        """Each row with its cause; ``marked`` asks OLD which of the rows it lacks it marks as deleted."""
        found = iter(rows)
        while page := list(islice(found, _ASKED)):
            alone = [row.key for row in page if (row.left if self.old == LEFT else row.right) is None]
            keys = [tuple(map(str, key)) for key in alone if None not in key]
            gone = marked(self.table, keys) if self.table.soft_delete else ()
            yield from ((row, MARKED if row.key in gone else self.cause(row)) for row in page)

    def newer_on_the_right(self, row: RowDiff) -> bool:
        """Whether the row differs and is the younger one there."""
        mine, theirs = self._moment(row.left), self._moment(row.right)
        return mine is not None and theirs is not None and theirs > mine

    def _behind(self, at: timestamps.Instant | None) -> str:
        """Why NEW lacks what OLD has."""
        if at is None:
            return UNKNOWN
        known = self._known()
        return UNKNOWN if known is None else LATE if at <= known else WAITING

    def _surplus(self, at: timestamps.Instant | None) -> str:
        newest = timestamps.parse_or_none(self.difference.newest.get(self.old))
        if at is not None and newest is not None and at > newest:
            return WRITTEN
        unknown = self.old in self.difference.partial and not self.difference.bounded
        return UNKNOWN if self.files or unknown else DELETED

    def _by_time(
        self, row: RowDiff, mine: timestamps.Instant | None, theirs: timestamps.Instant | None
    ) -> str:
        if mine is None or theirs is None:
            stamped = mine is not None or theirs is not None
            return UNKNOWN if stamped or self.files else UNSTAMPED
        if mine > theirs:
            return self._behind(mine)
        if theirs > mine:
            stamps = set(row.columns) <= set(self.table.timestamp)
            return TRIGGER if stamps else WRITTEN
        return UNSTAMPED

    def _moment(self, side: Mapping[str, str | None] | None) -> timestamps.Instant | None:
        """The row's own time: of its first timestamp that is not NULL."""
        texts = [side.get(name) for name in self.table.timestamp] if side else []
        return next((timestamps.parse_or_none(text) for text in texts if text), None)

    def _known(self) -> timestamps.Instant | None:
        """Up to when NEW has been filled: by its cursor, else by the youngest row that it has."""
        state = self.state.tables.get(self.table.name) if self.state else None
        if state is not None:
            cursors = [keyset.cursor for keyset in state.keysets.values() if keyset.cursor]
            return max(
                (at for c in cursors if (at := timestamps.parse_or_none(c.value)) is not None), default=None
            )
        return timestamps.parse_or_none(self.difference.newest.get(RIGHT if self.old == LEFT else LEFT))


def side_of_old(left: str, right: str) -> str:
    """Which side stands for OLD: the one of that name, else the one across from NEW, else the left."""
    return RIGHT if right == OLD or left == NEW else LEFT


def _by_cells(row: RowDiff) -> str | None:
    """A cause that the cells themselves show."""
    pairs = [((row.left or {}).get(name), (row.right or {}).get(name)) for name in row.columns]
    if any(_is_cut(a, b) or _is_cut(b, a) for a, b in pairs if a is not None and b is not None):
        return CUT
    if pairs and all((a is None and b in _NULLS) or (b is None and a in _NULLS) for a, b in pairs):
        return EMPTY
    return None


def _is_cut(short: str, long: str) -> bool:
    """Whether one text is what the dashboard, or a broken export, leaves of the other."""
    if short.endswith("...") and len(short) >= _CUT_LENGTH:
        return long.startswith(short[:-3])
    return len(short) >= _CUT_LENGTH and len(long) > len(short) and long.startswith(short)
