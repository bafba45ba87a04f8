"""What a strategy keeps for itself in the state of its table: JSON, and not more than a row should hold."""

import json

from supasync_core.model.errors import TableError
from supasync_core.model.state import TableState
from supasync_core.model.table import Table

LARGEST = 100_000
"""Characters of JSON for one table: every checkpoint writes them."""


def check(table: Table, state: TableState) -> None:
    """TableError where it could not be saved: that must not end the run of other tables."""
    if not state.own:
        return
    try:
        size = len(json.dumps(dict(state.own), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as err:
        raise _refused(table, f"is not JSON ({err})") from err
    if size > LARGEST:
        raise _refused(table, f"is {size:,} characters of JSON, more than {LARGEST:,}")


def _refused(table: Table, why: str) -> TableError:
    return table.error(
        TableError,
        f"what the strategy {table.strategy} keeps in its state {why}",
        hint="this is for the author of the plugin: TableState.own holds few and small JSON values",
    )
