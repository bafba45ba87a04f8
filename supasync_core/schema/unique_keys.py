"""Unique keys as the sink's catalog has them: by them rows are told apart, and merged."""

from collections.abc import Mapping, Sequence
from typing import Final

from supasync_core.api.backend import Indexed, Sink, Unique
from supasync_core.model.errors import SupasyncError
from supasync_core.model.printable import sql_name
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


def can_merge(table: Table, keys: Keys) -> bool:
    """Whether the sink can merge rows by the table's key: one of its keys has just these columns."""
    found = keys.get(table.address, ())
    return any(set(key.columns) == set(table.key) for key in found)


def how_to_add(table: Table) -> str:
    """What to run in the sink so that it can."""
    columns = ", ".join(map(sql_name, table.key))
    place = f"{sql_name(table.schema)}.{sql_name(table.relation)}"
    return f"name another key, or run in NEW: alter table {place} add unique ({columns});"
