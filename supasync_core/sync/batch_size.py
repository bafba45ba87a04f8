"""How much the sink is given at once: fewer rows where those are too many, other parts where it refuses."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from supasync_core.model.batch import Batch
from supasync_core.model.errors import BatchTooLargeError, RowError

HALVINGS = 7
"""How often in a row something that may pass by itself, as a slow server, is met with half as much.

Of four pages that were sent as one, a thirtieth of a page is left then.
"""


@dataclass
class AdaptiveBatchSize:
    """The rows of each table that the sink took at once, where it could not take a whole batch."""

    rows: dict[str, int] = field(default_factory=dict)
    halved: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def next_slice(self, table: str, batch: Batch, at: int) -> Batch:
        """The next rows to be sent, from this place on."""
        most = self.rows.get(table, batch.count)
        if at == 0 and most >= batch.count:
            return batch
        return batch.only(range(at, min(at + most, batch.count)))

    def succeeded(self, table: str) -> None:
        """Try a quarter more the next time."""
        self.halved[table] = 0
        if table in self.rows:
            self.rows[table] += self.rows[table] // 4 + 1

    def rejected(self, table: str, count: int, err: BatchTooLargeError) -> None:
        """Try half of it the next time; the error that it is where half would be of no use."""
        self.halved[table] += 1
        if count == 1 or (self.halved[table] > HALVINGS and not isinstance(err.error, RowError)):
            self.halved[table] = 0
            raise err.error from err
        self.rows[table] = min(self.rows.get(table, count), count // 2)


def send_in_parts(
    batch: Batch, write: Callable[[Batch], None], split: Callable[[Batch, RowError], Sequence[Batch]]
) -> None:
    """Write the batch; ``split`` says what is to be sent, in this order, of a part that was refused."""
    parts = [batch]
    while parts:
        part = parts.pop()
        try:
            write(part)
        except RowError as err:
            parts += reversed(split(part, err))


def halves(batch: Batch) -> list[Batch]:
    """The first and the second half of two rows or more."""
    middle = batch.count // 2
    return [batch.only(range(middle)), batch.only(range(middle, batch.count))]
