"""Two rows of the source are never one row of the sink: the table stops and names their keys.

Who came last would win, and which one that is changes from run to run.
"""

from collections.abc import Callable

from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import RowError, SchemaError
from supasync_core.model.table import Table

ONE_ROW_TWICE = "21000"


def check(table: Table, batch: Batch) -> None:
    """SchemaError where two rows of the batch have one key."""
    try:
        known = batch.keys(table.key)
    except ValueError:  # a key that is none, which is said where it is looked at
        return
    if len(set(known)) == len(known):
        return
    seen: set[Key] = set()
    for key in table.keys(batch):
        if key in seen:
            raise one_row(table, [key, key])
        seen.add(key)


def one_row(table: Table, keys: list[Key]) -> SchemaError:
    """Rows of the source with these keys would be one row of the sink."""
    columns = ", ".join(table.key)
    first, second = (", ".join(key) for key in keys)
    rows = f"two rows with the key {first}" if first == second else f"rows with keys {first} and {second}"
    return table.schema_error(
        f"OLD has {rows} ({columns}), which would become a single row in NEW",
        hint="name a key that tells OLD's rows apart; where a collation or a shorter type of NEW "
        "makes keys equal, change that; there may be more such rows: supasync verify counts both sides",
    )


def clash(table: Table, batch: Batch, write: Callable[[Batch], None]) -> SchemaError | None:
    """Which two rows of a batch the sink takes for one; None where a single row is refused by itself.

    Found by writing ever smaller beginnings of the batch: what is written are OLD's rows as they are.
    """

    def passes(places: list[int]) -> bool:
        try:
            write(batch.only(places))
        except RowError as err:
            return err.sqlstate != ONE_ROW_TWICE
        return True

    def shortest(behind: list[int], most: int) -> int:
        """How many of the first rows it takes until the sink refuses them together with those behind."""
        low, high = 0, most
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if passes([*range(middle), *behind]) else (low, middle)
        return high

    second = shortest([], batch.count) - 1
    if second == 0 or not passes([second]):
        return None
    first = shortest([second], second) - 1
    keys = table.keys(batch.only([first, second]))
    return one_row(table, keys)
