"""The state as it is stored: the values of `TableState` flat, under the names that they had first."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from supasync_core.model.batch import Cursor
from supasync_core.model.comparison_state import Comparison
from supasync_core.model.errors import StateError
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

FORMAT = 1

Stored = Mapping[str, Any]

_TABLE = {"future_rows": "ahead"}
_EXTENT = {"fingerprint": "version"}
_WALK = {"fingerprint": "version", "next_fingerprint": "told"}
_DELETES = {"checked_at": "verified_at", "rows": "deletions", "keys": "deleted"}
_GUARDED = {
    "settings": "settings",
    "columns": "columns",
    "last_seen_rows_at": "alive_at",
    "counted": "counted",
}
"""Field names, and the names under which they are stored. What is not listed is stored under its own name."""

_FORMER = ("updates_seen",)
"""What earlier versions kept of a table and nothing asks for any more."""


def to_json(state: State) -> dict[str, Any]:
    """The state as it is stored."""
    stored = asdict(state)
    stored["tables"] = {name: _flat(table) for name, table in stored["tables"].items()}
    return {"format": FORMAT, **stored}


def from_json(stored: Stored) -> State:
    """The stored state; StateError where it is damaged or of a newer format.

    What an earlier version did not store yet has its default.
    """
    number = stored.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise StateError(
            f"the state was written by a newer supasync (format {number}, this one reads {FORMAT})",
            hint="upgrade supasync on this machine",
        )
    try:
        state = State(
            source=stored["source"],
            tables={name: _table(table) for name, table in stored["tables"].items()},
            last_success=stored["last_success"],
            closed=stored["closed"],
            schema_seen_at=stored.get("schema_seen_at"),
            writing=Writing(**stored["writing"]) if stored.get("writing") else None,
            again={
                name: Again(**{**again, "behind": tuple(again["behind"])})
                for name, again in stored.get("again", {}).items()
            },
            quarantine={name: tuple(map(_quarantined, rows)) for name, rows in stored["quarantine"].items()},
        )
        msgspec.convert(asdict(state), State)  # whatever is not of its type
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as err:
        raise StateError(
            f"the stored state is damaged ({type(err).__name__}: {err})",
            hint="restore the newest row of sync_metadata from a backup",
        ) from err
    # 0.1.0 noted no writing run, so it took pages for unchanged behind which NEW had changed.
    return state if "writing" in stored else state.unsure(state.tables)


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    """A table's fields under the names that are stored, those of its parts beside its own."""
    extent, walk = table["extent"], table["comparison"]
    return {
        **_renamed(table.pop("guarded"), _GUARDED),
        **_renamed(table.pop("deletes"), _DELETES),
        **_renamed(table, _TABLE),
        "extent": extent and _renamed(extent, _EXTENT),
        "comparison": walk and _renamed(walk, _WALK),
    }


def _renamed(values: Stored, names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}


def _restored(stored: Stored, names: Mapping[str, str]) -> dict[str, Any]:
    return _renamed(stored, {old: name for name, old in names.items()})


def _table(stored: Stored) -> TableState:
    rest = {name: value for name, value in stored.items() if name not in _FORMER}
    guarded, deletes = (
        _restored({old: rest.pop(old) for old in names.values() if old in rest}, names)
        for names in (_GUARDED, _DELETES)
    )
    guarded["columns"] = tuple(guarded["columns"])
    deletes["keys"] = tuple(map(tuple, deletes.get("keys", ())))
    parts = {
        "keysets": {name: _keyset(keyset) for name, keyset in rest["keysets"].items()},
        "extent": Extent(**_restored(rest["extent"], _EXTENT)) if rest.get("extent") else None,
        "late": _late(rest["late"]) if rest.get("late") else None,
        "comparison": _walk(rest["comparison"]) if rest.get("comparison") else None,
    }
    known = {**_restored(rest, _TABLE), **parts}
    return TableState(**known, guarded=Guarded(**guarded), deletes=Deletes(**deletes))


def _walk(stored: Stored) -> Comparison:
    ranges = {
        name: tuple((tuple(key), *rest) for key, *rest in stored[name]) for name in ("ranges", "passed")
    }
    keys = {"behind": tuple(stored["behind"]), "found": tuple(map(tuple, stored["found"]))}
    return Comparison(**{**_restored(stored, _WALK), **ranges, **keys})


def _late(stored: Stored) -> Late:
    back = stored.get("back")
    return Late(**{**stored, "back": back and {name: _keyset(keyset) for name, keyset in back.items()}})


def _keyset(stored: Stored) -> KeysetState:
    cursor = stored["cursor"] and Cursor(stored["cursor"]["value"], tuple(stored["cursor"]["key"]))
    return KeysetState(**{**stored, "cursor": cursor, "digests": tuple(stored["digests"])})


def _quarantined(stored: Stored) -> Quarantined:
    lists = {name: tuple(stored.get(name, ())) for name in ("key", "columns")}
    blockers = tuple(map(tuple, stored.get("blockers", ())))
    return Quarantined(**{**stored, **lists, "blockers": blockers})
