"""Rows are in the sink when the sink says so of every single one of them."""

from supasync_core.api.backend import Sink
from supasync_core.model.batch import Batch
from supasync_core.model.printable import command
from supasync_core.model.table import Table


def upsert(sink: Sink, table: Table, batch: Batch) -> int:
    """Write the batch, and believe that only where the sink confirms all of its rows; their number.

    Whatever writes rows to a sink does it here.
    """
    written = sink.upsert(table, batch)
    if written != batch.count:
        raise table.schema_error(
            f"NEW confirmed {written} of {batch.count} rows that were sent",
            hint="a trigger or rule of the table in NEW leaves rows out, or its backend has a defect: "
            f"correct that, then: {command('sync', '--full', table.name)}",
        )
    return written
