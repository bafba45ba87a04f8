"""What NEW's function ``supasync_ready_structure`` returns of its catalog, in the words of the contracts.

The parts are the rows of the answer by name; they are None where NEW does not have the function.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from supasync_core.api.backend import Reference, Unique
from supasync_core.model.table import Table

Parts = Mapping[str, Sequence[Mapping[str, Any]]]

_TABLE: Final = {"schema": str, "table": str}
_KEY: Final = {**_TABLE, "name": str, "parent_schema": str, "parent": str, "pairs": list[tuple[str, str]]}
_FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "references": _KEY,
    "referring": _KEY,
    "triggers": {**_TABLE, "name": str, "moment": str, "events": list[str], "row": bool},
    "accounts": {"name": str, "function": str},
    "callers": {"name": str, "role": str},
    "identity": {**_TABLE, "column": str},
    "computed": {**_TABLE, "column": str},
    "children": {**_TABLE, "child_schema": str, "child": str, "partition": bool},
    "uniques": {**_TABLE, "columns": list[str], "nullable": bool},
    "modifiers": {**_TABLE, "column": str, "type": str},
}
"""What each row of a part has at least."""


def parsed(answer: object) -> Parts | None:
    """The parts of an answer; None where one is not what the function returns: then nothing is told."""
    if not isinstance(answer, dict):
        return None
    parts = {name: answer[name] for name in _FIELDS if name in answer}
    try:
        for name, rows in parts.items():
            msgspec.convert(rows, list[msgspec.defstruct("Row", _FIELDS[name].items())])  # type: ignore[misc]
    except msgspec.ValidationError:
        return None
    return parts


def orphans_asked(reference: Reference, values: Sequence[tuple[str, ...]]) -> dict[str, object]:
    """The arguments of ``supasync_ready_orphans``, which returns the values that have no row to refer to."""
    schema, table = reference.table
    return {
        "reference": {"schema": schema, "table": table, "name": reference.name},
        "given": [list(each) for each in values],
    }


def values_of(answer: object) -> set[tuple[str, ...]] | None:
    """The values of an answer of ``supasync_ready_orphans``; None where it is something else."""
    try:
        return msgspec.convert(answer, set[tuple[str, ...]])
    except msgspec.ValidationError:
        return None


def references_of(parts: Parts | None, part: str = "references") -> list[Reference] | None:
    """The tables' foreign keys; by ``referring``, those of other tables that act when a row is deleted."""
    if parts is None or part not in parts:
        return None
    return [
        Reference(
            name=each["name"],
            table=(each["schema"], each["table"]),
            parent=(each["parent_schema"], each["parent"]),
            pairs=tuple((mine, theirs) for mine, theirs in each["pairs"]),
        )
        for each in parts[part]
    ]


def uniques_of(parts: Parts | None, tables: Sequence[Table]) -> dict[tuple[str, str], list[Unique]] | None:
    """The columns by which each of the tables can merge rows."""
    if parts is None or "uniques" not in parts:
        return None
    found: dict[tuple[str, str], list[Unique]] = {table.address: [] for table in tables}
    for each in parts["uniques"]:
        known = found.get((each["schema"], each["table"]), [])
        known.append(Unique(tuple(each["columns"]), nullable=each["nullable"]))
    return found
