"""Unique keys as the sink's catalog has them: by them rows are told apart, and merged."""

from collections.abc import Mapping, Sequence
from typing import Final

from supasync_core.api.backend import Indexed, Sink, Unique
from supasync_core.model.errors import SupasyncError
from supasync_core.model.table import Shape, Table

Keys = Mapping[tuple[str, str], Sequence[Unique]]

OLDER: Final = "paste what supasync schema sql prints into NEW's SQL editor"


def known_keys(sink: Sink | None, tables: Sequence[Table]) -> Keys | None:
    """The unique keys of these tables; None where the sink does not list them."""
    if not isinstance(sink, Indexed):
        return None
    try:
        return sink.uniques(tables)
    except SupasyncError:
        return None


def substitute_key(keys: Sequence[Unique], shape: Shape) -> tuple[str, ...]:
    """The shortest key of columns that are NOT NULL on both sides; empty where there is none."""
    filled = {column.name for column in shape.columns if column.nullable is False}
    fit = [key.columns for key in keys if not key.nullable and filled >= set(key.columns)]
    return min(fit, key=len, default=())
