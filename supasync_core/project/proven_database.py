"""Whether a connection string leads to the project's own database, where the names do not tell.

Supabase's own hosts and pooler users name a project. Any other database proves itself by what is known: OLD's
has the newest rows that were copied, NEW's the newest record.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from supasync_core.api.journal import current
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Key, Keyset, Row, Span, Window
from supasync_core.model.errors import SchemaError, StateError, TableError
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Instant
from supasync_core.project.migration import Migration

NEWEST: Final = 3
"""Tables whose last rows are looked up for their age: an older database has none of those."""
_SOME: Final = Window((Span(Keyset(None)),), limit=20)
"""Rows that are looked up beside, of NEW or of OLD's API: some of them are still the same."""
_TABLES: Final = 5
"""Tables with rows of which OLD's API is asked."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The last row that is settled of a table, by its timestamp."""

    table: Table
    column: str
    at: Instant
    key: Key


def refuse_other_old(migration: Migration, side: Any, name: str, *, strict: bool) -> None:  # noqa: ANN401 - a source
    """StateError where this database does not have what was copied out of OLD.

    Where nothing was copied yet that could show it, the rows that OLD's API shows have to be there, as far as
    it answers; ``strict``: then it is refused.
    """
    places: list[_Place] = []
    try:
        places = list(_places(migration, current(migration.store.past(1), migration.source_ref)))
    except StateError:
        if strict:
            raise
    if places and _has_what_was_copied(migration, side, places):
        return
    places = _still_shown(migration, places)
    if places and _has_what_was_copied(migration, side, places):
        return
    if not (places or strict) and _answers_as_the_api(migration, side):
        return
    what = "cannot be told from any other" if strict and not places else "does not have OLD's rows"
    url = f'{{backend: postgres, url: "${{{name}}}"}}'
    raise StateError(
        f"the database of {name} {what}: is it OLD's? Nothing was copied",
        hint=f"correct {name}; if it is OLD's database, name it in tables.yaml: source: {url}, with OLD's "
        "address as project:",
    )


def refuse_old(migration: Migration, side: Any, name: str) -> None:  # noqa: ANN401 - a source
    """StateError where this database, which is to be NEW's, has the rows that OLD's API shows.

    For a NEW without any record: nothing was copied yet, so only OLD has them, or NEW out of a dump. An OLD
    that is files is not a database.
    """
    if migration.alike and migration.types and _answers_as_the_api(migration, side, without=False):
        raise StateError(
            f"the database of {name} has OLD's rows: is it OLD's? Nothing was changed",
            hint=f"correct {name}; if NEW was restored from a dump of OLD, paste what supasync schema sql "
            "prints into NEW's SQL editor, and run supasync setup",
        )


def _still_shown(migration: Migration, places: list[_Place]) -> list[_Place]:
    """Those whose last row OLD's API still shows: one that OLD has deleted says nothing of any database."""
    try:
        return [
            place
            for place in places
            if place.key in _by_key(place, migration.source.rows(place.table, place.table.key, [place.key]))
        ]
    except TableError:
        return places  # nobody can tell


def _has_what_was_copied(migration: Migration, side: Any, places: list[_Place]) -> bool:  # noqa: ANN401 - a source
    """Whether some row is there as it was copied, by key and timestamp: other databases have the same keys.

    And of the tables that were written last, one has to have its last row, or has changed it since.
    """
    places.sort(key=lambda place: place.at, reverse=True)
    there = [_moment(side, place) for place in places[:NEWEST]]
    fresh = any(at is not None and at >= place.at for at, place in zip(there, places, strict=False))
    same = any(at == place.at for at, place in zip(there, places, strict=False))
    return fresh and (same or any(_shares_rows(migration, side, place) for place in places))


def _answers_as_the_api(migration: Migration, side: Any, *, without: bool = True) -> bool:  # noqa: ANN401 - a source
    """Whether of each table that the API shows rows of, one of the first is there; ``without`` rows, so."""
    shown = 0
    for table in (each.whole() for each in migration.settings.tables):
        try:
            page = migration.source.read(table, _SOME)
        except TableError:
            return without  # nobody can tell
        try:
            found = _rows(table, side.rows(table, table.key, table.keys(page))) if page.count else {}
        except SchemaError:
            return False
        if page.count and not any(_alike(row, found.get(key)) for key, row in _rows(table, [page]).items()):
            return False
        shown += bool(page.count)
        if shown == _TABLES:
            break
    return without or shown > 0


def _alike(row: Row, other: Row | None) -> bool:
    """Whether most cells are the same: each side may print moments in a time zone of its own."""
    if other is None:
        return False
    same = sum(_same_cell(value, other.get(name)) for name, value in row.items())
    return same * 4 >= len(row) * 3


def _same_cell(value: object, other: object) -> bool:
    if value == other:
        return True
    at = timestamps.parse_or_none(value)
    return at is not None and at == timestamps.parse_or_none(other)


def _rows(table: Table, batches: Iterable[Batch]) -> dict[Key, Row]:
    return {key: row for batch in batches for key, row in zip(table.keys(batch), batch.rows, strict=True)}


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
    page = migration.sink.read(place.table, _SOME)
    mine = _by_key(place, [page])
    theirs = _moments(side, place, list(mine))
    return any(at is not None and theirs.get(key) == at for key, at in mine.items())


def _moments(side: Any, place: _Place, keys: Sequence[Key]) -> dict[Key, Instant | None]:  # noqa: ANN401 - a source
    try:
        return _by_key(place, side.rows(place.table, place.table.key, keys))
    except SchemaError:
        return {}


def _by_key(place: _Place, batches: Iterable[Batch]) -> dict[Key, Instant | None]:
    found = _rows(place.table, batches)
    return {key: timestamps.parse_or_none(row.get(place.column)) for key, row in found.items()}
