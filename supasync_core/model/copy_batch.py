"""A batch of rows in the text format of PostgreSQL's COPY: a sink that takes it sends the same bytes on.

To everybody else it is a batch like any other: its JSON is made when somebody looks at it. What a run looks
at of every row, its key and its timestamps, is cut out of the lines.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Row, Rows, decoded_row
from supasync_core.model.copy_json import NULL, as_json, is_plain, string, unescaped
from supasync_core.model.pg_types import INTEGERS, UNZONED, ZONED
from supasync_core.model.table import Column

_HELD = 41
"""Bytes that a line takes beside its own, in Python."""


@dataclass(frozen=True)
class CopyBatch(Batch):
    """Rows as COPY prints them, each a line with its end; ``cells`` are its columns, with PostgreSQL's types.

    No column is of a type whose JSON cannot be told from its text: a composite, an array of them, ``box[]``,
    or one of an extension with a cast to ``json``.
    """

    body: bytes = field(init=False, repr=False, compare=False)
    exact: Mapping[int, Mapping[str, str]] = field(init=False, repr=False, compare=False)
    lines: Sequence[bytes] = field(kw_only=True, repr=False)
    cells: tuple[Column, ...] = field(kw_only=True, repr=False)

    def __getattr__(self, name: str) -> bytes | Mapping[int, Mapping[str, str]]:
        """The JSON, or what it cannot carry, made once."""
        if name not in ("body", "exact"):
            raise AttributeError(name)
        body, exact = self._json.made
        return body if name == "body" else exact

    @cached_property
    def rows(self) -> Rows:
        """As a batch has them; a single one is decoded without the others."""
        return _CopyRows(self._json)

    @cached_property
    def _json(self) -> "_Json":
        return _Json(self.lines, self.cells)

    def only(self, wanted: Sequence[int]) -> Batch:
        """The rows at these places, in the same format."""
        return replace(self, total=None, asked=None, lines=[self.lines[index] for index in wanted])

    def look(self, key: Sequence[str], columns: Sequence[str]) -> None:
        """Nothing: the lines are split once for all columns."""

    def keys(self, columns: Sequence[str]) -> Sequence[Hashable]:
        """As `Batch.keys`; those of integers and strings are cut out of the lines."""
        known: dict[tuple[str, ...], Sequence[Hashable]] = self.__dict__.setdefault("_keys", {})
        names = tuple(columns)
        if names not in known:
            cut = self._cut_keys(names)
            known[names] = super().keys(names) if cut is None else cut
        return known[names]

    def key_hashes(self, columns: Sequence[str]) -> list[int]:
        """As `Batch.key_hashes`."""
        found = raw_json.plain_hashes(self.keys(columns), several=len(columns) > 1)
        return super().key_hashes(columns) if found is None else found

    def texts(self, columns: Sequence[str]) -> list[tuple[str | None, ...]]:
        """As `Batch.texts`."""
        found = [self._strings(name) for name in columns if is_plain(self._kinds.get(name))]
        return list(zip(*found, strict=True)) if len(found) == len(columns) else super().texts(columns)

    def text(self, columns: Sequence[str]) -> bytes:
        """The lines, of these columns alone, as COPY reads them."""
        if tuple(columns) == self.columns:
            return b"".join(self.lines)
        places = [self.columns.index(name) for name in columns]
        rows = (line.rstrip(b"\n").split(b"\t") for line in self.lines)
        return b"".join(b"\t".join([row[place] for place in places]) + b"\n" for row in rows)

    @property
    def count(self) -> int:
        """How many rows the batch holds."""
        return len(self.lines)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of the batch, in the source's order; empty without rows."""
        return tuple(self._kinds) if self.lines else ()

    @cached_property
    def size(self) -> int:
        """Bytes that it holds."""
        return sum(map(len, self.lines)) + _HELD * len(self.lines)

    @cached_property
    def _kinds(self) -> dict[str, str | None]:
        return {column.name: column.type for column in self.cells}

    def _cut_keys(self, names: Sequence[str]) -> list[Hashable] | None:
        """None where they have to be read of the JSON; ValueError where one is NULL."""
        if not self.lines:
            return []
        found: list[Sequence[Hashable]] = []
        for name in names:
            kind = self._kinds.get(name)
            if kind in INTEGERS:
                found.append(list(map(int, self._cells(name))))
            elif is_plain(kind):
                found.append(self._strings(name))
                if None in found[-1]:
                    raise ValueError("a row has NULL in a column of its key")
            else:
                return None
        return list(found[0]) if len(found) == 1 else list(zip(*found, strict=True))

    def _strings(self, name: str) -> list[str | None]:
        """What the JSON strings of a column hold; None for NULL."""
        kind = self._kinds[name] or ""
        if not self.lines:
            return []
        joined = self._column(name)
        if "\\" in joined or (kind in (ZONED, UNZONED) and ("BC" in joined or "inf" in joined)):
            cells = joined.split("\n")
            return [None if cell == NULL else string(kind, unescaped(cell)) for cell in cells]
        if kind in (ZONED, UNZONED):
            joined = joined.replace(" ", "T")
        if kind == ZONED:
            joined = joined.replace("\n", ":00\n") + ":00"
        return list(joined.split("\n"))

    def _column(self, name: str) -> str:
        """The cells of a column as they stand, one behind the other."""
        return b"\n".join(self._cells(name)).decode()

    def _cells(self, name: str) -> list[bytes]:
        """The cells of a column as they stand; a line has a tab between two columns."""
        at, most = self.columns.index(name), len(self.columns)
        if at == most - 1:
            return b"".join([line.rpartition(b"\t")[2] for line in self.lines])[:-1].split(b"\n")
        if at == 0:
            return [line.partition(b"\t")[0] for line in self.lines]
        if at < most // 2:
            return [line.split(b"\t", at + 1)[at] for line in self.lines]
        return [line.rsplit(b"\t", most - at)[1] for line in self.lines]


@dataclass
class _Json:
    """The JSON of these lines. It does not know its batch: who holds rows must not keep that one alive."""

    lines: Sequence[bytes]
    cells: Sequence[Column]

    @cached_property
    def made(self) -> tuple[bytes, Mapping[int, Mapping[str, str]]]:
        """The rows, and what JSON cannot carry of them; made once."""
        return as_json(self.lines, self.cells)

    def row(self, index: int) -> bytes:
        """One row, whether or not the others are made."""
        return as_json([self.lines[index]], self.cells)[0][1:-1]


class _CopyRows(Rows):
    """Rows that are read of all lines at once, or of one line alone."""

    def __init__(self, json: _Json) -> None:
        self._json = json

    def __len__(self) -> int:
        return len(self._json.lines)

    @cached_property
    def _body(self) -> bytes:  # type: ignore[override]
        return self._json.made[0]

    @cached_property
    def _texts(self) -> raw_json.Texts:  # type: ignore[override]
        return raw_json.split(self._body)

    def _row(self, index: int) -> Row:
        return decoded_row(memoryview(self._json.row(index)))
