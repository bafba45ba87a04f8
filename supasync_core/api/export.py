"""What an export by hand and a staging promise, and what passes between them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from supasync_core.api.backend import Source
from supasync_core.api.history import Evidence
from supasync_core.model.batch import Batch, Key, Span
from supasync_core.model.table import Shape, Table

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of a table has to be exported: the rows of the spans, of the keys, and between keys.

    ``language`` is the source's backend, in whose words the table's ``where`` is written. ``alone``: no other
    table's name differs in the case of letters alone.
    """

    table: Table
    spans: tuple[Span, ...] = ()
    keys: tuple[Key, ...] = ()
    ranges: tuple[tuple[Key, Key], ...] = ()
    shape: Shape = field(default_factory=lambda: Shape(known=False))
    language: str = ""
    alone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a person runs for a table: ``sql`` to paste, the file to save the result under.

    ``copy`` is for a connection; None where a name or a value in it is not printable.
    """

    table: str
    file: str
    sql: str
    copy: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a folder: those of each table, and those of none."""

    files: Mapping[str, tuple[Path, ...]]
    unknown: tuple[Path, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something amiss in an export: where, and what. It never holds a value of a row but its key."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One file as it was staged. ``proof``: from what on it is complete, and as of when, if it says so."""

    table: str
    file: str
    dialect: str
    rows: int
    digest: str
    notes: tuple[str, ...] = ()
    proof: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """The staged rows of a table against the sink's: each row is counted once."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.new + self.changed + self.unchanged + self.older


class Staging(Evidence, Protocol):
    """A local database in which an export is put together and compared before anything is sent."""

    def remember(self, name: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Keep a JSON value under the name, for good."""
        ...

    def recall(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value that was kept; None where there is none."""
        ...

    def asked(self, table: Table, children: Sequence[tuple[Table, str]] = ()) -> int:
        """How many keys the sink is to be asked for: those of staged rows, and those that children refer to.

        A child's column counts where its row, with that value, is not in the sink already.
        """
        ...

    def asked_keys(self) -> Iterator[Sequence[Key]]:
        """Those keys, some at once, each once and in order."""
        ...

    def strays(self, table: Table, column: str, parents: Sequence[Table], referred: str) -> list[str]:
        """The column's values that no row of the parents has in ``referred``, staged or taken in."""
        ...

    def known(self, table: Table, shape: Shape, batches: Iterable[Batch]) -> int:
        """Take in the sink's rows that have one of the staged keys; their number."""
        ...

    def replace(self, table: Table, shape: Shape, batches: Iterable[Batch]) -> None:
        """Put these rows in the place of the staged ones: they were transformed."""
        ...

    def compare(self, table: Table, shape: Shape, sink: str, *, older: bool) -> Counts:
        """Tell the staged rows apart by what the sink has; ``older`` also marks older ones to be sent."""
        ...

    def leave_out(self, table: Table, column: str, values: Sequence[str]) -> list[tuple[Key, str, int]]:
        """Take the rows with these values out; the key, file and row number of each."""
        ...

    def rows(self, table: Table) -> Iterator[Batch]:
        """All staged rows."""
        ...

    def batches(self, table: Table) -> Iterator[Batch]:
        """The rows to be sent, in the order of the key."""
        ...

    def confirmed(self, table: Table, batch: Batch, sink: str) -> None:
        """Keep for good that this sink has confirmed these rows."""
        ...

    def source(self) -> Source:
        """The staged rows as a source."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Export(Protocol):
    """A way in which a person exports rows from the source by hand, and how those files are read."""

    kinds: Mapping[str, str]
    """What it may find amiss, by name, with what accepting it means."""

    def query(self, wanted: Wanted, *, exact: bool) -> Query:
        """What to run in the source for these rows; ``exact`` for a form in which any damage shows."""
        ...

    def check(self, choices: Choices) -> None:
        """ConfigError where a choice is for a dialect that there is not."""
        ...

    def find(self, folder: Path, tables: Sequence[Table]) -> Found:
        """Which file of the folder is which table's."""
        ...

    def load(
        self, staging: Staging, table: Table, files: Sequence[Path], shape: Shape, choices: Choices
    ) -> tuple[list[Loaded], list[Finding]]:
        """Stage the files of a table; what is amiss in them."""
        ...

    def settle(self, staging: Staging, table: Table, shape: Shape, choices: Choices) -> list[Finding]:
        """Decide what could only be told by the sink's rows, and make the staged rows final."""
        ...

    def place(self, path: Path, row: int) -> int | None:
        """The line of the file on which its row of that number, counted from 1, begins."""
        ...
