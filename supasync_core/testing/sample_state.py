"""A state in which nothing has its default: what a store loses of it shows."""

from dataclasses import replace

from supasync_core.model.backfill_state import Backfill, KeyRange
from supasync_core.model.batch import Cursor
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.state import (
    Again,
    Deletes,
    Extent,
    Guarded,
    KeysetState,
    Late,
    Quarantined,
    State,
    TableState,
    Writing,
)

_NOON = "2024-05-01T12:00:00Z"
_LATER = "2024-05-01T12:01:00Z"
_KEYSETS = {
    "updated_at": KeysetState(
        Cursor("2024-05-01T12:00:00.1+00:00", ("7",)), _LATER, settled=True, began_at=_NOON
    ),
    "id": KeysetState(Cursor("9007199254740993", ("9007199254740993",)), floor="17", digests=("ab", "c")),
    "*": KeysetState(Cursor(None, ("ä", '"'))),
}
_OWN = {"seen": [1, "ä"], "mark": {"at": 1.5}}
_BACKFILL = Backfill(
    ("9", "ä"), _NOON, {"updated_at": _LATER}, rows=7, total=9, ranges=(KeyRange(("3", "b"), ("5", '"')),)
)
_COMPARISON = Comparison(
    loaded_at=_NOON,
    walked_at=_NOON,
    rows=7,
    ranges=((("3",), "ab", 3),),
    until=_NOON,
    fingerprint="f",
    began_at=_LATER,
    behind=("5",),
    met=5,
    passed=((("5",), "cd", 2),),
    horizon=_LATER,
    found=(("4",),),
    more=1,
    next_fingerprint="g",
)
SAMPLE = State(
    source="somewhere",
    tables={
        "events": TableState(
            keysets=_KEYSETS,
            read_at=_LATER,
            future_rows=2,
            extent=Extent(7, {"updated_at": _NOON, "created_at": None}, "f"),
            late=Late(_NOON, _LATER, back=_KEYSETS, backfill=_BACKFILL, own=_OWN),
            guarded=Guarded({"key": '["id"]'}, ("id", "label"), _NOON, "2", _LATER, ("id",)),
            deletes=Deletes(_NOON, 2, (("8",), ("9",)), _NOON, _LATER, settled=True, held=(("10",),)),
            backfill=_BACKFILL,
            comparison=_COMPARISON,
            own=_OWN,
        )
    },
    last_success="2024-05-01T12:02:00Z",
    quarantine={
        "events": (Quarantined(("6",), 'no "é"', "23505", _NOON, True, ("label",), (("1",),)),)  # noqa: FBT003
    },
    schema_seen_at=_NOON,
    writing=Writing("one", _NOON, _LATER),
    again={"events": Again(_NOON, "why", ("3",), 1, 2, more=True)},
    steps_at={"auth": _NOON},
)
"""All but ``closed``, which forbids every run."""
LARGE = replace(
    SAMPLE, quarantine={"events": tuple(Quarantined((str(n),), "x" * 100, None, _NOON) for n in range(3000))}
)
"""Some hundred thousand characters."""
