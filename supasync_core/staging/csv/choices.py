"""How CSV files are to be read, as far as a person has said so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person has decided: dialects by file, NULL's text (``T.C`` or ``*``), encodings, named risks."""

    dialects: Mapping[str, str] = field(default_factory=dict)
    nulls: Mapping[str, str] = field(default_factory=dict)
    met: set[str] = field(default_factory=set, compare=False)
    """Files, tables and their columns that NULL was looked up for."""
    encodings: Mapping[str, str] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    """Files that were named as a table's, whatever they are called."""
    language: str = ""
    """The backend in whose words each table's ``where`` is written."""
    complete: bool = False
    """Whether files that do not tell hold their whole tables."""
