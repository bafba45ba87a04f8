"""Which keys a side has rows of, whatever it calls them."""

from collections.abc import Sequence

from supasync_core.api.backend import Side
from supasync_core.model.batch import Key
from supasync_core.model.opaque_keys import SINGLY
from supasync_core.model.same_key import translator
from supasync_core.model.table import Table


def keys_there(side: Side, table: Table, keys: Sequence[Key]) -> set[Key]:
    """The keys of those rows that the side has, filtered out or not, in the words in which it prints them."""
    found = side.rows(table.whole().narrowed(table.key), table.key, keys) if keys else ()
    return {key for batch in found for key in table.keys(batch)}


def those_there(side: Side, table: Table, keys: Sequence[Key]) -> list[Key]:
    """Those of the keys that the side has rows of, in the words of the caller.

    SchemaError where rows come back of which nobody can tell by which key they were asked for.
    """
    found = keys_there(side, table, keys)
    if not found:
        return []
    told = translator(table, side.shape(table), keys)
    there = {told(key) for key in found}
    left = [key for key in keys if key not in there] if None in there else []
    if len(left) > SINGLY:
        raise table.schema_error(
            f"{len(keys):,} keys find {len(found):,} rows under other keys",
            hint=f"give ({', '.join(table.key)}) the same type in OLD and NEW",
        )
    there.update(key for key in left if keys_there(side, table, [key]))
    return [key for key in keys if key in there]
