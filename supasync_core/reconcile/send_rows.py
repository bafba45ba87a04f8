"""Rows are written; those that the sink refuses are found, and tried again when others have been written."""

from dataclasses import dataclass

from supasync_core.api.backend import Sink
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import RowError
from supasync_core.model.table import Table
from supasync_core.sync import confirmed
from supasync_core.sync.batch_size import halves, send_in_parts

MOST = 100
"""Refused rows of one table after which the table is given up: then its schema is the reason."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that the sink does not accept, and why."""

    row: Batch
    error: RowError

    def key(self, table: Table) -> Key:
        """The row's key."""
        return table.key_of(self.row.rows[0])

    def reason(self, table: Table) -> str:
        """What the sink said, without the table's name."""
        return self.error.message.removeprefix(f"{table.name}: ")


def send(sink: Sink, table: Table, batch: Batch) -> tuple[int, list[Refused]]:
    """Write the batch without the rows that are refused; how many were written, and the refused ones.

    RowError where more than ``MOST`` are refused.
    """
    refused: list[Refused] = []

    def write(part: Batch) -> None:
        if part.count:
            confirmed.upsert(sink, table, part)

    def split(part: Batch, err: RowError) -> list[Batch]:
        if part.count > 1:
            return halves(part)
        refused.append(Refused(part, err))
        if len(refused) > MOST:
            raise err
        return []

    send_in_parts(batch, write, split)
    return batch.count - len(refused), refused


def send_again(sink: Sink, table: Table, refused: list[Refused]) -> tuple[int, list[Refused]]:
    """Try refused rows one by one as long as any is accepted: they may have waited for each other."""
    written = 0
    while True:
        left = [each for row in refused for each in send(sink, table, row.row)[1]]
        written += len(refused) - len(left)
        if len(left) == len(refused) or not left:
            return written, left
        refused = left
