"""The columns of OLD's tables, kept in the staging: known when OLD answers no more."""

from typing import Any

from supasync_core.model.table import Column, Shape
from supasync_core.staging.staging_file import Staging


def remember_shape(staging: Staging, name: str, shape: Shape) -> None:
    """Keep a table's columns."""
    columns = [[c.name, c.type, c.nullable, c.key, c.refers] for c in shape.columns]
    staging.remember(f"shape {name}", {"known": shape.known, "columns": columns})


def recall_shape(staging: Staging, name: str) -> Shape | None:
    """The columns that were kept of a table."""
    stored: Any = staging.recall(f"shape {name}")
    if not stored:
        return None
    columns = [
        Column(n, t, null, key, tuple(ref) if ref else None) for n, t, null, key, ref in stored["columns"]
    ]
    return Shape(tuple(columns), known=stored["known"])
