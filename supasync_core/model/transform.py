"""Rows changed on their way: only what a transform touches is rewritten, all else keeps its exact text."""

import json
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Row
from supasync_core.model.errors import TableError
from supasync_core.model.row_key import start_again
from supasync_core.model.state import State
from supasync_core.model.table import Table

Transform = Callable[[Any], Row | None]
"""A row in, a row out; None leaves the row out."""


_DIGITS = 4300
_FIX = "fix the function in your plugin file; nothing of this batch was sent"
_OTHERS = "fix the function in your plugin file; if rows were copied with other columns than it gives now, "


class ExactRow(MutableMapping[str, Any]):
    """A row whose columns decode when they are read and stay the source's own text until they are set.

    Numbers decode to int and Decimal, so that no digit is lost.
    """

    def __init__(self, text: str) -> None:
        self._cells = raw_json.cells(text)
        self.touched: str | None = None

    def __getitem__(self, column: str) -> Any:  # noqa: ANN401 - any JSON value
        self.touched = column
        return _decode(self._cells[column])

    def __setitem__(self, column: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        self.touched = column
        before = self._cells.get(column)
        if before is None or not _alike(_decode(before), value):
            self._cells[column] = _encode(value)

    def __delitem__(self, column: str) -> None:
        self.touched = column
        del self._cells[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def raw(self, column: str) -> str | None:
        """The column's JSON text; None if the column does not exist."""
        return self._cells.get(column)

    def set_raw(self, column: str, text: str) -> None:
        """Give a column a JSON text, which is kept as it is; KeyError if the column does not exist.

        ValueError where the text is not JSON.
        """
        self.touched = column
        if column not in self._cells:
            raise KeyError(column)
        try:
            found = list(raw_json.split(f"[{text}]".encode()))
        except ValueError:
            found = []
        if found != [text.strip()]:
            raise ValueError(f"{column} is given what is not a JSON value")
        self._cells[column] = text

    def replace(self, row: Mapping[str, Any]) -> None:
        """Become the other row; what has the value that it had keeps its text."""
        for column in [each for each in self._cells if each not in row]:
            del self[column]
        for column, value in row.items():
            if not isinstance(column, str):
                raise TypeError(f"{type(column).__name__} is not the name of a column")
            self[column] = value

    def rename(self, column: str, name: str) -> None:
        """Give a column another name; its value is not decoded.

        KeyError if the column does not exist, ValueError where another one has that name already.
        """
        self.touched = column
        if column not in self._cells:
            raise KeyError(column)
        if name != column and name in self._cells:
            raise ValueError(f"there is a column {name} already")
        self._cells = {name if key == column else key: text for key, text in self._cells.items()}

    @property
    def text(self) -> str:
        """The row as a JSON object."""
        return "{" + ",".join(f"{_encode(name)}:{text}" for name, text in self._cells.items()) + "}"


class SameColumns:
    """The columns that transforms make of a table's rows: the same ones of all rows, in all batches and runs.

    NEW would keep what it has in a column that a batch does not name. So all that reads rows of one table for
    one purpose shares one of these, and begins with the columns that the state knows of copied rows. Rows
    that come with other columns are not held to them: what that means is for others to say.
    """

    def __init__(self, state: State | None = None) -> None:
        known = {name: table.guarded for name, table in state.tables.items()} if state else {}
        self._made = {
            (name, frozenset(each.columns)): frozenset(each.transformed)
            for name, each in known.items()
            if each.transformed
        }

    def of(self, table: Table, batch: Batch) -> frozenset[str]:
        """Those of the table's rows, none where no row is known."""
        return self._made.get((table.name, frozenset(batch.columns)), frozenset())

    def found(self, table: Table, batch: Batch, columns: frozenset[str]) -> frozenset[str]:
        """The same; these where no row was known before, nor another thread found any meanwhile."""
        return self._made.setdefault((table.name, frozenset(batch.columns)), columns)

    def kept(self, state: State) -> State:
        """The state with those of its tables."""
        for name, table in state.tables.items():
            made = self._made.get((name, frozenset(table.guarded.columns)))
            if made and made != {*table.guarded.transformed}:
                guarded = replace(table.guarded, transformed=tuple(sorted(made)))
                state = state.with_table(name, replace(table, guarded=guarded))
        return state


def apply(
    transforms: Sequence[tuple[str, Transform]], table: Table, batch: Batch, same: SameColumns
) -> Batch:
    """The batch after all transforms, in their order; the batch itself where there is none.

    TableError names the transform that failed, its line, the column and the key of its row, no value else;
    or the row that has other columns than those before it.
    """
    if not transforms:
        return batch
    texts: list[str] = []
    exact: dict[int, Mapping[str, str]] = {}
    columns = same.of(table, batch)
    for at, (text, row) in enumerate(zip(raw_json.split(batch.body), batch.rows, strict=True)):
        made = _through(transforms, table, text, row)
        if made is None:
            continue
        columns = columns or frozenset(made)
        if columns != made.keys():
            raise _other_columns(transforms, table, row, columns ^ made.keys())
        changed = made.text
        if at in batch.exact:
            exact[len(texts)] = _untouched(text, changed, batch.exact[at])
        texts.append(changed)
    if texts and (others := same.found(table, batch, columns)) != columns:
        raise _other_columns(transforms, table, batch.rows[0], columns ^ others)
    return Batch(raw_json.join(texts), exact=exact)


def _untouched(before: str, after: str, exact: Mapping[str, str]) -> Mapping[str, str]:
    """The exact texts of those cells that are as they were."""
    old, new = raw_json.cells(before), raw_json.cells(after)
    return {name: text for name, text in exact.items() if name in new and old.get(name) == new[name]}


def _through(
    transforms: Sequence[tuple[str, Transform]], table: Table, text: str, row: Row
) -> ExactRow | None:
    current = ExactRow(text)
    before = {column: current.raw(column) for column in table.key}
    for name, transform in transforms:
        try:
            found = transform(current)
            if found is None:
                return None
            if isinstance(found, ExactRow):
                current = found
            else:
                current.replace(dict(found))
            _keep_key(before, current)
        except KeyboardInterrupt:
            raise
        except BaseException as err:
            key = ", ".join(f"{column}={row.get(column)}" for column in table.key)
            raise table.error(
                TableError,
                f"the transform {name} failed on the row {key}{_place(current, err)}: "
                f"{err if isinstance(err, _KeyChangedError) else type(err).__name__}",
                hint=_FIX,
            ) from err
    return current


def _other_columns(
    transforms: Sequence[tuple[str, Transform]], table: Table, row: Row, names: Iterable[str]
) -> TableError:
    """A value under another name would be lost in this batch, and stay in NEW from those before."""
    key = ", ".join(f"{column}={row.get(column)}" for column in table.key)
    after = ", ".join(name for name, _ in transforms)
    return table.error(
        TableError,
        f"after the transform {after}, the row {key} and those before it differ in the "
        f"columns {', '.join(sorted(names))}: all rows need the same ones, NULL where there is no value",
        hint=_OTHERS + start_again(table),
    )


class _KeyChangedError(Exception):
    """The row that came out is another row."""


def _keep_key(before: Mapping[str, str | None], row: ExactRow) -> None:
    """Raise where the key is not the one that OLD has: such a row is found by no later run."""
    for column, text in before.items():
        if text is not None and not _same(text, row.raw(column)):
            raise _KeyChangedError(f"it changed the key column {column}")


def _same(before: str, after: str | None) -> bool:
    return after is not None and (before == after or _decode(before) == _decode(after))


def _place(row: object, err: BaseException) -> str:
    """Which column the function touched last, and where it stands: no value of the row."""
    column = f", column {row.touched}" if isinstance(row, ExactRow) and row.touched else ""
    frames = [each for each in traceback.extract_tb(err.__traceback__) if each.filename != __file__]
    line = f", {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    return column + line


def _decode(text: str) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(text, parse_float=Decimal, parse_int=_whole)


def _whole(text: str) -> int | Decimal:
    """The number; Python's int takes no more digits than that from a text."""
    return int(text) if len(text) <= _DIGITS else Decimal(text)


def _alike(one: Any, other: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether JSON would tell no difference: the same types, digits, names, and order of them."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(map(_alike, one.values(), other.values()))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return type(one) is type(other) and (str(one) == str(other) if isinstance(one, Decimal) else one == other)


def _encode(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else json.dumps(str(value))
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_number)
    text.encode()  # half of a surrogate pair has no place in a body: better to know it here
    return text


def _number(value: object) -> object:
    """Inside lists and objects a Decimal can only be written where it is whole or a float holds it."""
    if isinstance(value, Decimal):
        nearest = int(value) if value == value.to_integral_value() else float(value)
        if Decimal(repr(nearest)) == value:
            return nearest
    raise TypeError(f"{type(value).__name__} has no JSON form")
