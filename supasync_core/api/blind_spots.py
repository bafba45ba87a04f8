"""What a strategy cannot see of a table: decided here alone, for every command that reports it."""

import re
from typing import TYPE_CHECKING, Final

from supasync_core.model import timestamps
from supasync_core.model.table import NEVER, Table

if TYPE_CHECKING:
    from supasync_core.api.strategy import Strategy
    from supasync_core.model.state import TableState

DELETES: Final = "deletes"
UPDATES: Final = "updates"

_CHANGED: Final = (
    r"updat(?:e|ed|es)|modif(?:y|ied|ication)|mod(?:stamp|time)|mtime|utime|chang(?:e|ed|es)|edit(?:ed|s)?"
    r"|touch(?:ed)?|alter(?:ed)?|amend(?:ed)?|revis(?:ed|ion)|version|xmin"
)
_FILLER: Final = (
    r"last|latest|recent(?:ly)?|row|record|entry|system|sys|db|date|time|stamp|ts|dt|at|on|utc|gmt|tz"
    r"|when|was|is|of|the|number|no|ms"
)
"""None of these is made of others (``datetime`` is two of them): a text has one reading, however long."""
_UPDATE_NAME: Final = re.compile(rf"(?:{_FILLER})*(?:{_CHANGED})(?:{_FILLER})*+")
_LONGEST: Final = 63
"""Bytes of a name in PostgreSQL; a CSV file's may be longer."""


def is_update_name(column: str) -> bool:
    """Whether the name says that the column moves with every update of its row.

    ``updated_at`` and ``lastModifiedDate`` say so. ``password_changed_at`` is about one value, and ``ts``
    says nothing: such columns count as insert times.
    """
    return _UPDATE_NAME.fullmatch(re.sub(r"[\W_]", "", column[:_LONGEST]).lower()) is not None


def timestamp_moves(table: Table) -> bool:
    """Whether an update of a row moves the timestamp: as ``updates:`` says, else the first column's name."""
    if table.updates is not None:
        return table.updates == "seen"
    return bool(table.timestamp) and is_update_name(table.timestamp[0])


def unseen(strategy: "Strategy", table: Table) -> tuple[str, ...]:
    """The kinds that this strategy cannot see in the table, sorted: ``deletes``, ``updates``.

    A strategy without the method counts as one that sees everything. One written for version 0.1.0 answers
    with sentences: whatever they say, it is not known to see updates.
    """
    ask = getattr(strategy, "unseen", None)
    kinds = tuple(ask(table)) if ask else ()
    return tuple(sorted({kind if kind == DELETES else UPDATES for kind in kinds}))


def reads_by_number(strategy: "Strategy", table: Table) -> bool:
    """Whether the table is read by numbers of its rows, which prove nothing about time.

    A session keeps numbers that it drew from a sequence with a cache (``CACHE 50``), for hours under a pool,
    and a sequence may be set back: a row may then appear behind any place that was reached.
    """
    return all(keyset.column and keyset.column not in table.timestamp for keyset in strategy.keysets(table))


def compared_at(known: "TableState") -> str | None:
    """When the last complete periodic comparison of all values began; None without one."""
    return known.comparison.walked_at if known.comparison else None


def is_covered(table: Table, known: "TableState", now: timestamps.Instant) -> bool:
    """Whether that comparison is at most two intervals old, so that it brings what runs do not see."""
    at = compared_at(known)
    if at is None or table.compared_every == NEVER:
        return False
    return now - timestamps.parse(at) <= 2 * timestamps.micros_of(table.compared_every)


def how_it_is_read(strategy: "Strategy", table: Table) -> str:
    """How the table is read, for a table whose updates are not seen."""
    column = strategy.keysets(table)[0].column
    if column is None:
        return f"{table.strategy} does not look at rows again"
    if column in table.key:
        return f"it is read by new values of its key, {column}"
    return f"it is read by {column}, which counts as the time of its insert"


def how_to_fix_standstill(table: Table) -> str:
    """What to do about a timestamp that should move and does not."""
    claim = f"if each update does move {table.timestamp[0]}: updates: seen"
    return (
        f"{claim}; else updates: unseen, a trigger in OLD that sets it, or strategy: snapshot if it is small"
    )


def how_to_see_updates(table: Table) -> str:
    """What to do so that updates arrive."""
    found = ["strategy: snapshot reads a small table as a whole in every run"]
    if table.compared_every == NEVER:
        found.append("compare_every: 24h copies them once a day")
    if table.strategy != "append":
        found.insert(0, "name a column that moves with each update; if this one does: updates: seen")
    return "; ".join(found)
