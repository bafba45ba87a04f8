"""One line of `check` and `setup`: what was found, and what to do."""

from dataclasses import dataclass

from supasync_core.model.errors import SupasyncError
from supasync_core.model.level import NOTE, PROBLEM, WARNING, Level


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a table, or of both projects.

    With ``alone`` a sync refuses that table and no other: those may begin. Kinds are those of a `Remark`, and
    ``state older rowkey reference circle made``: rows that NEW has of its own before anything was copied.
    """

    level: Level
    text: str
    table: str | None = None
    hint: str | None = None
    alone: bool = False
    kind: str | None = None


def problem(
    text: str,
    table: str | None = None,
    hint: str | None = None,
    *,
    alone: bool = False,
    kind: str | None = None,
) -> Finding:
    """Something to fix first."""
    return Finding(PROBLEM, text, table, hint, alone, kind)


def failure(err: SupasyncError, kind: str | None = None) -> Finding:
    """A request that failed."""
    return problem(str(err), getattr(err, "table", None), err.hint, kind=kind)


def warning(text: str, table: str | None = None, hint: str | None = None, kind: str | None = None) -> Finding:
    """What will not be seen, or may go wrong."""
    return Finding(WARNING, text, table, hint, kind=kind)


def note(text: str, hint: str) -> Finding:
    """What a setting would change."""
    return Finding(NOTE, text, hint=hint)
