"""What of a stored state cannot be true: a place in the future hides every row that comes until then.

An earlier version took such places from a wrong clock, a proxy or a file. How long ago nobody knows, so the
table is read again from its beginning; a place that is not in the future is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite
from typing import overload

from supasync_core.model import timestamps
from supasync_core.model.backfill_state import Backfill
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.state import ASLEEP, Deletes, KeysetState, Late, State, TableState
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Instant, Time

_LONGEST = timestamps.micros_of(ASLEEP)


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
        late = known.late
        if late and any(_places(table, late.back or {}, late.backfill, latest)):
            known = replace(known, late=replace(late, back={}, backfill=None))
        timed = _timed(known, latest)
        if timed != state.table(table.name):
            state = state.with_table(table.name, timed)
    seen = state.schema_seen_at if _past(state.schema_seen_at, latest) else None
    steps_at = {name: at for name, at in state.steps_at.items() if _past(at, latest)}
    last, writing = _bounded(state.last_success, latest), state.writing
    writing = writing and replace(writing, seen=_bounded(writing.seen, latest))
    state = replace(state, last_success=last, schema_seen_at=seen, writing=writing, steps_at=steps_at)
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
    """The state whose own times are not later than the present: what waits for them would wait for years.

    What was done at such a time is due; what began then, begins once more.
    """
    return replace(
        known,
        keysets=_all_moved(known.keysets, latest),
        read_at=_bounded(known.read_at, latest),
        deletes=_deletes(known.deletes, latest),
        comparison=known.comparison and _comparison(known.comparison, latest),
        guarded=replace(known.guarded, last_seen_rows_at=_bounded(known.guarded.last_seen_rows_at, latest)),
        late=known.late and _late(known.late, latest),
    )


def _late(late: Late, latest: Instant) -> Late:
    back = None if late.back is None else _all_moved(late.back, latest)
    return replace(late, until=_bounded(late.until, latest + _LONGEST), back=back)


def _comparison(known: Comparison, latest: Instant) -> Comparison:
    """Ranges, and a walk, that go by a time in the future are forgotten."""
    loaded = _bounded(known.loaded_at, latest)
    times = (known.walked_at, known.until, known.began_at, known.horizon)
    whole = all(_past(at, latest) for at in times)
    return replace(known, loaded_at=loaded) if whole else Comparison(loaded_at=loaded)


def _all_moved(keysets: Mapping[str, KeysetState], latest: Instant) -> dict[str, KeysetState]:
    return {name: _moved(keyset, latest) for name, keyset in keysets.items()}


def _moved(keyset: KeysetState, latest: Instant) -> KeysetState:
    """For as long as the read had gone on, it had."""
    if keyset.moved_at is None or _past(keyset.moved_at, latest):
        return replace(keyset, began_at=_bounded(keyset.began_at, latest))
    over = timestamps.parse(keyset.moved_at) - latest
    began = None if keyset.began_at is None else timestamps.to_text(timestamps.parse(keyset.began_at) - over)
    return replace(keyset, moved_at=timestamps.to_text(latest), began_at=began)


def _deletes(deletes: Deletes, latest: Instant) -> Deletes:
    """All marks are followed once more where the last one lay in the future."""
    if not _past(deletes.checked_at, latest):
        deletes = replace(deletes, checked_at=None)
    if deletes.until and (timestamps.parse_or_none(deletes.until) or -inf) > latest:
        return replace(deletes, until=None, moved_at=None, settled=False)
    return replace(deletes, moved_at=_bounded(deletes.moved_at, latest))


@overload
def _bounded(at: Time, latest: Instant) -> Time: ...
@overload
def _bounded(at: Time | None, latest: Instant) -> Time | None: ...
def _bounded(at: Time | None, latest: Instant) -> Time | None:
    return at if _past(at, latest) else timestamps.to_text(latest)


def _past(at: Time | None, latest: Instant) -> bool:
    return at is None or timestamps.parse(at) <= latest
