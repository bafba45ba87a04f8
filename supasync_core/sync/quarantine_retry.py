"""Rows that were quarantined are read and tried again: so many in a run, in turns."""

from dataclasses import replace

from supasync_core.model.batch import Batch, Cursor, Key, Keyset, Span, Window, joined
from supasync_core.model.errors import RowError
from supasync_core.model.state import Again
from supasync_core.model.state_json import damaged
from supasync_core.model.table import Table
from supasync_core.sync import made_rows
from supasync_core.sync.made_rows import explain, in_the_way
from supasync_core.sync.quarantined import NOT_UNIQUE
from supasync_core.sync.writer import Writer

ALONE = 100
"""Refused rows that a run tries again, each in a request of its own."""
TOGETHER = 1000
"""Rows that wait for a parent and are tried again by a run, a page in each request."""
STRETCH = 2000
"""Rows that a run reads again by key where more wait than are listed."""
FEW = 20
"""Rows that wait and are sent at once to a sink that names one missing parent at a time: so few that each of
them is found out to have its parent or not."""


def retry(writer: Writer, table: Table, *, whole: bool = False) -> None:
    """Try rows of the table again, as many as a run may or all; those that the source deleted are dropped."""
    rows = list(writer.quarantine.rows[table.name].values())
    _check(table, [row.key for row in rows])
    alone = [row.key for row in rows if not row.waits]
    together = [row.key for row in rows if row.waits]
    _listed(writer, table, alone if whole else alone[:ALONE], 1)
    _listed(writer, table, together[:FEW], FEW)
    most = len(together) if whole else _most(writer, TOGETHER)
    _listed(writer, table, together[FEW:most], _size(writer, table))
    if table.name in writer.quarantine.again:
        if behind := writer.quarantine.again[table.name].behind:
            _check(table, [behind])
        _again(writer, table, whole=whole)


def _check(table: Table, keys: list[Key]) -> None:
    """StateError where a quarantined key has not one text for each column of the table's key."""
    found = next((key for key in keys if len(key) != len(table.key)), None)
    if found is not None:
        raise damaged(f"a key in the quarantine of {table.name} has {len(found)} texts, not {len(table.key)}")


def _most(writer: Writer, most: int) -> int:
    """How many rows that wait a run tries."""
    return min(most, ALONE) if writer.parents.blind else most


def _size(writer: Writer, table: Table) -> int:
    """How many of them go together."""
    return min(FEW, table.page_size) if writer.parents.blind else table.page_size


def _listed(writer: Writer, table: Table, keys: list[tuple[str, ...]], size: int) -> None:
    """Read the rows again and send so many at once."""
    if not keys:
        return
    with writer.lock.exclusive():
        batches = writer.read(table, table.key, keys)
        found = {key for batch in batches for key in table.keys(batch)}
        writer.quarantine.drop(table, set(keys) - found)
        if not batches:
            return
        batch = joined(batches)
        for at in range(0, batch.count, size):
            writer.deliver(table, batch.only(range(at, min(at + size, batch.count))))


def _again(writer: Writer, table: Table, *, whole: bool) -> None:
    """Read on by key and send what comes; a round in which no row was refused is the last one."""
    aside = writer.quarantine
    if whole:
        aside.again[table.name] = _new_round(aside.again[table.name])
    tried, size = 0, FEW
    while tried < _most(writer, STRETCH) or whole:
        with writer.lock.exclusive():
            aside.reading_again = table.name
            page = _page(writer, table, aside.again[table.name], size)
            batch = writer.transformed(table, page)
            if batch.count:
                writer.reread.read(table, table.keys(batch))
                writer.deliver(table, batch)
            aside.reading_again = None
        again = aside.again[table.name]
        if not page.count:
            break
        tried, size = tried + page.count, _size(writer, table)
        aside.again[table.name] = replace(again, behind=table.key_of(page.rows[-1]))
    else:
        return
    if again.refused or again.more:
        aside.again[table.name] = _new_round(again)
    else:
        del aside.again[table.name]


def _new_round(again: Again) -> Again:
    return replace(again, behind=(), refused=0, last=again.refused or again.last, more=False)


def _page(writer: Writer, table: Table, again: Again, size: int) -> Batch:
    after = Cursor(None, again.behind) if again.behind else None
    window = Window((Span(Keyset(None), after=after),), limit=size)
    return writer.migration.source.read(table, window)


def finish(writer: Writer, table: Table) -> None:
    """Try rows once more whose unique value was taken, now that all others of the table are there.

    Those of earlier runs too, a few, unless it is known that only a removal makes way for them.
    """
    rows = [row for row in writer.quarantine.rows[table.name].values() if row.sqlstate == NOT_UNIQUE]
    new = [row for row in writer.quarantine.new(table) if row in rows]
    known = [row for row in rows if row not in new and not row.blockers]
    taken = [row.key for row in (*new, *known[:FEW])]
    if not taken:
        return
    with writer.lock.exclusive():
        for batch in writer.read(table, table.key, taken):
            for index in range(batch.count):
                make_place(writer, table, batch.only([index]))


def make_place(writer: Writer, table: Table, row: Batch) -> None:
    """Send the row; where another row has its unique value, send that one first as it is now."""
    try:
        writer.computed.upsert(table, row)
    except RowError as err:
        current = _blockers(writer, table, row, err) if err.sqlstate == NOT_UNIQUE else []
        for batch in current:
            writer.deliver(table, batch)
        if current:
            writer.deliver(table, row)
        else:
            writer.quarantine_row(table, row, 0, err, waits=False)
    else:
        writer.accepted(table, row)


def _blockers(writer: Writer, table: Table, row: Batch, err: RowError) -> list[Batch]:
    """What became in the source of the row that has the unique value in the sink."""
    keys = in_the_way(writer.migration, table, row.rows[0], err.columns)
    if not keys:
        return []
    current = writer.read(table, table.key, keys)
    if not current and (gone := made_rows.lacking(writer.migration, table, keys)):
        explain(table, err, gone)
    return current
