"""What a run did, table by table: for people, for scripts and for the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from supasync_core.model.budget import Share
from supasync_core.model.errors import ExitCode, SupasyncError, TableError

TableStatus = Literal["ok", "not due", "incomplete", "failed", "skipped", "interrupted"]
"""``not due``: a later run reads it. ``incomplete``: fewer rows came than the source itself counted."""
RunStatus = Literal["success", "partial", "failed", "interrupted"]
"""``partial``: rows are missing; ``failed``: in every table."""
_MOST_SERIOUS = (ExitCode.INTERNAL, ExitCode.SETTINGS, ExitCode.PERSON, ExitCode.LOCKED, ExitCode.LATER)
"""Exit codes: an internal error, then what needs a person, then what passes by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResult:
    """How one table ended.

    Of ``found`` rows ``synced`` were confirmed. ``refused`` rows were newly quarantined. ``deleted`` rows
    were found to be deleted in the source, where that was looked for, and ``removed`` of them from the sink.
    """

    name: str
    status: TableStatus
    found: int = 0
    synced: int = 0
    refused: int = 0
    seconds: float = 0.0
    error: str | None = None
    hint: str | None = None
    exit_code: int = 0
    trace: str = ""
    """The traceback of an error that is not ours, for SUPASYNC_DEBUG; it is not kept."""
    left_out: int = 0
    """Rows that the table's transforms returned nothing for."""
    deleted: int | None = None
    removed: int | None = None
    brought: int | None = None
    """Rows among those synced that reading the table did not see, and comparing it with the source did."""
    storage_urls: Mapping[str, int] = field(default_factory=dict)
    """How many of the rows that were sent hold a URL of OLD's Storage, by column."""
    other_urls: Mapping[str, int] = field(default_factory=dict)
    """How many of them hold OLD's address in another way."""

    @property
    def passed(self) -> bool:
        """Whether the table was read to its end, or was not due."""
        return self.status in ("ok", "not due")

    def as_json(self) -> dict[str, Any]:
        """The result without what is empty."""
        names = ("status", "found", "synced", "refused", "deleted", "removed", "brought", "error", "hint")
        row = {name: getattr(self, name) for name in names}
        row["seconds"] = round(self.seconds, 3)
        row |= {"left_out": self.left_out} if self.left_out else {}
        row |= {"storage_urls": dict(self.storage_urls)} if self.storage_urls else {}
        row |= {"other_urls": dict(self.other_urls)} if self.other_urls else {}
        return {name: value for name, value in row.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """How a step ended that a run takes before its tables or after them.

    ``summary`` is a line for people, ``notes`` are further ones; ``details`` are JSON for the record. With
    the status ``interrupted``, which says that it was told to stop, the run ends there, interrupted as well.
    """

    name: str = ""
    status: Literal["ok", "not due", "failed", "interrupted"] = "ok"
    summary: str = ""
    notes: tuple[str, ...] = ()
    error: str | None = None
    hint: str | None = None
    exit_code: int = 0
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The result without what is empty."""
        names = ("status", "summary", "error", "hint")
        row = {name: value for name in names if (value := getattr(self, name))}
        return {**row, **self.details, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run.

    ``success_age`` is that of the last success before it, by the store's time, where the store knows.
    ``costs`` is the ledger's JSON; ``stopped`` is what ended the run before its tables did; ``whole`` is
    False for a run of chosen tables only.
    """

    command: str
    run: str
    tables: tuple[TableResult, ...]
    seconds: float = 0.0
    horizon: str | None = None
    success_age: timedelta | None = None
    notes: tuple[str, ...] = ()
    stopped: SupasyncError | None = None
    whole: bool = True
    interrupted: bool = False
    requests: int = 0
    bytes: int = 0
    costs: dict[str, Any] = field(default_factory=dict)
    shares: tuple[Share, ...] = ()
    """How much of each budget the month had used at the end of the run."""
    steps: tuple[StepResult, ...] = ()
    """What was done before the tables."""
    page: str | None = None
    """The address at which people find the report page."""

    @property
    def records(self) -> int:
        """The rows that the sink confirmed."""
        return sum(table.synced for table in self.tables)

    @property
    def status(self) -> RunStatus:
        """Not a success where rows were refused, or fewer came than the source counted."""
        if self.interrupted:
            return "interrupted"
        sound = all(step.status in ("ok", "not due") for step in self.steps)
        if not self.stopped and sound and all(t.passed and t.synced == t.found for t in self.tables):
            return "success"
        return (
            "partial"
            if any(table.passed or table.status == "incomplete" for table in self.tables)
            else "failed"
        )

    @property
    def complete(self) -> bool:
        """Whether every due table is now as the source was: only that counts as the last success."""
        return self.whole and self.status == "success"

    @property
    def arrived(self) -> bool:
        """Whether every table was read to its end; rows that the sink refused are quarantined."""
        ended = self.stopped or self.interrupted or not self.whole
        return not ended and all(table.passed for table in self.tables)

    @property
    def error(self) -> str | None:
        """What went wrong, in one line per cause."""
        lines = [str(self.stopped)] if self.stopped else []
        lines += [step.error for step in self.steps if step.error]
        lines += [table.error for table in self.tables if table.status != "skipped" and table.error]
        return "\n".join(dict.fromkeys(lines)) or None

    @property
    def exit_code(self) -> int:
        """The most serious code of all tables and of what ended the run."""
        codes = [step.exit_code for step in self.steps] + [table.exit_code for table in self.tables]
        if self.stopped:
            codes.append(self.stopped.exit_code)
        found = next((code for code in _MOST_SERIOUS if code in codes), None)
        return found or (ExitCode.INTERRUPTED if self.interrupted else ExitCode.DONE)

    @property
    def ended(self) -> dict[str, str | None]:
        """The kind of what ended the run and whose it is, where a whole project answers nothing any more."""
        if not isinstance(self.stopped, TableError) or self.stopped.reason is None:
            return {}
        return {"reason": self.stopped.reason, "project": self.stopped.project}

    def details(self) -> dict[str, Any]:
        """The part of the record that is kept as JSON."""
        return {
            **({"ended": self.ended} if self.ended else {}),
            **({"steps": {step.name: step.as_json() for step in self.steps}} if self.steps else {}),
            "tables": {table.name: table.as_json() for table in self.tables},
            "costs": self.costs,
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }

    def as_json(self) -> dict[str, Any]:
        """The whole report for ``--json``."""
        names = ("command", "run", "status", "exit_code", "records", "horizon", "error", "requests", "bytes")
        return {**{name: getattr(self, name) for name in names}, **self.details()}


def waiting(names: Sequence[str]) -> str:
    """The sentence for a table that waits for others."""
    return f"not run: waits for {', '.join(names)}"
