"""What the user has said about how CSV files are to be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Dialects and encodings by file, the text of NULL by file, table and column; ``*`` is every one."""

    dialects: Mapping[str, str] = field(default_factory=dict)
    nulls: Mapping[str, str] = field(default_factory=dict)
    met: set[str] = field(default_factory=set, compare=False)
    """Files, tables and columns for which the text of NULL was looked up."""
    encodings: Mapping[str, str] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    """The files of ``--file TABLE=PATH``, by table."""
    language: str = ""
    """The source's backend: each table's ``where`` is written in its language."""
    complete: bool = False
    """Whether the files hold whole tables."""

    def dialect(self, file: str) -> str | None:
        """The dialect that was named for the file."""
        return self.dialects.get(file, self.dialects.get("*"))

    def encoding(self, file: str) -> str | None:
        """The encoding that was named for the file."""
        return self.encodings.get(file, self.encodings.get("*"))
