"""A refused batch is sent in other parts, until each of its rows was accepted or is known to be refused."""

from collections.abc import Callable, Sequence

from supasync_core.model.batch import Batch
from supasync_core.model.errors import RowError


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
