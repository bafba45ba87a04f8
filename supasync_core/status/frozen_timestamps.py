"""A timestamp whose name speaks of updates, and that nothing moves: a look at a page of the table's rows."""

from dataclasses import replace
from typing import Final

from supasync_core.api.blind_spots import UPDATES
from supasync_core.init import timestamp_sample
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration

_SAMPLE: Final = 200
"""The first rows by key: where the key counts up, those that had the most time to be updated."""


def standing_still(migration: Migration, table: Table) -> str | None:
    """Why nothing seems to move the timestamp that runs read by; None where its rows do not show that.

    Nothing is asked where ``updates:`` says what it does, and where no timestamp is read by.
    """
    first = migration.strategy(table).keysets(table)[0].column
    if first not in table.timestamp or table.updates is not None or UPDATES in migration.unseen(table):
        return None
    shape = migration.source.shape(table)
    stamps = [
        column.name
        for column in timestamp_sample.timestamp_columns(shape)
        if column.type and _is_copied(table, column.name)
    ]
    if first not in stamps:
        return None
    columns = tuple(dict.fromkeys((*table.key, *stamps)))
    narrow = replace(table, columns=columns, exclude=(), transform=(), timestamp=(first,))
    page = migration.source.read(narrow, Window((Span(Keyset(None)),), _SAMPLE))
    return timestamp_sample.standstill(shape, first, page.rows)


def _is_copied(table: Table, column: str) -> bool:
    return column not in table.exclude and (not table.columns or column in table.columns)
