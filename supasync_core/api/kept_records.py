"""Records of runs as they are read: NEW's table may be written by others, or be damaged.

Nothing in a record decides what is copied. What cannot be a time, a count or a table is left out where it is
read, so that no command ends over it, and no cost that is below nothing pays for another.
"""

from collections.abc import Mapping
from typing import Any, Final

from supasync_core.api.state_store import Record, Spending
from supasync_core.model import timestamps
from supasync_core.model.cost import as_count

_EARLIEST: Final = "1970-01-01T00:00:00Z"
_LATEST: Final = timestamps.parse("9998-01-01T00:00:00Z")
_BY_NAME: Final = ("tables", "steps")


def record_from_json(entry: Mapping[str, Any]) -> Record:
    """One record from the columns of ``sync_metadata``; one of no known time is as old as can be."""
    return Record(
        id=entry["run_id"],
        created_at=_time(entry["created_at"]) or _EARLIEST,
        status=entry["sync_status"],
        command=entry["command"],
        holder=entry["holder"],
        finished_at=_time(entry["finished_at"]),
        horizon=_time(entry["last_sync_timestamp"]),
        records=as_count(entry["records_synced"]),
        error=entry["error_message"],
        requests=as_count(entry["requests"]),
        bytes=as_count(entry["bytes"]),
        details=_details(entry["details"]),
    )


def spending(created_at: str, costs: object, sizes: object) -> Spending:
    """The cost in one record; empty if an older version wrote it, or if it holds something else."""
    return Spending(
        _time(created_at) or _EARLIEST,
        costs if isinstance(costs, dict) else {},
        {name: size for name, size in sizes.items() if type(size) is int and as_count(size) == size}
        if isinstance(sizes, dict)
        else {},
    )


def _time(text: object) -> str | None:
    """The text, where it is a time of the years that people and charts can name."""
    instant = timestamps.parse_or_none(text)
    early = timestamps.parse(_EARLIEST)
    return str(text) if instant is not None and early <= instant < _LATEST else None


def _details(found: object) -> dict[str, Any]:
    if not isinstance(found, dict):
        return {}
    details = {name: _finite(value) for name, value in found.items()}
    for name in _BY_NAME:
        if name in details:
            details[name] = _objects(details[name])
    return details


def _objects(found: object) -> dict[str, Any]:
    return (
        {name: each for name, each in found.items() if isinstance(each, dict)}
        if isinstance(found, dict)
        else {}
    )


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value with 0 for each number that no count and no duration is."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    if isinstance(value, int | float):
        return value if -(2**63) < value < 2**63 else 0
    return value
