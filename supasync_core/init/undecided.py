"""Tables of the source that are not copied and not decided on: which, and how many rows they have.

The last list is saved beside the lock, so that naming them again needs no request.
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from supasync_core.api.backend import Catalog, RowKeyed, Side
from supasync_core.model import timestamps
from supasync_core.model.errors import SupasyncError, TableError
from supasync_core.model.row_key import MOST_ROWS, ROW_KEY
from supasync_core.model.settings import Mention, Settings
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.schema import unique_keys
from supasync_core.schema.both_sides import OWN
from supasync_core.system import lock
from supasync_core.system.files import write_private
from supasync_core.system.kept_document import read_json

WAY_OUT: Final = (
    "decide on each: to copy it, remove its name from undecided: and paste the entry that supasync init "
    "prints; to leave it out, write its name under ignore: in tables.yaml"
)
COUNTING_SECONDS: Final = 120.0
"""Spent on counts of one side that failed: after that, no more of its tables are counted."""
_NAME: Final = "undecided.json"
_LARGEST: Final = 10_000_000
_PUBLIC: Final = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """One table, its rows on both sides as counted ``at`` that time; None where they were not.

    ``listed``: it is under ``undecided:``, otherwise tables.yaml does not name it at all. ``absent``: NEW
    does not have it. ``key``: a unique key by which it can be copied, though it has no primary key.
    """

    name: str
    old: int | None = None
    new: int | None = None
    at: str | None = None
    absent: bool = False
    listed: bool = True
    key: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Its rows on both sides, and when they were counted."""
        if self.at is None:
            return f"{self.name}: its rows have not been counted yet (supasync check counts them)"
        old = "not counted in OLD" if self.old is None else f"{counted(self.old, 'row', 'rows')} in OLD"
        new = "not counted in NEW" if self.new is None else f"{self.new:,} in NEW"
        where = "" if self.listed else ", not in tables.yaml"
        way = f"; it can be copied by its unique key ({', '.join(self.key)})" if self.key else ""
        if self.key == (ROW_KEY,):
            small = self.old is not None and self.old <= MOST_ROWS
            way = "; supasync init checks whether it can be copied by its rows" if small else ""
        return (
            f"{self.name}: {old}, {'NEW has no such table' if self.absent else new} ({self.at}){where}{way}"
        )


@dataclass(frozen=True, slots=True)
class UndecidedTables:
    """The tables, and sentences on names of tables.yaml that the source does not have.

    ``listed``: whether the source has listed its tables, now or the last time. ``unsaved``: why the list
    could not be saved.
    """

    tables: tuple[Undecided, ...] = ()
    unknown: tuple[str, ...] = ()
    listed: bool = True
    unsaved: SupasyncError | None = None


def list_undecided(migration: Migration) -> UndecidedTables:
    """Ask both sides which tables are undecided, and how many rows each has; the list is saved."""
    found = _Listing(migration).run()
    if not found.listed:
        return found
    try:
        save(migration.settings, found.tables)
    except SupasyncError as err:
        return replace(found, unsaved=err)
    return found


def last_list(settings: Settings) -> UndecidedTables:
    """The list of the last time, without any request."""
    saved = _saved(settings)
    names = [each.name for each in settings.undecided]
    listed = [replace((saved or {}).get(name, Undecided(name=name)), listed=True) for name in names]
    known = {each.name for each in (*settings.undecided, *settings.ignore)}
    known |= {name for table in settings.tables for name in (table.name, written(*table.address))}
    others = [each for name, each in (saved or {}).items() if name not in known]
    return UndecidedTables((*listed, *others), listed=saved is not None)


def save(settings: Settings, tables: Sequence[Undecided]) -> None:
    """Save the list, whole or not at all."""
    saved = {**_refs(settings), "tables": [asdict(each) for each in tables]}
    write_private(lock.folder(settings.folder) / _NAME, json.dumps(saved, indent=2))


def _saved(settings: Settings) -> dict[str, Undecided] | None:
    """The saved list of these two projects; None where there is none, or it cannot be read."""
    path = settings.folder / lock.FOLDER / _NAME
    try:
        found = read_json(path, _LARGEST)
        if {name: found[name] for name in _refs(settings)} != _refs(settings):
            return None
        tables = [Undecided(**{**each, "key": tuple(each["key"])}) for each in found["tables"]]
        return {each.name: each for each in tables}
    except (OSError, ValueError, KeyError, TypeError, SupasyncError):
        return None


def _refs(settings: Settings) -> dict[str, str]:
    return {"source": settings.source.ref, "sink": settings.sink.ref}


@dataclass
class _Listing:
    """One list of both sides' tables."""

    migration: Migration
    shapes: dict[tuple[bool, str], Mapping[str, Shape] | None] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    wasted: dict[bool, float] = field(default_factory=lambda: {False: 0.0, True: 0.0})

    def run(self) -> UndecidedTables:
        from supasync_core.init.draft_source import schemas_of  # noqa: PLC0415 - wanted here alone

        settings = self.migration.settings
        if not isinstance(self.migration.source, Catalog):
            return replace(last_list(settings), listed=False)
        exposed = schemas_of(self.migration.source) or [_PUBLIC]
        schemas = list(dict.fromkeys([*exposed, *(table.schema for table in settings.tables)]))
        if all(self._tables(schema) is None for schema in schemas):
            return replace(last_list(settings), listed=False)
        places = {each: self._place(each.name, schemas) for each in (*settings.undecided, *settings.ignore)}
        declared = {table.address for table in settings.tables}
        known = declared | set(places.values())
        asked = [(each.name, places[each], True) for each in settings.undecided]
        for schema in schemas:
            names = [name for name in self._tables(schema) or () if (schema, name) not in known]
            asked += [(written(schema, name), (schema, name), False) for name in names if name not in OWN]
        self._find_keys([place for _, place, _ in asked if place])
        found = [replace(self._counted(name, place), listed=listed) for name, place, listed in asked]
        unknown = [self._unknown(each, schemas) for each, place in places.items() if place is None]
        unknown += [
            f"{each.place}: {each.name} is under tables: as well"
            for each in places
            if places[each] in declared
        ]
        return UndecidedTables(tuple(found), tuple(filter(None, unknown)))

    def _place(self, name: str, schemas: Sequence[str]) -> tuple[str, str] | None:
        """Schema and name of a table that is named ``name`` or ``schema.name``; None where there is none."""
        for schema in schemas:
            if name in (self._tables(schema) or ()):
                return schema, name
        schema, dot, rest = name.partition(".")
        return (schema, rest) if dot and rest in (self._tables(schema) or ()) else None

    def _unknown(self, mention: Mention, schemas: Sequence[str]) -> str | None:
        """That the table does not exist; None where the source does not list its schema."""
        schema, dot, _ = mention.name.partition(".")
        asked = [*schemas, schema] if dot else schemas
        if any(self._tables(each) is None for each in asked):
            return None
        return f"{mention.place}: OLD has no table {mention.name}"

    def _tables(self, schema: str, *, new: bool = False) -> Mapping[str, Shape] | None:
        """The tables that a side lists; None where it lists none."""
        if (new, schema) not in self.shapes:
            side: Side = self.migration.sink if new else self.migration.source
            self.shapes[new, schema] = None
            if isinstance(side, Catalog):
                with suppress(TableError):
                    self.shapes[new, schema] = side.tables(schema)
        return self.shapes[new, schema]

    def _find_keys(self, places: Sequence[tuple[str, str]]) -> None:
        """The unique keys of those without a primary key, where NEW shows them."""
        shapes = {place: (self._tables(place[0]) or {}).get(place[1], Shape()) for place in places}
        bare = {place: shape for place, shape in shapes.items() if not shape.key and not shape.view}
        asked = [Table(name=name, schema=schema) for schema, name in bare]
        found = unique_keys.known_keys(self.migration.sink, asked) if asked else None
        source = self.migration.source
        by_rows = (ROW_KEY,) if isinstance(source, RowKeyed) and source.takes_row_keys() else ()
        for place, keys in (found or {}).items():
            self.keys[place] = unique_keys.substitute_key(keys, bare[place]) or by_rows

    def _counted(self, name: str, place: tuple[str, str] | None) -> Undecided:
        """The table with its counts: a request to each side that has it."""
        at = self.migration.source_now()
        now = timestamps.to_text(timestamps.now() if at is None else at)
        if place is None:
            return Undecided(name=name, at=now)
        old, new = self._tables(place[0]), self._tables(place[0], new=True)
        absent = new is not None and place[1] not in new
        return Undecided(
            name=name,
            old=self._rows(place, old, new=False),
            new=None if absent else self._rows(place, new, new=True),
            at=now,
            absent=absent,
            key=self.keys.get(place, ()),
        )

    def _rows(self, place: tuple[str, str], shapes: Mapping[str, Shape] | None, *, new: bool) -> int | None:
        """The number of rows; None where it cannot be had, as of a view that takes too long."""
        schema, name = place
        columns = shapes[name].columns if shapes and name in shapes else ()
        if not columns or self.wasted[new] > COUNTING_SECONDS:
            return None
        side: Side = self.migration.sink if new else self.migration.source
        began = time.monotonic()
        try:
            return side.count(Table(name=name, schema=schema, key=(columns[0].name,)))
        except TableError as err:
            err.raise_if_of_no_table()
            self.wasted[new] += time.monotonic() - began
            return None


def written(schema: str, name: str) -> str:
    """A table's name as the lists of tables.yaml write it."""
    return name if schema == _PUBLIC else f"{schema}.{name}"


def by_name(tables: Sequence[Undecided]) -> dict[str, Any]:
    """The tables for programs and the certificate."""
    fields = [asdict(each) for each in tables]
    return {each.pop("name"): each for each in fields}
