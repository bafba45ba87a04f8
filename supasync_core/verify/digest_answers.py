"""What a database answers when it is asked for digests, checked: a wrong answer is no proof of anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supasync_core.api import digesting
from supasync_core.model.batch import Key

_LARGEST = 2**63
"""What counts rows or bytes is a bigint of PostgreSQL."""


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


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What a catalog says of a column.

    ``type`` is its name, and what its composite parts are made of; ``spelled`` where it holds ``json``, of
    which one value has several texts.
    """

    type: str
    nullable: bool
    spelled: bool


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What a catalog says of a table.

    ``parent``: others that inherit from it show their rows in it too. ``rows`` is an estimate or 0.
    """

    kind: str
    readable: bool
    parent: bool
    unique: bool
    bytes: int
    rows: int
    columns: Mapping[str, ColumnFacts]


def found_in(answer: Any) -> Any:  # noqa: ANN401 - JSON
    """The part of an answer that was asked for."""
    if not isinstance(answer, dict) or answer.get("version") != digesting.VERSION:
        raise NoDigestsError(
            "its function comes from another version of supasync, or returned something else"
        )
    return answer.get("found")


def probe_in(answer: Any) -> tuple[tuple[str, ...], str]:  # noqa: ANN401 - JSON
    """The digests of known values: by hash, and by md5."""
    try:
        probe = answer["probe"]
        return tuple(map(str, probe["hash"])), str(probe["md5"])
    except (TypeError, KeyError, ValueError) as err:
        raise _unusable("probe") from err


def facts(found: Any) -> TableFacts | None:  # noqa: ANN401 - JSON
    """Of one table; None where there is none."""
    if found is None:
        return None
    try:
        columns = {
            name: ColumnFacts(f"{kind}: {made}" if made else str(kind), not not_null, bool(spelled))
            for name, (kind, made, not_null, spelled) in found["columns"].items()
        }
        return TableFacts(
            kind=str(found["kind"]),
            readable=found["readable"] is True,
            parent=found["parent"] is not False,
            unique=found["unique"] is True,
            bytes=_whole(found["bytes"]),
            rows=_whole(found["rows"]),
            columns=columns,
        )
    except (TypeError, KeyError, ValueError, AttributeError) as err:
        raise _unusable("tables") from err


def parts(found: Any) -> dict[int, Digest]:  # noqa: ANN401 - JSON
    """The digest of each part that has rows."""
    try:
        each = {
            _whole(part): Digest(_whole(rows), _sum(one), _sum(two)) for part, rows, one, two in found if rows
        }
    except (TypeError, ValueError) as err:
        raise _unusable("parts") from err
    if len(each) != sum(bool(entry[1]) for entry in found):
        raise _unusable("parts")
    return each


def key(found: Any) -> Key | None:  # noqa: ANN401 - JSON
    """The key of a row; None where there is none."""
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise _unusable("key")
    return tuple(found)


def rows(found: Any) -> dict[Key, ListedRow]:  # noqa: ANN401 - JSON
    """The rows by their keys."""
    try:
        listed = {
            key(name) or (): ListedRow(_sum(one), _sum(two), tuple(times)) for name, one, two, times in found
        }
    except (TypeError, ValueError) as err:
        raise _unusable("rows") from err
    if len(listed) != len(found) or () in listed:
        raise _unusable("rows")
    return listed


def cells(answer: Any) -> dict[Key, dict[str, str | None]]:  # noqa: ANN401 - JSON
    """A digest of each cell by its column, of each row; None of NULL."""
    found = found_in(answer)
    try:
        return {key(name) or (): dict(zip(answer["columns"], each, strict=True)) for name, each in found}
    except (TypeError, KeyError, ValueError) as err:
        raise _unusable("cells") from err


def _whole(value: Any) -> int:  # noqa: ANN401 - JSON
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise ValueError(value)
    return value


def _sum(value: Any) -> int:  # noqa: ANN401 - JSON
    if not isinstance(value, str) or len(value) > 60:  # noqa: PLR2004 - a sum of 2**63 numbers has fewer digits
        raise ValueError(value)
    return int(value)


def _unusable(what: str) -> NoDigestsError:
    return NoDigestsError(f"its function returned an unusable answer ({what})")
