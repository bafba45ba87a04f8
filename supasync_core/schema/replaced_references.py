"""References of which a transform changes one end alone: their rows would never find their parents."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from supasync_core.model.errors import RefusedError, SchemaError
from supasync_core.model.pg_types import holds_any_text, type_of
from supasync_core.model.storage_urls import REPLACES
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration


class Unlike(NamedTuple):
    """What is wrong with a table's column, and what to do about it."""

    table: Table
    sentence: str
    hint: str


def unlike_references(migration: Migration) -> Iterator[Unlike]:
    """Each column that stays while what it refers to changes. Nothing is asked where nothing changes.

    What only an earlier run knew of decides which columns stay, and refuses no table: the app may have
    dropped that foreign key.
    """
    tables = migration.settings.tables
    if not any(REPLACES in table.transform for table in tables):
        return
    for table in tables:
        for column, (parent, other) in migration.referred(table).items():
            stays = REPLACES not in table.transform or column in table.key
            changed = REPLACES in parent.transform and other not in parent.key
            told = (table.address, column) in migration.referred_columns.told
            if stays and changed and told and _may_hold_urls(migration, parent, other):
                changes = f"{column} refers to {parent.name}.{other}, which {REPLACES} changes"
                yield Unlike(table, f"{changes}, and {column} stays", _way(table, parent, column))


def _may_hold_urls(migration: Migration, table: Table, column: str) -> bool:
    """Whether the column's type does not rule them out, at either end; what is not shown may hold any."""
    for end in (migration.source, migration.sink):
        with suppress(SchemaError, RefusedError):
            if not holds_any_text(type_of(end.shape(table), column)):
                return False
    return True


def _way(table: Table, parent: Table, column: str) -> str:
    never = f"take {REPLACES} out of transform: of {parent.name}"
    if column in table.key:
        return f"{never}: a key stays as it is"
    return f"name it under transform: of {table.name} too, or {never}"
