"""What a database answers when it is asked for digests, checked: a wrong answer proves nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec

from supasync_core.api import digesting
from supasync_core.model.batch import Key

T = TypeVar("T")

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What counts rows or bytes is a bigint of PostgreSQL."""
_Sum = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,60}\Z")]
"""A sum of 2**63 numbers has fewer digits."""


class NoDigestsError(Exception):
    """Why digests prove nothing here: the table has to be read."""


class RowsDifferError(NoDigestsError):
    """Digests show that rows differ, and not which: only reading every value says that."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A number of rows, and two sums of hashes of their texts: equal digests are equal rows, in any order."""

    rows: int = 0
    one: int = 0
    two: int = 0

    def __add__(self, other: "Digest") -> "Digest":
        return Digest(self.rows + other.rows, self.one + other.one, self.two + other.two)

    @property
    def number(self) -> int:
        """Both sums as one number of 256 bits."""
        return (self.one % 2**128) << 128 | self.two % 2**128


@dataclass(frozen=True, slots=True)
class ListedRow:
    """One row's digest, and its timestamps."""

    one: int
    two: int
    stamps: tuple[str | None, ...] = ()

    @property
    def digest(self) -> Digest:
        """Of this row alone."""
        return Digest(1, self.one, self.two)


class ColumnFacts(msgspec.Struct, array_like=True, frozen=True):
    """What a catalog says of a column.

    ``kind`` is its type's name, and ``made`` what the composite parts of that are made of; ``spelled`` where
    it holds ``json``, of which one value has several texts.
    """

    kind: str
    made: str | None
    not_null: bool
    spelled: bool

    @property
    def type(self) -> str:
        """The type with its parts: columns of one type are made alike."""
        return f"{self.kind}: {self.made}" if self.made else self.kind


class TableFacts(msgspec.Struct, frozen=True):
    """What a catalog says of a table.

    ``parent``: others that inherit from it show their rows in it too. ``rows`` is an estimate or 0.
    """

    kind: str
    readable: bool
    parent: bool
    unique: bool
    bytes: _Count
    rows: _Count
    columns: dict[str, ColumnFacts]


def found_in(answer: Any) -> Any:  # noqa: ANN401 - JSON
    """The part of an answer that was asked for."""
    if not isinstance(answer, dict) or answer.get("version") != digesting.VERSION:
        raise NoDigestsError(
            "its function comes from another version of supasync, or returned something else"
        )
    return answer.get("found")


def probe_in(answer: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """The digests of known values: by hash, and by md5."""
    probe = _checked(answer.get("probe"), _Probe, "probe")
    return probe.hash, probe.md5


class _Probe(msgspec.Struct):
    hash: tuple[str, ...]
    md5: str


def facts(found: Any) -> TableFacts | None:  # noqa: ANN401 - JSON
    """Of one table; None where there is none."""
    return None if found is None else _checked(found, TableFacts, "tables")


def parts(found: Any) -> dict[int, Digest]:  # noqa: ANN401 - JSON
    """The digest of each part that has rows."""
    listed = _checked(found, list[tuple[_Count, _Count, _Sum | None, _Sum | None]], "parts")
    filled = [each for each in listed if each[1]]
    each = {part: Digest(rows, int(one), int(two)) for part, rows, one, two in filled if one and two}
    if len(each) != len(filled):
        raise _unusable("parts")
    return each


def key(found: Any) -> Key | None:  # noqa: ANN401 - JSON
    """The key of a row; None where there is none."""
    return None if found is None else _checked(found, tuple[str, ...], "key")


def rows(found: Any) -> dict[Key, ListedRow]:  # noqa: ANN401 - JSON
    """The rows by their keys."""
    listed = _checked(found, list[tuple[tuple[str, ...], _Sum, _Sum, tuple[str | None, ...]]], "rows")
    each = {name: ListedRow(int(one), int(two), times) for name, one, two, times in listed}
    if len(each) != len(listed) or () in each:
        raise _unusable("rows")
    return each


def cells(answer: Any) -> dict[Key, dict[str, str | None]]:  # noqa: ANN401 - JSON
    """A digest of each cell by its column, of each row; None of NULL."""
    listed = _checked(found_in(answer), list[tuple[tuple[str, ...], tuple[str | None, ...]]], "cells")
    columns = _checked(answer.get("columns"), tuple[str, ...], "cells")
    if any(len(each) != len(columns) for _, each in listed):
        raise _unusable("cells")
    return {name: dict(zip(columns, each, strict=True)) for name, each in listed}


def _checked(found: Any, kind: type[T], part: str) -> T:  # noqa: ANN401 - JSON
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as err:
        raise _unusable(part) from err


def _unusable(what: str) -> NoDigestsError:
    return NoDigestsError(f"its function returned an unusable answer ({what})")
