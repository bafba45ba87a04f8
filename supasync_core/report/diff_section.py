"""What the last diff of OLD and NEW found, as the report shows it."""

from collections.abc import Mapping
from typing import Any, Final

from supasync_core.diff.causes import CAUSES, WAITING
from supasync_core.model import timestamps
from supasync_core.model.quantities import format_age

KINDS: Final = {
    "missing": "missing in NEW",
    "extra": "in NEW and not in OLD",
    "changed": "changed",
    "set_aside": "quarantined",
    "repeated": "several rows with one key",
}
"""How rows may differ, in words."""


def diff_section(
    kept: Mapping[str, Any] | None, now: timestamps.Instant, *, values: bool
) -> dict[str, Any] | None:
    """Counts, changed columns and likely causes by table; first keys with ``values`` alone."""
    if kept is None:
        return None
    ended = timestamps.parse_or_none(kept.get("ended_at"))
    alone = kept.get("alone", {})
    causes = {cause for table in kept["tables"].values() for cause in table.get("causes", ())}
    return {
        "age": "" if ended is None else format_age(now - ended),
        "tables": [_table(name, table, values=values) for name, table in kept["tables"].items()],
        "alone": [(name, side.upper()) for side in ("old", "new") for name in alone.get(side, ())],
        "causes": [(cause, meaning) for cause, meaning in CAUSES.items() if cause in causes and meaning],
    }


def unexplained(kept: Mapping[str, Any]) -> int:
    """How many rows differ, but for those that the next sync copies."""
    tables = kept["tables"].values()
    rows = sum(sum(table.get("rows", {}).values()) + table.get("repeated", 0) for table in tables)
    return int(rows - sum(table.get("causes", {}).get(WAITING, 0) for table in tables))


def shown_key(row: Any) -> str:  # noqa: ANN401 - a key, or an object with one
    """A key as people read it."""
    key = row["key"] if isinstance(row, dict) else row
    return ", ".join("NULL" if each is None else str(each) for each in key or ())


def _table(name: str, table: Mapping[str, Any], *, values: bool) -> dict[str, Any]:
    equal = table.get("equal")
    rows = {**table.get("rows", {}), "repeated": table.get("repeated", 0)}
    first = table.get("first", {}) if values else {}
    causes = table.get("causes", {})
    looked_at, differing = sum(causes.values()), sum(table.get("rows", {}).values())
    return {
        "name": name,
        "result": "not compared" if equal is None else "equal" if equal else "different",
        "level": "good" if equal else "warn" if equal is None else "bad",
        "unchanged": table.get("unchanged"),
        "young": table.get("young", 0),
        "kinds": {words: rows[kind] for kind, words in KINDS.items() if rows.get(kind)},
        "first_keys": {
            words: list(map(shown_key, first[kind])) for kind, words in KINDS.items() if first.get(kind)
        },
        "columns": sorted(table.get("columns", {}).items(), key=lambda each: (-each[1], each[0])),
        "causes": [
            (cause, number) for cause, number in sorted(causes.items(), key=lambda each: (-each[1], each[0]))
        ],
        "looked_at": looked_at if looked_at < differing else None,
        "only": [
            (side.upper(), table[f"{side}_only_columns"])
            for side in ("old", "new")
            if table.get(f"{side}_only_columns")
        ],
    }
