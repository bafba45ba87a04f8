"""What a refusal tells of the rows of a batch: which of them it means, by the texts of their cells."""

from collections.abc import Sequence

from supasync_core.model.batch import Batch, Key, Row
from supasync_core.model.errors import RowError
from supasync_core.model.table import Table


def texts_of(row: Row, columns: Sequence[str]) -> Key:
    """The row's values of the columns as texts; empty where one is NULL, for then nothing is referred to."""
    values = [row.get(column) for column in columns]
    texts = (str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    return () if None in values else tuple(texts)


def printed(values: Sequence[str]) -> str:
    """The values as PostgreSQL prints them behind ``Key (a, b)=``."""
    return f"({', '.join(values)})"


def matching(batch: Batch, err: RowError) -> list[int]:
    """The places of the rows that the sink named; none where its words do not tell them apart."""
    if batch.count == 1:
        return [0]
    return [i for i, row in enumerate(batch.rows) if printed(texts_of(row, err.columns)) == err.value]


def reason_of(table: Table, err: RowError) -> str:
    """What the sink said and what to do about it, without the table's name."""
    return ": ".join(filter(None, (err.message.removeprefix(f"{table.name}: "), err.hint)))
