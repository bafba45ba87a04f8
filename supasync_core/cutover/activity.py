"""What the source has beyond the cursors, seen twice: changes show that something still writes to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from supasync_core.model.batch import Span, Window
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration


@dataclass(frozen=True, slots=True)
class Activity:
    """A table of the source: its rows, the newest place that was confirmed, and the rows beyond that.

    Any insert or delete changes one of the numbers. An update that moves the timestamp changes a digest of
    the first page of rows beyond. ``newest``, ``beyond`` and ``digests`` are by the keyset's name.
    """

    rows: int
    newest: Mapping[str, str | None]
    beyond: Mapping[str, int]
    digests: Mapping[str, str]


def observe(migration: Migration, state: State) -> dict[str, Activity]:
    """Every table, by one request for its number of rows and one for each keyset."""
    return {table.name: _observe(migration, table, state) for table in migration.settings.tables}


def _observe(migration: Migration, table: Table, state: State) -> Activity:
    known = state.table(table.name)
    newest: dict[str, str | None] = {}
    beyond: dict[str, int] = {}
    digests: dict[str, str] = {}
    for keyset in migration.strategy(table).keysets(table):
        cursor = known.keyset(keyset.name).cursor
        window = Window((Span(keyset, after=cursor),), table.page_size, counted=True)
        page = migration.source.read(table, window)
        newest[keyset.name] = (cursor.value or ", ".join(cursor.key)) if cursor else None
        beyond[keyset.name] = page.count if page.total is None else page.total
        digests[keyset.name] = sha256(page.body).hexdigest()
    return Activity(migration.source.count(table), newest, beyond, digests)


def changes(first: Mapping[str, Activity], second: Mapping[str, Activity]) -> list[str]:
    """A sentence for each change between the two."""
    found = []
    for name, seen in second.items():
        before = first[name]
        if seen.rows != before.rows:
            found.append(f"{name} had {before.rows:,} rows, then {seen.rows:,}")
        for keyset, digest in seen.digests.items():
            if digest != before.digests[keyset] or seen.beyond[keyset] != before.beyond[keyset]:
                counts = f"{before.beyond[keyset]:,}, then {seen.beyond[keyset]:,}"
                found.append(f"{name} has other rows beyond {keyset} {seen.newest[keyset]} ({counts})")
    return found
