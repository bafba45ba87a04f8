"""The exact text of rows and cells in a JSON array of objects: found, never rewritten.

What is read of every row on its way is found by msgspec, which passes over all else without decoding it.
Where that does not take a body, as with half of a surrogate pair in json text, the standard library decides.
"""

import json
import re
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from json import JSONDecoder
from operator import attrgetter
from typing import Any, overload

from supasync_core.model.json_budget import LARGE, end_of, refuse_columns

_BLANKS = re.compile(r"[ \t\n\r]*")
_HALF = 2**63
"""Numbers from its negative up to before it have 64 bits."""
_LONG = 30
"""Characters of a number that has more."""
_DECODER = JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
"""Only its sense of where a value ends is used: Python's int() refuses more than 4300 digits."""


def split(body: bytes) -> "Texts":
    """The text of each element of a JSON array, without the whitespace around it; ValueError for no array."""
    import msgspec  # noqa: PLC0415 - --help reads no rows

    try:
        return Texts(_decoder(None).decode(body))
    except (msgspec.DecodeError, RecursionError):
        return Texts([text.encode() for text in _split(body.decode())])


class Texts(Sequence[str]):
    """Texts in a body, cut out when they are looked at."""

    def __init__(self, found: Sequence[Any]) -> None:
        self._found = found

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> "Texts": ...

    def __getitem__(self, index: int | slice) -> "str | Texts":
        found = self._found[index]
        return Texts(found) if isinstance(index, slice) else bytes(found).decode()

    @classmethod
    def together(cls, several: Iterable["Texts"]) -> "Texts":
        """Those of the first, then those of the next."""
        return cls([text for texts in several for text in texts._found])  # noqa: SLF001 - of this class

    def bytes_at(self, index: int) -> memoryview:
        """The bytes of a text, which are not copied."""
        return memoryview(self._found[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def key_values(body: bytes, columns: Sequence[str]) -> Sequence[Hashable]:
    """What tells the rows apart by these columns: rows that differ in it have different keys.

    Rows that are equal in it may still differ, for numbers are rounded. One key is the same in each body,
    whatever else that holds. ValueError where a row lacks one of the columns, or has NULL or no plain value
    there.
    """
    try:
        return _found_keys(body, columns)
    except (ValueError, RecursionError):  # of msgspec too: a DecodeError, or a name that it cannot look for
        keys = [tuple(map(_value, key)) for key in _key_cells(body, columns)]
        return [key[0] for key in keys] if len(columns) == 1 else keys


def _found_keys(body: bytes, columns: Sequence[str]) -> list[Any]:
    found = _decoder(tuple(columns)).decode(body)
    names = [f"c{i}" for i in range(len(columns))]
    read: Any = attrgetter(*names)
    return [read(key) for key in found]


def texts_or_nulls(body: bytes, columns: Sequence[str]) -> list[tuple[str | None, ...]]:
    """The texts of these columns in each row, None for NULL; ValueError where one is missing or no text."""
    try:
        found = _decoder((), tuple(columns)).decode(body)
    except RecursionError as err:
        raise ValueError(str(err)) from err
    read: Any = attrgetter(*(f"c{i}" for i in range(len(columns))))
    return [read(row) for row in found] if len(columns) > 1 else [(read(row),) for row in found]


def keys_and_texts(
    body: bytes, key: Sequence[str], columns: Sequence[str]
) -> tuple[Sequence[Hashable], list[tuple[str | None, ...]]]:
    """As `key_values` and `texts_or_nulls`, in one pass; ValueError where one of them needs its own."""
    names = (*key, *columns)
    if len({*names}) < len(names) or not key or not columns:
        raise ValueError("a column is looked for twice, or there is none")
    try:
        found = _decoder(tuple(key), tuple(columns)).decode(body)
    except RecursionError as err:
        raise ValueError(str(err)) from err
    at = len(key)
    of_key: Any = attrgetter(*(f"c{i}" for i in range(at)))
    of_rest: Any = attrgetter(*(f"c{i}" for i in range(at, len(names))))
    texts = [of_rest(row) for row in found] if len(columns) > 1 else [(of_rest(row),) for row in found]
    return [of_key(row) for row in found], texts


def key_hashes(body: bytes, columns: Sequence[str], known: Sequence[Any] | None = None) -> list[int]:
    """64 bits of each row's key, to its last digit; ValueError as in `key_values`.

    They are equal for equal keys, within one process. ``known`` are the `key_values` of the body.
    """
    try:
        found = known if known and len(columns) == 1 else _found_keys(body, columns)
    except (ValueError, RecursionError):
        found = [()]
    plain = plain_hashes(found, several=len(columns) > 1)
    if plain is not None:
        return plain
    exact = [tuple(map(_exact, key)) for key in _key_cells(body, columns)]
    return [_hash(key[0]) if len(columns) == 1 else hash(tuple(map(str, key))) for key in exact]


def plain_hashes(found: Sequence[Any], *, several: bool) -> list[int] | None:
    """Those of keys that no float has rounded; None where their own texts have to be looked at.

    ``several``: each is a tuple, of several columns.
    """
    kinds = {*map(type, found)}
    if kinds == {str}:
        return list(map(hash, found))
    if kinds == {int} and min(found) >= -_HALF and max(found) < _HALF:
        return list(found)
    if kinds <= {str, int, bool}:
        return list(map(_hash, found))
    if several and all(found) and not any(isinstance(cell, float) for key in found for cell in key):
        return [hash(tuple(map(str, key))) for key in found]
    return None


def _exact(cell: str) -> str | int:
    """What a cell of a key holds: a whole number, or a text that tells it from all others."""
    found = _DECODER.decode(cell)
    if cell.startswith('"') or isinstance(found, bool):
        return str(found)
    return int(found) if len(found) < _LONG and found.lstrip("-").isdecimal() else str(found)


def _hash(value: str | float) -> int:
    """Of a whole number itself, where it fits: -1 and -2 have one hash in Python."""
    return value if type(value) is int and -_HALF <= value < _HALF else hash(str(value))


@lru_cache(maxsize=256)
def _decoder(columns: tuple[str, ...] | None, texts: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 - of msgspec
    """A decoder that looks at these columns of each row; at none, but cuts rows out, without any.

    They hold plain values, and ``texts``, which come behind them, texts or NULL.
    """
    import msgspec  # noqa: PLC0415 - --help reads no rows

    if columns is None:
        return msgspec.json.Decoder(list[msgspec.Raw])
    kinds = [*((name, str | int | float | bool) for name in columns), *((name, str | None) for name in texts)]
    fields = [(f"c{i}", kind, msgspec.field(name=name)) for i, (name, kind) in enumerate(kinds)]
    return msgspec.json.Decoder(list[msgspec.defstruct("Key", fields, gc=False)])  # type: ignore[misc]


def _value(cell: str) -> Hashable:
    """A plain cell as `_found_keys` reads it; where that fails for the cell alone, as json does."""
    import msgspec  # noqa: PLC0415 - --help reads no rows

    try:
        value: Hashable = msgspec.json.decode(cell, type=str | int | float | bool)
    except (ValueError, UnicodeError):
        value = _DECODER.decode(cell)
    return value


def _key_cells(body: bytes, columns: Sequence[str]) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = []
    for row in map(cells, split(body)):
        key = tuple(row.get(column, "null") for column in columns)
        if any(text[:1] in "n{[" for text in key):
            raise ValueError("a row has no plain value in a column of its key")
        keys.append(key)
    return keys


def _split(text: str) -> list[str]:
    rows = []
    at = _enter(text, _skip(text, 0), "[", "]")
    while at is not None:
        end = _end(text, at)
        rows.append(text[at:end])
        at = _next(text, end, "]")
    return rows


def join(rows: Iterable[str]) -> bytes:
    """A JSON array of these texts."""
    return ("[" + ",\n".join(rows) + "]").encode()


def without(row_text: str, column: str) -> str:
    """The text of a JSON object without that name; each other value keeps its exact text."""
    kept = ((name, text) for name, text in cells(row_text).items() if name != column)
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in kept) + "}"


def cells(row_text: str) -> dict[str, str]:
    """The text of each value of a JSON object by its name; of a name that comes twice, the last."""
    return {name: bytes(text).decode() for name, text in raw_cells(row_text).items()}


def plain(cell: str) -> str:
    """The plain text of a cell: what a JSON string holds, any other JSON as it stands."""
    return str(_DECODER.decode(cell)) if cell.startswith('"') else cell


def raw_cells(row_text: str | memoryview) -> dict[str, Any]:
    """The bytes of each value by its name, which are not copied; else as `cells`."""
    import msgspec  # noqa: PLC0415 - --help reads no rows

    refuse_columns(row_text.encode() if isinstance(row_text, str) else row_text)
    try:
        found: dict[str, Any] = decoder_of_objects().decode(row_text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        text = row_text if isinstance(row_text, str) else bytes(row_text).decode()
        return {name: cell.encode() for name, cell in _cells(text).items()}
    return found


def raw_columns(body: bytes, columns: Sequence[str]) -> list[tuple[bytes, ...]]:
    """The bytes of these columns' values in each row; empty where a row lacks one."""
    try:
        found = decoder(tuple(columns), b"").decode(body)
    except (ValueError, RecursionError):
        rows = map(raw_cells, split(body))
        return [tuple(bytes(row.get(name, b"")) for name in columns) for row in rows]
    names = [f"c{i}" for i in range(len(columns))]
    return [tuple(bytes(getattr(row, name)) for name in names) for row in found]


@lru_cache(maxsize=256)
def decoder(columns: tuple[str, ...], missing: bytes, *, alone: bool = False) -> Any:  # noqa: ANN401 - of msgspec
    """What reads rows into c0, c1 ..., the bytes of these columns' values; ``alone`` refuses any other."""
    import msgspec  # noqa: PLC0415 - --help reads no rows

    raw = msgspec.Raw
    fields = [
        (f"c{i}", raw, msgspec.field(name=each, default=raw(missing))) for i, each in enumerate(columns)
    ]
    row = msgspec.defstruct("Row", fields, gc=False, forbid_unknown_fields=alone)
    return msgspec.json.Decoder(list[row])  # type: ignore[valid-type]


@cache
def decoder_of_objects() -> Any:  # noqa: ANN401 - of msgspec
    """What reads an object into the bytes of each value by its name; of a name that comes twice, the last."""
    import msgspec  # noqa: PLC0415 - --help reads no rows

    return msgspec.json.Decoder(dict[str, msgspec.Raw])


def _cells(row_text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = _enter(row_text, _skip(row_text, 0), "{", "}")
    while at is not None:
        if row_text[at : at + 1] != '"':
            raise ValueError(f"a name is expected at character {at}")
        name, end = _DECODER.raw_decode(row_text, at)
        colon = _skip(row_text, end)
        if row_text[colon : colon + 1] != ":":
            raise ValueError(f"a colon is expected at character {colon}")
        start = _skip(row_text, colon + 1)
        end = _end(row_text, start)
        found[name] = row_text[start:end]
        at = _next(row_text, end, "}")
    return found


def _end(text: str, at: int) -> int:
    """The place behind the value that begins there, however deep it is; ValueError where it has no end.

    What may be large is not decoded for it.
    """
    if text[at : at + 1] not in ("[", "{") or len(text) - at <= LARGE:
        with suppress(RecursionError):
            return _DECODER.raw_decode(text, at)[1]
    return end_of(text, at)


def _enter(text: str, at: int, opening: str, closing: str) -> int | None:
    """The place of the first element, None where there is none."""
    if text[at : at + 1] != opening:
        raise ValueError(f"{opening} is expected at character {at}")
    first = _skip(text, at + 1)
    return None if text[first : first + 1] == closing else first


def _next(text: str, at: int, closing: str) -> int | None:
    """The place of the next element, None at the end."""
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return _skip(text, at + 1)
    if text[at : at + 1] != closing:
        raise ValueError(f", or {closing} is expected at character {at}")
    return None


def _skip(text: str, at: int) -> int:
    """The first place from ``at`` on that is not whitespace."""
    found = _BLANKS.match(text, at)
    return found.end() if found else at
