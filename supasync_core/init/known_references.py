"""Foreign keys of OLD that its API does not show, where its database tells them: they order a draft too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from supasync_core.api.backend import Reference
from supasync_core.model.table import Column, Shape
from supasync_core.schema.parents import printed_parent

ACCOUNTS: Final = "a line auth: {} copies accounts in every run, by both connection strings in .env"
Shapes = Mapping[str, Mapping[str, Shape]]


def with_references(shapes: Shapes, references: Sequence[Reference]) -> dict[str, dict[str, Shape]]:
    """The shapes with a column that refers to each parent in its own schema, as the API shows single ones."""
    found = {schema: dict(there) for schema, there in shapes.items()}
    for each in references:
        (schema, name), (place, parent) = each.table, each.parent
        shape = found.get(schema, {}).get(name)
        if shape is None or place != schema or any(c.refers and c.refers[0] == parent for c in shape.columns):
            continue
        mine, theirs = each.pairs[0]
        columns = tuple(_referring(column, mine, (parent, theirs)) for column in shape.columns)
        found[schema][name] = replace(shape, columns=columns)
    return found


def _referring(column: Column, name: str, refers: tuple[str, str]) -> Column:
    return replace(column, refers=refers) if column.name == name and column.refers is None else column


def elsewhere(shapes: Shapes, references: Sequence[Reference]) -> Iterator[str]:
    """A sentence for each foreign key to another schema, whose rows have to be in NEW first."""
    for each in references:
        schema, name = each.table
        if each.parent[0] != schema and name in shapes.get(schema, {}):
            columns = ", ".join(each.columns)
            way = f": {ACCOUNTS}" if each.parent == ("auth", "users") else ""
            refers = f"{name}: {columns} refers to {printed_parent(each)}"
            yield f"{refers}, whose rows have to be in NEW first{way}"
