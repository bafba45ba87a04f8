"""Whether a connection string leads to the project's own database, where the names do not tell.

Supabase's own hosts and pooler users name a project. Any other database proves itself by what is known: OLD's
has the newest rows that were copied, NEW's the newest record.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from supasync_core.api.journal import current
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Key, Keyset, Span, Window
from supasync_core.model.errors import SchemaError, StateError
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Instant
from supasync_core.project.migration import Migration

NEWEST: Final = 3
"""Tables whose last rows are looked up for their age: an older database has none of those."""
_ROWS: Final = 20
"""Rows of NEW that are looked up beside: of some of them the timestamp is still the same."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The last row that is settled of a table, by its timestamp."""

    table: Table
    column: str
    at: Instant
    key: Key


def refuse_other_old(migration: Migration, side: Any, name: str, *, strict: bool) -> None:  # noqa: ANN401 - a source
    """StateError where this database does not have what was copied out of OLD.

    Some row has to be there as it was copied: by key and timestamp, for other databases have the same keys.
    And of the tables that were written last, one has to have its last row, or has changed it since.
    ``strict``: the same where nothing that was copied could show it.
    """
    try:
        state = current(migration.store.past(1), migration.source_ref)
    except StateError:
        if strict:
            raise
        return
    places = sorted(_places(migration, state), key=lambda place: place.at, reverse=True)
    if not places and not strict:
        return
    there = [_moment(side, place) for place in places[:NEWEST]]
    fresh = any(at is not None and at >= place.at for at, place in zip(there, places, strict=False))
    if fresh and (
        any(at == place.at for at, place in zip(there, places, strict=False))
        or any(_shares_rows(migration, side, place) for place in places)
    ):
        return
    what = "does not have the rows that were copied last" if places else "cannot be told from any other"
    url = f'{{backend: postgres, url: "${{{name}}}"}}'
    raise StateError(
        f"the database of {name} {what}: is it OLD's? Nothing was copied",
        hint=f"correct {name}; if it is OLD's database, name it in tables.yaml: source: {url}, with OLD's "
        "address as project:",
    )


def _places(migration: Migration, state: State) -> Iterator[_Place]:
    for table in migration.settings.tables:
        for keyset in migration.strategy(table).keysets(table):
            cursor = state.table(table.name).keyset(keyset.name).cursor
            at = timestamps.parse_or_none(cursor.value) if cursor and cursor.key else None
            if keyset.column and cursor and at is not None:
                yield _Place(table.whole(), keyset.column, at, cursor.key)


def _moment(side: Any, place: _Place) -> Instant | None:  # noqa: ANN401 - a source
    """When the row of that place changed last there; None where it is not there."""
    return _moments(side, place, [place.key]).get(place.key)


def _shares_rows(migration: Migration, side: Any, place: _Place) -> bool:  # noqa: ANN401 - a source
    page = migration.sink.read(place.table, Window((Span(Keyset(None)),), limit=_ROWS))
    mine = _by_key(place, [page])
    theirs = _moments(side, place, list(mine))
    return any(at is not None and theirs.get(key) == at for key, at in mine.items())


def _moments(side: Any, place: _Place, keys: Sequence[Key]) -> dict[Key, Instant | None]:  # noqa: ANN401 - a source
    try:
        return _by_key(place, side.rows(place.table, place.table.key, keys))
    except SchemaError:
        return {}


def _by_key(place: _Place, batches: Iterable[Batch]) -> dict[Key, Instant | None]:
    return {
        key: timestamps.parse_or_none(row.get(place.column))
        for batch in batches
        for key, row in zip(place.table.keys(batch), batch.rows, strict=True)
    }
