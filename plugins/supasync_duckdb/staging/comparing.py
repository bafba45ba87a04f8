"""Staged rows against the sink's, as SQL: new, changed, unchanged, or older than what the sink has."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Sequence
from dataclasses import dataclass

from supasync_core.tables import Shape, Table
from supasync_duckdb.equality import equal, is_document
from supasync_duckdb.tables import Kinds
from supasync_duckdb.values import identifier, instant, plain


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table's staged rows ``r`` and the sink's rows ``k``; ``own`` are columns of the staging itself."""

    table: Table
    shape: Shape
    staged: Kinds
    known: Kinds
    own: Sequence[str]

    @property
    def columns(self) -> list[str]:
        """The columns to compare: what is staged, but the key."""
        return [name for name in self.staged if name not in self.table.key and name not in self.own]

    @property
    def soft(self) -> list[str]:
        """Those whose equal values may have different texts: JSON and arrays."""
        return [name for name in self.columns if name in self.known and self._is_document(name)]

    def pairs(self, kind: str = "LEFT JOIN") -> str:
        """``r`` joined to ``k`` by the key."""
        ready = f"ready.{identifier(self.table.name)} AS r"
        if not self.known:
            return ready
        same = " AND ".join(f"{self.text('r', name)} = {self.text('k', name)}" for name in self.table.key)
        return f"{ready} {kind} known.{identifier(self.table.name)} AS k ON {same}"

    def statement(self) -> str:
        """The class of each staged row, by its place, as the table ``gap.classes``."""
        if not self.known:
            head = "SELECT r.rowid AS place, 'new' AS class FROM "
            return f"CREATE OR REPLACE TABLE gap.classes AS {head}{self.pairs()}"
        missing = f"k.{identifier(self.table.key[0])} IS NULL"
        changed = " OR ".join(self.differs(name) for name in self.columns) or "false"
        mine, theirs = self.moment("r"), self.moment("k")
        older = f"coalesce({mine} < {theirs}, false)" if mine and theirs else "false"
        return (
            f"CREATE OR REPLACE TABLE gap.classes AS SELECT r.rowid AS place, CASE WHEN {missing} THEN 'new' "
            f"WHEN NOT ({changed}) THEN 'unchanged' WHEN {older} THEN 'older' ELSE 'changed' END AS class "
            f"FROM {self.pairs()}"
        )

    def text(self, side: str, name: str) -> str:
        """The plain text of a cell."""
        kinds = self.staged if side == "r" else self.known
        return plain(f"{side}.{identifier(name)}", kinds[name])

    def differs(self, name: str) -> str:
        """Whether the cells hold different values."""
        if name not in self.known:
            return f"r.{identifier(name)} IS NOT NULL"
        mine, theirs = f"r.{identifier(name)}", f"k.{identifier(name)}"
        if self._is_document(name):
            return f"(CAST({mine} AS VARCHAR) IS DISTINCT FROM CAST({theirs} AS VARCHAR))"
        mine, theirs = self.text("r", name), self.text("k", name)
        column = self.shape.column(name)
        same = equal((column.type or "") if column else "", mine, theirs)
        if same is None:
            return f"({mine} IS DISTINCT FROM {theirs})"
        return (
            f"CASE WHEN {mine} IS NOT DISTINCT FROM {theirs} THEN false ELSE NOT coalesce({same}, false) END"
        )

    def _is_document(self, name: str) -> bool:
        column = self.shape.column(name)
        return column is not None and is_document(column.type or "")

    def moment(self, side: str) -> str | None:
        """The row's own time, of the first timestamp that is not NULL; None where the table has none."""
        kinds = self.staged if side == "r" else self.known
        names = [name for name in self.table.timestamp if name in self.staged and name in self.known]
        values = [str(instant(f"{side}.{identifier(name)}", kinds[name])) for name in names]
        return f"coalesce({', '.join(values)})" if values else None

    def same_time(self) -> str:
        """Whether both rows have the same time; true where the table has none."""
        mine, theirs = self.moment("r"), self.moment("k")
        return f"{mine} IS NOT DISTINCT FROM {theirs}" if mine and theirs else "true"

    def updated(self, name: str) -> str:
        """A statement that gives staged rows the sink's text of a cell, by the places in ``gap.equals``."""
        return (
            f"UPDATE ready.{identifier(self.table.name)} AS r SET {identifier(name)} = e.text::JSON "
            "FROM gap.equals AS e WHERE r.rowid = e.place"
        )
