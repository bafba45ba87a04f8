"""Timestamps that are stored as texts: PostgreSQL compares texts, so only those of one form sort by time.

``2026-01-01 12:00`` comes before ``2026-01-01T09:00`` there.
"""

import re
from collections.abc import Iterable

from supasync_core.model import timestamps
from supasync_core.model.printable import command
from supasync_core.model.table import Shape, Table

_TIMES = re.compile("timestamp|date")


def forms(texts: Iterable[str]) -> list[str]:
    """The forms in which these timestamps are written, as patterns; infinities and years BC have none."""
    found = {timestamps.form(text) for text in texts if text[:1].isdigit() and not text.endswith("BC")}
    return [f"YYYY-MM-DD{form[:1]}HH:MM:SS{form[1:]}" if form else "YYYY-MM-DD" for form in sorted(found)]


def refuse(table: Table, column: str, shape: Shape, found: Iterable[str]) -> None:
    """SchemaError where a column of these forms is not a real timestamp, which may print several offsets."""
    known = shape.column(column)
    if known is not None and _TIMES.match(known.type or ""):
        return
    kind = (known.type if known else None) or "perhaps text"
    raise table.schema_error(
        f"the timestamp column {column} ({kind}) holds {' and '.join(found)}: "
        "as texts, these do not sort by time",
        hint="make it timestamptz in OLD, write all its values in one form, or name another column "
        f"in timestamp:; then: {command('sync', '--full', table.name)}",
    )
