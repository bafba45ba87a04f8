"""An export as it was looked at: what each table holds, what is amiss, what may be sent."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supasync_core.gap.csv.settle_nulls import Undecided
from supasync_core.model import dependencies
from supasync_core.model.table import Shape, Table
from supasync_core.staging.compare_staged import Counts
from supasync_core.staging.csv.export_finding import ERROR, ExportFinding, LoadedFile

KINDS = {
    "cut": "a cell or an array that was cut is sent as it is",
    "duplicate": "of rows with one key and different content the newest is sent, else the last",
    "exact": "damaged chunks are left out, intact ones are sent",
    "header": "columns that are missing or unknown are left out",
    "json": "JSON is sent as JavaScript has printed it",
    "key": "rows without a key are left out",
    "nan": "an empty float is NULL",
    "newline": "a backslash and an n become a newline",
    "null": "a doubtful cell is NULL",
    "older": "rows that are older than NEW's are written over them",
    "orphan": "rows without their parent are left out",
    "ragged": "lines that are not records are left out, those that end otherwise than the header are read",
    "rows": "the file is complete although its number of rows is round",
    "spelling": "rows that NEW has under another spelling of their key are written over",
    "type": "rows with values that the column's type refuses are left out",
}
"""The kinds of findings that the user may accept, each with what then happens."""


@dataclass
class TableImport:
    """One table of the export."""

    table: Table
    paths: tuple[Path, ...]
    shape: Shape
    loaded: list[LoadedFile] = field(default_factory=list)
    findings: list[ExportFinding] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    sent: int = 0

    def errors(self, accepted: Collection[str]) -> list[ExportFinding]:
        """What stands against sending the table's rows."""
        return [each for each in self.findings if each.level == ERROR and each.kind not in accepted]

    @property
    def sound(self) -> bool:
        """Whether nothing at all was amiss, accepted or not."""
        return all(each.level != ERROR for each in self.findings)

    @property
    def suspicious(self) -> int:
        """How many rows something is amiss with."""
        return len({(each.key, each.file, each.line) for each in self.findings if each.key or each.line})

    def to_send(self, accepted: Collection[str]) -> int:
        """How many rows would be sent."""
        return self.counts.new + self.counts.changed + ("older" in accepted) * self.counts.older


@dataclass
class ImportPlan:
    """The whole export; ``missing`` are tables without a file."""

    parts: dict[str, TableImport]
    missing: tuple[str, ...]
    unknown: tuple[Path, ...]
    accepted: frozenset[str]

    def blocked(self) -> dict[str, str]:
        """Tables that are not sent, each with the reason: their own errors, or those of a parent."""
        reasons = {
            name: "its files have errors" for name, part in self.parts.items() if part.errors(self.accepted)
        }
        after = {
            name: [p for p in part.table.depends_on if p in self.parts] for name, part in self.parts.items()
        }
        for name in list(reasons):
            for child in dependencies.dependents(after, name):
                reasons.setdefault(child, f"waits for {name}")
        return reasons

    @property
    def findings(self) -> Iterator[ExportFinding]:
        """All of them, table by table."""
        for part in self.parts.values():
            yield from part.findings

    def rows_to_send(self) -> int:
        """How many rows would be sent in all."""
        blocked = self.blocked()
        return sum(part.to_send(self.accepted) for name, part in self.parts.items() if name not in blocked)

    def as_json(self) -> dict[str, Any]:
        """All of it for ``--json``."""
        blocked = self.blocked()
        return {
            "tables": {name: self._table(part, blocked) for name, part in self.parts.items()},
            "missing": list(self.missing),
            "unknown": [path.name for path in self.unknown],
            "findings": [each.as_json() for each in self.findings],
        }

    def _table(self, part: TableImport, blocked: Mapping[str, str]) -> dict[str, Any]:
        files = [
            {"file": f.file, "dialect": f.dialect, "rows": f.rows, "sha256": f.digest} for f in part.loaded
        ]
        counts = part.counts
        return {
            "files": files,
            "new": counts.new,
            "changed": counts.changed,
            "unchanged": counts.unchanged,
            "older": counts.older,
            "suspicious": part.suspicious,
            "blocked": blocked.get(part.table.name),
        }
