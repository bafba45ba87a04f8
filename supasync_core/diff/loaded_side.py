"""One side of a compared table, loaded into the engine's database."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from supasync_core.staging.own_names import ROW_ID
from supasync_core.staging.values import literal

NOTHING = "NULL::VARCHAR"
"""The SQL of a cell that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSide:
    """A relation, the SQL of each column's text there, the SQL of a row's number, and what its file hides.

    ``doubtful``: columns in which this text may also stand for NULL. ``lossy``: JavaScript has parsed and
    printed its JSON; ``rounded``: a program that rounds has written it. ``part``: a row that is missing here
    may still be in the table. ``begins``: of an export with known bounds, the value of each keyset beyond
    which it holds all rows, None for all. ``shared``: rows that the relation leaves out, for the other side
    has the same; ``shared_newest`` is their greatest timestamp.
    """

    relation: str
    cells: Mapping[str, str]
    columns: tuple[str, ...]
    rows: int
    where: str = "true"
    number: str = ROW_ID
    doubtful: Mapping[str, str] = field(default_factory=dict)
    lossy: bool = False
    rounded: bool = False
    part: bool = False
    begins: Mapping[str, str | None] | None = None
    notes: tuple[str, ...] = ()
    shared: int = 0
    shared_newest: str | None = None

    def select(self, columns: Sequence[str], letter: str, numbers: Iterable[int]) -> str:
        """The rows with their numbers ``n`` and the texts of these columns, as ``l0 ...`` or ``r0 ...``."""
        cells = [f"{self._cell(columns[i])} AS {letter}{i}" for i in numbers]
        return (
            f"(SELECT {', '.join([f'{self.number} AS n', *cells])} FROM {self.relation} WHERE {self.where})"
        )

    def lists(self, columns: Sequence[str], letter: str) -> str:
        """The rows with their numbers ``n`` and all their texts as one list, ``lt`` or ``rt``."""
        cells = ", ".join(map(self._cell, columns))
        return f"(SELECT {self.number} AS n, [{cells}] AS {letter}t FROM {self.relation} WHERE {self.where})"

    def newest(self, timestamps: Sequence[str]) -> str | None:
        """The SQL of the greatest text of the first timestamp that the side has."""
        name = next((name for name in timestamps if name in self.cells), None)
        shared = "NULL" if self.shared_newest is None else literal(self.shared_newest)
        return name and (
            f"SELECT greatest(max({self.cells[name]}), {shared}) FROM {self.relation} WHERE {self.where}"
        )

    def _cell(self, name: str) -> str:
        return self.cells.get(name, NOTHING)
