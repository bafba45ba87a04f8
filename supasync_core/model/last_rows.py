"""A batch for one statement: a page that is read in two orders may hold a row twice."""

from contextlib import suppress

from supasync_core.model.batch import Batch
from supasync_core.model.table import Table


def last_of_each_key(table: Table, batch: Batch) -> Batch:
    """The last row of each key, its text unchanged; the batch itself where no key comes twice.

    PostgreSQL refuses to merge two rows of one statement into the same row (21000; measured).
    """
    with suppress(ValueError):  # what cannot be a key is an error below
        if len(set(keys := batch.keys(table.key))) == len(keys):
            return batch
    last = {table.key_of(row): index for index, row in enumerate(batch.rows)}
    return batch if len(last) == batch.count else batch.only(sorted(last.values()))
