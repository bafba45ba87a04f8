"""Rows changed on their way: only what a transform touches is written anew, all else keeps its exact text."""

import json
from collections.abc import Iterator, MutableMapping, Sequence
from decimal import Decimal
from typing import Any

from supasync_core import rowtext
from supasync_core.backend import Transform
from supasync_core.batch import Batch, Row
from supasync_core.errors import TableError
from supasync_core.tables import Table


class ExactRow(MutableMapping[str, Any]):
    """A row whose columns decode when they are read and stay the source's own text until they are set.

    Numbers decode to int and Decimal, so that no digit is lost.
    """

    def __init__(self, text: str) -> None:
        self._cells = rowtext.cells(text)

    def __getitem__(self, column: str) -> Any:  # noqa: ANN401 - any JSON value
        return json.loads(self._cells[column], parse_float=Decimal)

    def __setitem__(self, column: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        self._cells[column] = _encode(value)

    def __delitem__(self, column: str) -> None:
        del self._cells[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def rename(self, column: str, name: str) -> None:
        """Give a column another name; its value is not decoded."""
        self._cells = {name if key == column else key: text for key, text in self._cells.items()}

    @property
    def text(self) -> str:
        """The row as a JSON object."""
        return "{" + ",".join(f"{_encode(name)}:{text}" for name, text in self._cells.items()) + "}"


def apply(transforms: Sequence[tuple[str, Transform]], table: Table, batch: Batch) -> Batch:
    """The batch after all transforms, in their order; the batch itself where there is none.

    TableError names the transform that failed and the key of its row, but no other value of it.
    """
    if not transforms:
        return batch
    texts = []
    for text, row in zip(rowtext.split(batch.body), batch.rows, strict=True):
        changed = _through(transforms, table, text, row)
        if changed is not None:
            texts.append(changed)
    return Batch(rowtext.join(texts))


def _through(transforms: Sequence[tuple[str, Transform]], table: Table, text: str, row: Row) -> str | None:
    current: Any = ExactRow(text)
    for name, transform in transforms:
        try:
            current = transform(current)
            if current is None:
                return None
            if not isinstance(current, ExactRow):
                current = _exact(current)
        except (Exception, SystemExit) as err:
            key = ", ".join(f"{column}={row.get(column)}" for column in table.key)
            raise TableError(
                f"{table.name}: the transform {name} failed on the row {key}: {type(err).__name__}",
                table=table.name,
                hint="mend the function in your plugin file; nothing of this batch was sent",
            ) from err
    return current.text if isinstance(current, ExactRow) else None


def _exact(row: Any) -> ExactRow:  # noqa: ANN401 - what a user's function returned
    return ExactRow(_encode(dict(row)))


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
