"""The plan of an import: what each table holds, what is wrong with it, what would be sent."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from supasync_core.gap.csv.settle_nulls import Undecided
from supasync_core.model import dependencies
from supasync_core.model.table import Shape, Table
from supasync_core.staging.compare_staged import Counts
from supasync_core.staging.csv.export_finding import ERROR, ExportFinding, LoadedFile

KINDS = {
    "cut": "a cell or an array that was cut off is sent as it is",
    "duplicate": "if rows share a key but differ, the newest (or the last) is sent",
    "exact": "damaged chunks are left out, intact ones are sent",
    "header": "columns that are missing or unknown are left out",
    "json": "JSON is sent as JavaScript has reformatted it",
    "key": "rows without a key are left out",
    "nan": "an empty float is NULL",
    "newline": "a backslash and an n become a newline",
    "null": "a doubtful cell is NULL",
    "older": "rows older than NEW's overwrite them",
    "orphan": "rows without their parent are left out",
    "ragged": "lines that are not valid rows are left out, other line endings than the header's are read",
    "rows": "the file is complete although its number of rows is round",
    "spelling": "rows that NEW has under another spelling of their key are overwritten",
    "type": "rows with values that the column's type refuses are left out",
}
"""The kinds of findings that the user may accept, each with what then happens."""


@dataclass
class TableImport:
    """One table of an import."""

    table: Table
    paths: tuple[Path, ...]
    shape: Shape
    loaded: list[LoadedFile] = field(default_factory=list)
    findings: list[ExportFinding] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    sent: int = 0

    def report(self, kind: str, text: str, level: str = ERROR, **where: Any) -> None:  # noqa: ANN401 - by name
        """Add a finding about the table."""
        self.findings.append(ExportFinding(kind=kind, table=self.table.name, text=text, level=level, **where))

    def errors(self, accepted: Collection[str]) -> list[ExportFinding]:
        """The errors that keep the table from being sent."""
        return [each for each in self.findings if each.level == ERROR and each.kind not in accepted]

    @property
    def suspicious(self) -> int:
        """How many rows have a finding."""
        return len({(each.key, each.file, each.line) for each in self.findings if each.key or each.line})

    def to_send(self, accepted: Collection[str]) -> int:
        """How many rows would be sent."""
        return self.counts.new + self.counts.changed + ("older" in accepted) * self.counts.older


@dataclass
class ImportPlan:
    """The whole import; ``missing`` are tables without a file."""

    parts: dict[str, TableImport]
    missing: tuple[str, ...]
    unknown: tuple[Path, ...]
    accepted: frozenset[str]

    def blocked(self) -> dict[str, str]:
        """The tables that are not sent, each with the reason: errors of its own, or of a parent."""
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
        """All findings, table by table."""
        for part in self.parts.values():
            yield from part.findings

    def rows_to_send(self) -> int:
        """How many rows would be sent in all."""
        blocked = self.blocked()
        return sum(part.to_send(self.accepted) for name, part in self.parts.items() if name not in blocked)

    def as_json(self) -> dict[str, Any]:
        """The plan as ``--json`` prints it."""
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
        return {
            "files": files,
            **asdict(part.counts),
            "suspicious": part.suspicious,
            "blocked": blocked.get(part.table.name),
        }
