"""The foreign keys of a sink as far as it tells them: those between its tables, and those from outside."""

from collections.abc import Sequence

from supasync_core.api.backend import Reference, Referential, Referred, Sink
from supasync_core.model.table import Table


def of_tables(sink: Sink, tables: Sequence[Table]) -> list[Reference]:
    """All foreign keys of the tables; those of single columns where the catalog does not tell them."""
    found = sink.references(tables) if isinstance(sink, Referential) else None
    if found is not None:
        return list(found)
    return [
        Reference(
            name=column.name,
            table=table.address,
            parent=(table.schema, column.refers[0]),
            pairs=((column.name, column.refers[1]),),
        )
        for table in tables
        for column in sink.shape(table).columns
        if column.refers
    ]


def from_other_tables(sink: Sink, tables: Sequence[Table]) -> list[Reference]:
    """Foreign keys by which other tables lose or change rows when one of these loses its own."""
    found = sink.referring(tables) if isinstance(sink, Referred) else ()
    names = {table.address for table in tables}
    return [each for each in found or () if each.table not in names]
