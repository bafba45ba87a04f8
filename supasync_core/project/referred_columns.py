"""Columns that refer to others by foreign keys: what changes at one end must change at the other."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Final, TypeVar

from supasync_core.api.backend import Referential, Sink, Source
from supasync_core.model.errors import RefusedError, SchemaError, StateError
from supasync_core.model.state import State
from supasync_core.model.state_json import damaged
from supasync_core.model.table import Table

T = TypeVar("T")
Place = tuple[tuple[str, str], str]
"""A column of a table, which is named by schema and name."""
Ends = AbstractContextManager[Iterable[Source | Sink]]
"""OLD and NEW, opened only where they are asked."""
REFERS: Final = "refers"
"""The name under which the state keeps, beside the settings of a table, what its columns refer to."""


@dataclass
class ReferredColumns:
    """What each column of the tables refers to; both sides are asked once, by the first that needs it.

    Keys of either side count, as far as they are told, and those that the ``state`` has kept: one that was
    dropped in NEW for the sync comes back, and OLD is not asked while files are imported.
    """

    state: Callable[[], State | None] = lambda: None
    links: Mapping[Place, Place] | None = None
    told: Collection[Place] = ()
    """The columns of which a side tells it now."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The links of each table as the state keeps them, by the table's name."""
    lock: Lock = field(default_factory=Lock)

    def of(self, table: Table, tables: Sequence[Table], ends: Ends) -> Mapping[str, tuple[Table, str]]:
        """By column of the table, the table of these and its column at the end of a chain of foreign keys."""
        with self.lock:
            if self.links is None:
                with ends as opened:
                    told = {mine: other for end in opened for mine, other in _links(end, tables)}
                self.links, self.told = {**dict(_known(self.state, tables)), **told}, told.keys()
                self.texts = {each.name: text for each in tables if (text := _text(self.links, each))}
            links = self.links
        known = {each.address: each for each in tables}
        own = (place for place in links if place[0] == table.address)
        last = ((column, _end(links, (address, column))) for address, column in own)
        return {column: (known[parent], other) for column, (parent, other) in last if parent in known}

    def kept(self, state: State) -> State:
        """The state with what columns of its tables refer to, for when nobody tells it."""
        for name, text in self.texts.items():
            known = state.table(name)
            settings = known.guarded.settings
            if settings and settings.get(REFERS) != text:
                guarded = replace(known.guarded, settings={**settings, REFERS: text})
                state = state.with_table(name, replace(known, guarded=guarded))
        return state


def _text(links: Mapping[Place, Place], table: Table) -> str | None:
    own = {column: other for (place, column), other in links.items() if place == table.address}
    return json.dumps(own, sort_keys=True) if own else None


def _known(ask: Callable[[], State | None], tables: Sequence[Table]) -> Iterator[tuple[Place, Place]]:
    """What the state has kept; nothing where there is none. StateError where it is damaged."""
    state = None
    with suppress(StateError):
        state = ask()
    if state is None:
        return
    for table in tables:
        text = state.table(table.name).guarded.settings.get(REFERS, "{}")
        try:
            for column, ((schema, parent), other) in json.loads(text).items():
                yield (table.address, column), ((str(schema), str(parent)), str(other))
        except (ValueError, TypeError, AttributeError) as err:
            raise damaged(f"what columns of {table.name} refer to: {err}") from err


def _links(end: Source | Sink, tables: Sequence[Table]) -> Iterator[tuple[Place, Place]]:
    """Of each column that refers to another one, both; what a side does not show of a table is not known."""
    told = _answer(partial(end.references, tables)) if isinstance(end, Referential) else None
    for each in told or ():
        for mine, other in each.pairs:
            yield (each.table, mine), (each.parent, other)
    for table in tables if told is None else ():
        shape = _answer(partial(end.shape, table))
        for column in shape.columns if shape else ():
            if column.refers:
                parent, other = column.refers
                yield (table.address, column.name), ((table.schema, parent), other)


def _answer(ask: Callable[[], T]) -> T | None:
    """What is told; None where the side does not show it. Raises where the project answers nothing at all."""
    try:
        return ask()
    except (SchemaError, RefusedError) as err:
        err.raise_if_of_the_project()
        return None


def _end(links: Mapping[Place, Place], place: Place) -> Place:
    """The column that refers to nothing; of a circle, any."""
    seen: set[Place] = set()
    while place in links and place not in seen:
        seen.add(place)
        place = links[place]
    return place
