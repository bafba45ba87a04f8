"""What a look at an exported file has come to: the file as it was staged, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supasync_core.model.batch import Key

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFinding:
    """What is wrong in an export, and where. Of a row's values it holds only the key."""

    kind: str
    table: str
    text: str
    level: str = ERROR
    file: str | None = None
    line: int | None = None
    key: Key = ()
    until: Key = ()
    """Where the finding is about a range: its last key."""
    column: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The finding under fixed names, the same for each."""
        return {name: getattr(self, name) for name in ("level", "kind", "table", "file", "line")} | {
            "key": list(self.key),
            "until": list(self.until),
            "column": self.column,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """One file as it was staged. ``proof``: from what on it is complete, and as of when, if it says so."""

    table: str
    file: str
    dialect: str
    rows: int
    digest: str
    proof: Mapping[str, Any] | None = None
