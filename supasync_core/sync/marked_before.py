"""Rows that the source had marked as deleted before its table was first read: no run has copied those.

A row of the sink with such a key was made in the sink, unless it bears a mark itself, which says that it was
copied by other means, as from a dump.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf

from supasync_core.api.backend import Source
from supasync_core.api.timed_reader import MARGIN
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Key
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.sync import made_rows
from supasync_core.sync.checkpoint import Checkpoint


def copied(checkpoint: Checkpoint, source: Source, table: Table, keys: Sequence[Key]) -> list[Key]:
    """Those of the rows that the sink may have from the source; ``source`` tells its marked rows too.

    What an earlier run left in the sink is not judged again.
    """
    before, mark = checkpoint.lease.state.table(table.name), table.soft_delete
    if mark is None or not keys:
        return list(keys)
    held = set(before.deletes.held)
    if made_rows.is_untouched(before) or before.backfill is not None:
        begun = _begun(checkpoint, checkpoint.known(table)) - timestamps.micros_of(table.overlap)
        marks = _marks(source.rows(table.raw().narrowed((*table.key, mark)), table.key, keys), table, mark)
        held |= {key for key in keys if key in marks and timestamps.ended(marks[key]) < begun}
    if not held.intersection(keys):
        return list(keys)
    sink = checkpoint.migration.sink
    narrow = table.whole().narrowed((*table.key, mark))
    hidden = mark in table.exclude or bool(table.columns and mark not in table.columns)
    also = {} if hidden else _marks(sink.rows(narrow, table.key, [*held]), table, mark)
    return [key for key in keys if key not in held or key in also]


def removed(source: Source, table: Table, taken: Mapping[Key, str]) -> set[Key]:
    """Those of the rows that were ``taken`` at an ISO time for the mark that they still have.

    What the sink holds under such a key came later, from elsewhere.
    """
    mark = table.soft_delete
    if mark is None or not taken:
        return set()
    marks = _marks(source.rows(table.raw().narrowed((*table.key, mark)), table.key, [*taken]), table, mark)
    return {
        key
        for key, at in marks.items()
        if key in taken and (timestamps.parse_or_none(at) or -inf) <= timestamps.parse(taken[key]) + MARGIN
    }


def _begun(checkpoint: Checkpoint, now: TableState) -> timestamps.Instant:
    """When the first read of the table began, in whichever run that was."""
    known = [each.began_at for each in now.keysets.values() if each.began_at]
    return min(map(timestamps.parse, [*known, checkpoint.run.now]))


def _marks(batches: Iterable[Batch], table: Table, mark: str) -> dict[Key, str]:
    return {
        key: row[mark]
        for batch in batches
        for key, row in zip(table.keys(batch), batch.rows, strict=True)
        if isinstance(row.get(mark), str)
    }
