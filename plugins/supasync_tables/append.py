"""`append`: rows by a whole number that only grows, for logs without a usable timestamp.

It is the key, or a column that is named: ``strategy: {append: {column: row_version}}``. A number is drawn
when a row is written and seen when its transaction commits, so a smaller one may appear after a larger one.
Every run therefore reads again from the *floor*: a number up to which everything was read by a run that began
at least the overlap after that number was seen. It rises in this way alone, whether a run comes to its end or
is stopped, and never over a leap: see `supasync_tables.leaps`. Updates are seen where each of them draws a
new number, which a key does not.
"""

from collections.abc import Iterator
from dataclasses import replace

from supasync_core.api.blind_spots import DELETES, UPDATES, is_update_name
from supasync_core.api.completeness import holds_everything, shortfall
from supasync_core.api.pages import pages
from supasync_core.api.strategy import Job, Piece
from supasync_core.api.timed_reader import MARGIN, TimedReader
from supasync_core.model import timestamps
from supasync_core.model.batch import Cursor, Keyset, Span, Window
from supasync_core.model.pg_types import INTEGERS, bare
from supasync_core.model.state import KeysetState, TableState
from supasync_core.model.state_json import damaged
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted, where_not_null
from supasync_tables.leaps import OVERLAP_KEYS, Reach


class Append:
    """New rows by their growing number; an update is seen if it draws another one.

    ``column`` holds the numbers, the table's key without it.
    """

    column: str | None = None

    def __init__(self, column: str | None = None) -> None:
        self.column = column

    def problems(self, table: Table) -> list[str]:
        if self.column is not None:
            return []
        found = [] if len(table.key) == 1 else ["append needs a key of exactly one whole-number column"]
        claims = table.updates == "seen"
        return [*found, "append reads new keys alone: it cannot keep updates: seen"] if claims else found

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        column = shape.column(self._column(table))
        if column is None or column.type is None or bare(column.type) in (*INTEGERS, "numeric"):
            return []
        what = "a key" if self.column is None else "a column"
        return [f"append needs {what} of whole numbers, and {column.name} is {column.type}"]

    def unseen(self, table: Table) -> tuple[str, ...]:
        """A key never changes; of another column the name tells, unless ``updates`` does."""
        name = self.column or ""
        moves = table.updates == "seen" if table.updates else is_update_name(name)
        return (DELETES,) if self.column and name not in table.key and moves else (DELETES, UPDATES)

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        return (Keyset(self._column(table)),)

    def baseline(self, table: Table, timestamp: str) -> TableState:
        """From the beginning: rows that are already there are written again, unchanged."""
        return TableState()

    def pending(self, job: Job) -> Window:
        return Window((_lower(job, self._column(job.table)),), job.table.page_size, counted=True)

    def read(self, job: Job) -> Iterator[Piece]:
        self._refuse_null(job)
        window, column = self.pending(job), self._column(job.table)
        reader, reach = TimedReader(job), Reach(job, column, int(window.spans[0].beyond or 0))
        first = reader.read(job.table, window)
        reach.take(first)
        total = first.total
        if holds_everything(first):
            yield Piece(first if first.count else None, _done(reader, reach), total, note=reach.note)
            return
        if first.count:
            yield Piece(first, _stopped(reader, reach), total)
        del first
        for batch in pages(reader, job.table, reach.rest(window.spans[0])):
            reach.take(batch)
            yield Piece(batch, _stopped(reader, reach), total)
            del batch
        missing = shortfall(job, total, reach.rows, window.spans, reach.rows)
        state = job.state if missing else _done(reader, reach)  # of no page is known that it was complete
        yield Piece(None, state, reach.rows + missing, note=reach.note)

    def _column(self, table: Table) -> str:
        return self.column or table.key[0]

    def _refuse_null(self, job: Job) -> None:
        """SchemaError for rows without a number, which no run would read; a key is never NULL."""
        if self.column is None or self.column in job.table.key:
            return
        nameless = Window((Span(Keyset(None, nulls=(self.column,))),), limit=1)
        if rows := job.source.count(job.table, nameless):
            shown = counted(rows, "row has", "rows have")
            raise job.table.schema_error(
                f"{shown} no {self.column}, and would never be read",
                hint=f"fill the column in OLD, or leave such rows out with {where_not_null(self.column)}",
            )


def _lower(job: Job, column: str) -> Span:
    keyset = Keyset(column)
    known = job.state.keyset(keyset.name)
    reached = known.cursor.value if known.cursor else None
    try:
        if known.settled:
            beyond = reached
        else:
            beyond = min(filter(None, (known.floor, reached)), key=int) if known.floor else None
        return Span(keyset, beyond=beyond and str(int(beyond)))
    except ValueError as err:
        raise damaged(f"{job.table.name} was read up to {keyset.column}: {err}") from err


def _done(reader: TimedReader, reach: Reach) -> TableState:
    job, horizon, column, last = reader.job, reader.horizon, reach.column, reach.place
    known = job.state.keyset(column)
    state = replace(job.state, read_at=horizon.text, extent=job.extent)
    if last is None or last == known.cursor:
        settled = known.settled or _waited(reader, known)
        return state.with_keyset(column, replace(known, settled=settled))
    if known.cursor is None or not horizon.trusted:
        # by another column than the key no comparison need come, as updates are seen: all is read again
        floor = _behind(last) if column in job.table.key else None
        reached = KeysetState(last, moved_at=reader.latest_at, floor=floor)
        return state.with_keyset(column, reached)
    return state.with_keyset(column, _risen(reader, known, last))


def _stopped(reader: TimedReader, reach: Reach) -> TableState:
    """The state in the middle of a table: the floor obeys the same rule as at its end."""
    job, column, last = reader.job, reach.column, reach.place
    known = job.state.keyset(column)
    if last is None:
        return job.state
    if known.cursor is None:
        floor = max(filter(None, (_behind(last), known.floor)), key=int)
        return job.state.with_keyset(column, replace(known, floor=floor))
    return job.state.with_keyset(column, _risen(reader, known, last))


def _risen(reader: TimedReader, known: KeysetState, last: Cursor) -> KeysetState:
    """The floor rises to where this run has read, at most to the cursor, once that is old enough.

    Behind a cursor that is not, late keys may still appear: then all stays as it is.
    """
    if known.cursor is None or not (known.settled or _waited(reader, known)):
        return known
    if int(last.value or 0) <= int(known.cursor.value or 0):
        return replace(known, floor=last.value)
    return KeysetState(last, moved_at=reader.latest_at, floor=known.cursor.value)


def _waited(reader: TimedReader, known: KeysetState) -> bool:
    if known.moved_at is None or not reader.horizon.trusted:
        return False
    waited = reader.horizon.at - timestamps.parse(known.moved_at) - MARGIN
    return waited >= timestamps.micros_of(reader.job.table.overlap)


def _behind(place: Cursor) -> str:
    return str(int(place.value or 0) - OVERLAP_KEYS)
