"""What NEW's function ``supasync_ready_structure`` returns of its catalog, in the words of the contracts.

The parts are the rows of the answer by name; they are None where NEW does not have the function.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from supasync_core.api.backend import Reference, Unique
from supasync_core.model.table import Table

Parts = Mapping[str, Sequence[Mapping[str, Any]]]


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
        found[each["schema"], each["table"]].append(Unique(tuple(each["columns"]), nullable=each["nullable"]))
    return found
