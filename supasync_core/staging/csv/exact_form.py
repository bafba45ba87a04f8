"""Our exact form read back: every chunk is held to its count and its digest before a row of it is staged."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.table import Table
from supasync_core.staging.csv.export_finding import ExportFinding

_LONGEST = 1 << 30
_MARK = '{"supasync" : 1, '
"""How PostgreSQL's json_build_object begins our own lines."""
SEAL = ', "md5" : "'
"""What stands before the digest at the end of a file's head."""


@dataclass
class Chunk:
    """A chunk's head, its own text, the line it stands on, and the texts of its rows."""

    head: dict[str, Any]
    text: str
    line: int
    rows: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether count and digest are those that PostgreSQL gave."""
        return len(self.rows) == self.head.get("rows") and _md5("\n".join(self.rows)) == self.head.get("md5")

    @property
    def sealed(self) -> bool:
        """Whether the head of a file is as PostgreSQL printed it."""
        body, _, digest = self.text.rpartition(SEAL)
        return digest == _md5(body + "}") + '"}'


@dataclass
class ExactFile:
    """Reads one file; ``findings`` and ``proof`` are complete once the batches have been taken."""

    path: Path
    file: str
    table: Table
    findings: list[ExportFinding] = field(default_factory=list)
    proof: dict[str, Any] | None = None
    rows: int = 0

    def batches(self) -> Iterator[Batch]:
        """The rows of every intact chunk; a damaged one is reported with its keys."""
        head: dict[str, Any] | None = None
        seen = 0
        for chunk in self._chunks():
            if "table" in chunk.head:
                head = chunk.head
                if chunk.rows or head["table"] != self.table.name:
                    self._report(
                        f"is an export of the table {head['table']}, or has rows outside of a chunk",
                        chunk.line,
                    )
                    return
                if not chunk.sealed:
                    self._report("has a damaged head: where it begins is unknown", chunk.line)
                continue
            if not chunk.intact or chunk.head.get("chunk") != seen or not self._parses(chunk):
                self._damaged(chunk)
            else:
                self.rows += len(chunk.rows)
                yield Batch(raw_json.join(chunk.rows))
            seen += 1
        if head is None:
            self._report("has no head: its beginning is missing", 1)
        elif head.get("chunks") != seen:
            self._report(f"has {seen} of {head.get('chunks')} chunks: rows are missing at its end", None)
        elif not self.findings:
            self.proof = head

    def _parses(self, chunk: Chunk) -> bool:
        try:
            return all(raw_json.cells(row) for row in chunk.rows)
        except ValueError:
            return False

    def _chunks(self) -> Iterator[Chunk]:
        csv.field_size_limit(_LONGEST)
        current: Chunk | None = None
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, strict=True)
                next(reader, None)
                line = reader.line_num + 1
                for record in reader:
                    text = record[0] if len(record) == 1 else ""
                    own = _own(text)
                    if own is not None:
                        if current:
                            yield current
                        current = Chunk(own, text, line)
                    elif current is None:
                        self._report("has rows before its head", line)
                        return
                    else:
                        current.rows.append(text)
                    line = reader.line_num + 1
        except csv.Error as err:
            self._report(f"is not valid CSV ({err})", None)
        if current:
            yield current

    def _damaged(self, chunk: Chunk) -> None:
        first, last = chunk.head.get("first"), chunk.head.get("last")
        self._report(
            f"has a damaged chunk: {len(chunk.rows)} rows of {chunk.head.get('rows')}, or another digest",
            chunk.line,
            tuple(map(str, first)) if isinstance(first, list) else (),
            tuple(map(str, last)) if isinstance(last, list) else (),
        )

    def _report(
        self, text: str, line: int | None, key: tuple[str, ...] = (), until: tuple[str, ...] = ()
    ) -> None:
        self.findings.append(
            ExportFinding(
                kind="exact",
                table=self.table.name,
                text=f"{self.file} {text}",
                file=self.file,
                line=line,
                key=key,
                until=until,
            )
        )


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _own(text: str) -> dict[str, Any] | None:
    """A line of ours, None for a row."""
    if not text.startswith(_MARK):
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and ("chunk" in value or "table" in value) else None
