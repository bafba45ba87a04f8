"""What of a stored state cannot be true: a place in the future hides every row that comes until then.

An earlier version took such places from a wrong clock, a proxy or a file. How long ago nobody knows, so the
table is read again from its beginning; a place that is not in the future is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite

from supasync_core.model import timestamps
from supasync_core.model.backfill_state import Backfill
from supasync_core.model.state import Deletes, KeysetState, State, TableState
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Instant


def believed(state: State, tables: Sequence[Table], latest: Instant) -> tuple[State, list[str]]:
    """The state without places later than the ``latest`` instant that it can be, and what to say of it."""
    notes: list[str] = []
    for table in tables:
        known = state.table(table.name)
        place = next(_places(table, known.keysets, known.backfill, latest), None)
        if place:
            notes.append(
                f"{table.name}: its cursor lay in the future ({place}): it is read again from its beginning"
            )
            known = replace(known, keysets={}, backfill=None, read_at=None, extent=None, future_rows=0)
        if known.late and known.late.back and any(_places(table, known.late.back, None, latest)):
            known = replace(known, late=replace(known.late, back={}, backfill=None))
        timed = _timed(known, latest)
        if timed != state.table(table.name):
            state = state.with_table(table.name, timed)
    return state, notes


def _places(
    table: Table, keysets: Mapping[str, KeysetState], backfill: Backfill | None, latest: Instant
) -> Iterator[str]:
    """The timestamps that are later than the present, and times that are none."""
    for name, keyset in keysets.items():
        value = keyset.cursor.value if keyset.cursor and name in table.timestamp else None
        if value is not None and (timestamps.parse_or_none(value) or 0) > latest:
            yield value
        yield from (
            at for at in (keyset.moved_at, keyset.began_at) if at and not isfinite(timestamps.parse(at))
        )
    if backfill:
        newest = [backfill.newest[name] for name in table.timestamp if name in backfill.newest]
        yield from (at for at in (*newest, backfill.began_at) if timestamps.parse(at) > latest)


def _timed(known: TableState, latest: Instant) -> TableState:
    """The state whose own times are not later than the present: what waits for them would wait for years."""
    keysets = {name: _moved(keyset, latest) for name, keyset in known.keysets.items()}
    read_at = known.read_at and _bounded(known.read_at, latest)
    return replace(known, keysets=keysets, read_at=read_at, deletes=_deletes(known.deletes, latest))


def _moved(keyset: KeysetState, latest: Instant) -> KeysetState:
    """For as long as the read had gone on, it had."""
    if keyset.moved_at is None or timestamps.parse(keyset.moved_at) <= latest:
        return keyset
    over = timestamps.parse(keyset.moved_at) - latest
    began = None if keyset.began_at is None else timestamps.to_text(timestamps.parse(keyset.began_at) - over)
    return replace(keyset, moved_at=timestamps.to_text(latest), began_at=began)


def _deletes(deletes: Deletes, latest: Instant) -> Deletes:
    """All marks are followed once more where the last one lay in the future."""
    if deletes.until and (timestamps.parse_or_none(deletes.until) or -inf) > latest:
        return replace(deletes, until=None, moved_at=None, settled=False)
    return replace(deletes, moved_at=deletes.moved_at and _bounded(deletes.moved_at, latest))


def _bounded(at: str, latest: Instant) -> str:
    return at if timestamps.parse(at) <= latest else timestamps.to_text(latest)
