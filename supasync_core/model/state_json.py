"""The state as it is stored: the values of `TableState` flat, under the names that they had first."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from supasync_core.model.errors import StateError
from supasync_core.model.state import State

FORMAT = 2
"""Of what is written; all up to it are read. A field that an earlier version does not know needs another one:
that version would lose it, and calls the state damaged where the number is its own.
"""

Stored = Mapping[str, Any]

_TABLE = {"future_rows": "ahead"}
_EXTENT = {"fingerprint": "version"}
_WALK = {"fingerprint": "version", "next_fingerprint": "told"}
_DELETES = {
    "checked_at": "verified_at",
    "rows": "deletions",
    "keys": "deleted",
    "until": "deleted_until",
    "moved_at": "deleted_moved_at",
    "settled": "deleted_settled",
    "held": "deleted_held",
}
_GUARDED = {
    "settings": "settings",
    "columns": "columns",
    "last_seen_rows_at": "alive_at",
    "counted": "counted",
    "absent_since": "absent_since",
    "transformed": "transformed",
}
"""Field names, and the names under which they are stored. What is not listed is stored under its own name."""

_FORMER = ("updates_seen",)
"""What earlier versions kept of a table and nothing asks for any more."""


def to_json(state: State) -> dict[str, Any]:
    """The state as it is stored."""
    stored = msgspec.to_builtins(state)
    stored["tables"] = {name: _flat(table) for name, table in stored["tables"].items()}
    return {"format": FORMAT, **stored}


def from_json(stored: Stored) -> State:
    """The stored state; StateError where it is damaged or of a newer format.

    What an earlier version did not store yet has its default.
    """
    number = stored.get("format") if isinstance(stored, Mapping) else None
    if isinstance(number, int) and number > FORMAT:
        raise StateError(
            f"the state was written by a newer supasync (format {number}, this one reads {FORMAT})",
            hint="upgrade supasync on this machine",
        )
    try:
        tables = {name: _nested(table) for name, table in stored["tables"].items()}
        state = msgspec.convert({**stored, "tables": tables}, State)
        _refuse_unknown(tables, asdict(state)["tables"])
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as err:
        raise damaged(f"{type(err).__name__}: {err}") from err
    # 0.1.0 noted no writing run, so it took pages for unchanged behind which NEW had changed.
    return state if "writing" in stored else state.unsure(state.tables)


def damaged(why: str) -> StateError:
    """The error where something that is stored cannot be."""
    return StateError(
        f"the stored state is damaged ({why})",
        hint="restore the newest row of sync_metadata from a backup",
    )


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


def _nested(stored: Stored) -> dict[str, Any]:
    """A table's fields as `TableState` has them, of those that are stored."""
    rest = {name: value for name, value in stored.items() if name not in _FORMER}
    for part, names in (("guarded", _GUARDED), ("deletes", _DELETES)):
        rest[part] = _restored({old: rest.pop(old) for old in names.values() if old in rest}, names)
    for part, names in (("extent", _EXTENT), ("comparison", _WALK)):
        rest[part] = _restored(rest[part], names) if rest.get(part) else None
    return _restored(rest, _TABLE)


def _refuse_unknown(stored: Any, kept: Any) -> None:  # noqa: ANN401 - JSON
    """TypeError where something that is stored has no place in the state: it would be lost."""
    if isinstance(stored, dict):
        for name, value in stored.items():
            if name not in kept:
                raise TypeError(f"unknown field {name}")
            _refuse_unknown(value, kept[name])
    elif isinstance(stored, list | tuple):
        for value, other in zip(stored, kept, strict=True):
            _refuse_unknown(value, other)
