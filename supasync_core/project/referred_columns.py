"""Columns that refer to others by foreign keys: what changes at one end must change at the other."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TypeVar

from supasync_core.api.backend import Referential, Sink, Source
from supasync_core.model.errors import RefusedError, SchemaError
from supasync_core.model.table import Table

T = TypeVar("T")
Place = tuple[tuple[str, str], str]
"""A column of a table, which is named by schema and name."""
Ends = AbstractContextManager[Iterable[Source | Sink]]
"""OLD and NEW, opened only where they are asked."""


@dataclass
class ReferredColumns:
    """What each column of the tables refers to; both sides are asked once, by the first that needs it.

    Keys of either side count, as far as they are told: one that was dropped in NEW for the sync comes back.
    """

    links: Mapping[Place, Place] | None = None
    lock: Lock = field(default_factory=Lock)

    def of(self, table: Table, tables: Sequence[Table], ends: Ends) -> Mapping[str, tuple[Table, str]]:
        """By column of the table, the table of these and its column at the end of a chain of foreign keys."""
        with self.lock:
            if self.links is None:
                with ends as opened:
                    self.links = {mine: other for end in opened for mine, other in _links(end, tables)}
            links = self.links
        known = {each.address: each for each in tables}
        own = (place for place in links if place[0] == table.address)
        last = ((column, _end(links, (address, column))) for address, column in own)
        return {column: (known[parent], other) for column, (parent, other) in last if parent in known}


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
