"""Rows are written; those that the sink refuses are found, and tried again while others make way for them."""

from dataclasses import dataclass

from supasync_core.api.backend import Sink
from supasync_core.model.batch import Batch
from supasync_core.model.errors import RowError
from supasync_core.model.table import Table

MOST = 100
"""Rows of one table that may be refused before the table is given up: then its schema is the reason."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that the sink does not take, and why."""

    row: Batch
    error: RowError

    def key(self, table: Table) -> tuple[str, ...]:
        """The row's key."""
        return table.key_of(self.row.rows[0])

    def reason(self, table: Table) -> str:
        """What the sink said, without the table's name."""
        return self.error.message.removeprefix(f"{table.name}: ")


def send(sink: Sink, table: Table, batch: Batch) -> tuple[int, list[Refused]]:
    """Write the batch without the rows that are refused; how many were written, and the refused ones.

    RowError where more than ``MOST`` are.
    """
    if not batch.count:
        return 0, []
    try:
        return sink.upsert(table, batch), []
    except RowError as err:
        if batch.count == 1:
            return 0, [Refused(batch, err)]
    middle = batch.count // 2
    written = 0
    refused: list[Refused] = []
    for half in (range(middle), range(middle, batch.count)):
        count, more = send(sink, table, batch.only(half))
        written, refused = written + count, refused + more
        if len(refused) > MOST:
            raise refused[-1].error
    return written, refused


def send_again(sink: Sink, table: Table, refused: list[Refused]) -> tuple[int, list[Refused]]:
    """Try refused rows one by one as long as any of them is taken: they may have waited for each other."""
    written = 0
    while True:
        left = [each for row in refused for each in send(sink, table, row.row)[1]]
        written += len(refused) - len(left)
        if len(left) == len(refused) or not left:
            return written, left
        refused = left
