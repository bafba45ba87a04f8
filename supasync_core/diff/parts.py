"""Loaded files of a table, put together as one side of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.model.table import Table
from supasync_core.staging.duckdb_tables import refuse_case_twins


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One loaded file: the SQL of its rows, its columns' texts, and what it does not tell.

    ``doubtful``: columns in which this text may also stand for NULL. ``lossy``: JavaScript has written it;
    ``rounded``: a program that rounds.
    """

    relation: str
    cells: Mapping[str, str]
    rows: int
    doubtful: Mapping[str, str] = field(default_factory=dict)
    lossy: bool = False
    rounded: bool = False
    notes: tuple[str, ...] = ()


def together(
    engine: DiffEngine, place: str, parts: Sequence[Part], table: Table, *, complete: bool
) -> LoadedSide:
    """Hold one file as it is; several, or rows under the table's filter, as one table.

    SchemaError where DuckDB takes two columns for one in the filter.
    """
    where = table.where
    if where:
        refuse_case_twins(table, dict.fromkeys(name for part in parts for name in part.cells))
    if len(parts) > 1 or where:
        loaded = engine.gather(place, [(part.relation, part.cells) for part in parts], where)
        for part in parts:
            engine.fetch(f"DROP TABLE {part.relation}")
    else:
        loaded = engine.hold(place, parts[0].relation, parts[0].cells, rows=parts[0].rows)
    return replace(
        loaded,
        doubtful={name: word for part in parts for name, word in part.doubtful.items()},
        lossy=any(part.lossy for part in parts),
        rounded=any(part.rounded for part in parts),
        part=not complete,
        notes=tuple(note for part in parts for note in part.notes),
    )
