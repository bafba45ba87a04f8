"""Which rows of a page are those of a keyset, and the instants of their timestamps."""

from typing import Any

from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Keyset, Row
from supasync_core.model.page_order import instant_of
from supasync_core.model.table import Table


def leading(batch: Batch, keyset: Keyset) -> Batch:
    """The rows before the first one of another keyset."""
    kept = next((i for i, row in enumerate(batch.rows) if not _holds(keyset, row)), batch.count)
    return batch if kept == batch.count else batch.only(range(kept))


def rows_of(table: Table, batch: Batch, keyset: Keyset) -> list[Row]:
    """The rows of that keyset in its order, from a page in which rows of one timestamp are ordered by key."""
    rows = [row for row in batch.rows if _holds(keyset, row)]
    column = keyset.column
    return rows if column is None else sorted(rows, key=lambda row: instant(table, column, row[column]))


def instant(table: Table, column: str, text: Any) -> timestamps.Instant:  # noqa: ANN401 - as it was decoded
    """The instant of a timestamp; SchemaError where it is none."""
    return instant_of(table, column, text)


def _holds(keyset: Keyset, row: Row) -> bool:
    return all(row[name] is None for name in keyset.nulls) and (
        keyset.column is None or row[keyset.column] is not None
    )
