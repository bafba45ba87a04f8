"""The exact text of each cell of a batch by column, found by msgspec and not decoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch

_NULL = b"null"


@dataclass(frozen=True, slots=True)
class RawColumns:
    """The bytes of the cells of each column, in the order of the rows, ``null`` where a row lacks the column.

    Columns come in the order in which rows name them first. ``strict``: each cell is JSON as RFC 8259 has it,
    in UTF-8, without half of a surrogate pair.
    """

    texts: Mapping[str, Sequence[Any]]
    strict: bool


def raw_columns(batch: Batch) -> RawColumns:
    """The batch by column; ValueError where the body is not JSON."""
    try:
        return RawColumns(_of_alike_rows(batch.body, batch.columns), strict=True)
    except (ValueError, TypeError, RecursionError):  # also a name that msgspec cannot look for
        return RawColumns(_of_any_rows(batch), strict=False)


def _of_alike_rows(body: bytes, names: tuple[str, ...]) -> Mapping[str, Sequence[Any]]:
    """The cells of rows that have no column but these; ValueError for others."""
    body.decode()  # msgspec does not look into the texts that it passes over
    rows = raw_json.decoder(names, _NULL, alone=True).decode(body)
    return {name: list(map(attrgetter(f"c{i}"), rows)) for i, name in enumerate(names)}


def _of_any_rows(batch: Batch) -> Mapping[str, Sequence[Any]]:
    texts = batch.rows.texts
    rows = [raw_json.raw_cells(texts.bytes_at(index)) for index in range(len(texts))]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name, _NULL) for row in rows] for name in names}
