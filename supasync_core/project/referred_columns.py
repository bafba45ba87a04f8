"""Columns that refer to others by foreign keys: what changes at one end must change at the other."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from supasync_core.api.backend import Referential, Sink, Source
from supasync_core.model.errors import RefusedError, SchemaError
from supasync_core.model.table import Table

Place = tuple[tuple[str, str], str]
"""A column of a table, which is named by schema and name."""


def referred_columns(
    source: Source, sink: Sink, tables: Sequence[Table], table: Table
) -> Mapping[str, tuple[Table, str]]:
    """By column of the table, the table of these and its column at the end of a chain of foreign keys.

    Those of both sides count, as far as they are told: a key that was dropped in NEW for the sync comes back.
    """
    links: dict[Place, Place] = {}
    for end in (source, sink):
        with suppress(SchemaError, RefusedError):  # what a side does not show is not known
            links.update(_links(end, tables))
    known = {each.address: each for each in tables}
    ends = ((column, _end(links, (address, column))) for address, column in links if address == table.address)
    return {column: (known[parent], other) for column, (parent, other) in ends if parent in known}


def _links(end: Source | Sink, tables: Sequence[Table]) -> Iterator[tuple[Place, Place]]:
    """Of each column that refers to another one, both."""
    told = end.references(tables) if isinstance(end, Referential) else None
    for each in told or ():
        for mine, other in each.pairs:
            yield (each.table, mine), (each.parent, other)
    for table in tables if told is None else ():
        for column in end.shape(table).columns:
            if column.refers:
                parent, other = column.refers
                yield (table.address, column.name), ((table.schema, parent), other)


def _end(links: Mapping[Place, Place], place: Place) -> Place:
    """The column that refers to nothing; of a circle, any."""
    seen: set[Place] = set()
    while place in links and place not in seen:
        seen.add(place)
        place = links[place]
    return place
