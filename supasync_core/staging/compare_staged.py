"""Staged rows against the sink's, as SQL: new, changed, unchanged, or older than what the sink has."""
# ruff: noqa: S608 - names are quoted by values.identifier

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from supasync_core.model.pg_types import ZONED, is_document, type_of
from supasync_core.model.same_value import reprinted, same_json
from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import SCRATCH, second_connection
from supasync_core.staging.duckdb_tables import Kinds
from supasync_core.staging.equality import equal, printed_alike
from supasync_core.staging.staged_tables import same_rows
from supasync_core.staging.values import identifier, instant, plain

CLASSES = f"{SCRATCH}.classes"
"""The table of what `Comparison.statement` has found."""
_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Counts:
    """The staged rows of a table against the sink's: each row is counted once."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table's staged rows ``r`` and the sink's rows ``k``; ``place`` names the number of the first."""

    table: Table
    shape: Shape
    staged: Kinds
    known: Kinds
    place: str

    @property
    def columns(self) -> list[str]:
        """The columns to compare: what is staged, but the key."""
        return [name for name in self.staged if name not in self.table.key]

    @property
    def soft(self) -> list[str]:
        """Those whose equal values may have different texts: JSON and arrays."""
        return [name for name in self.columns if name in self.known and self._is_document(name)]

    def pairs(self, kind: str = "LEFT JOIN") -> str:
        """``r`` joined to ``k`` by the key."""
        ready = f"ready.{identifier(self.table.name)} AS r"
        if not self.known:
            return ready
        keys = same_rows(self.shape, self.table.key, self.staged, self.known)
        return f"{ready} {kind} known.{identifier(self.table.name)} AS k ON {keys}"

    def statement(self) -> str:
        """The class of each staged row that is not unchanged, by its place, as the table `CLASSES`."""
        made = f"CREATE OR REPLACE TABLE {CLASSES} AS SELECT r.{identifier(self.place)} AS place, "
        if not self.known:
            return f"{made} 'new' AS class FROM {self.pairs()}"
        missing = f"k.{identifier(self.table.key[0])} IS NULL"
        changed = " OR ".join(self.differs(name) for name in self.columns) or "false"
        mine, theirs = self.moment("r"), self.moment("k")
        older = f"coalesce({mine} < {theirs}, false)" if mine and theirs else "false"
        return (
            f"{made} CASE WHEN {missing} THEN 'new' WHEN {older} THEN 'older' ELSE 'changed' END AS class "
            f"FROM {self.pairs()} WHERE {missing} OR {changed}"
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
        one = equal(type_of(self.shape, name), mine, theirs)
        if one is None:
            return f"({mine} IS DISTINCT FROM {theirs})"
        alike = f"{mine} IS NOT DISTINCT FROM {theirs}"
        if type_of(self.shape, name) == ZONED:
            alike += f" OR {printed_alike(mine, theirs)}"
        return f"CASE WHEN {alike} THEN false ELSE NOT coalesce({one}, false) END"

    def _is_document(self, name: str) -> bool:
        kind = type_of(self.shape, name)
        return is_document(kind) or "." in kind  # a type of one's own may be a row

    def moment(self, side: str) -> str | None:
        """The row's own time, of the first timestamp that is not NULL; None where the table has none."""
        kinds = self.staged if side == "r" else self.known
        names = [name for name in self.table.timestamp if name in self.staged and name in self.known]
        values = [str(instant(f"{side}.{identifier(name)}", kinds[name])) for name in names]
        return f"coalesce({', '.join(values)})" if values else None


def adopt_equals(connection: DuckDBPyConnection, comparison: Comparison, *, lossy: bool) -> bool:
    """Give staged documents the sink's text where theirs is another spelling of it; whether any was.

    A dashboard parses and prints JSON and arrays by JavaScript: where the sink's text would come out of that
    as the text of the export, the export knows nothing better. jsonb has no blanks and no order of names: its
    text is the sink's own.
    """
    adopted = False
    for name in comparison.soft:
        column, kind = identifier(name), type_of(comparison.shape, name)
        found = second_connection(connection).execute(
            f"SELECT r.{identifier(comparison.place)}, "
            f"CAST(r.{column} AS VARCHAR), CAST(k.{column} AS VARCHAR) "
            f"FROM {comparison.pairs('JOIN')} "
            f"WHERE CAST(r.{column} AS VARCHAR) <> CAST(k.{column} AS VARCHAR)"
        )
        while rows := found.fetchmany(_CHUNK):
            equal = [row for row in rows if _same(row[1], row[2], lossy=lossy, kind=kind)]
            adopted = adopted or bool(equal)
            connection.execute(
                f"UPDATE ready.{identifier(comparison.table.name)} AS r SET {column} = e.text::JSON FROM "
                "(SELECT unnest(CAST(? AS BIGINT[])) AS place, unnest(CAST(? AS VARCHAR[])) AS text) AS e "
                f"WHERE r.{identifier(comparison.place)} = e.place",
                [[row[0] for row in equal], [row[2] for row in equal]],
            )
    return adopted


def _same(mine: str, theirs: str, *, lossy: bool, kind: str) -> bool:
    return reprinted(mine, theirs, lossy=lossy, kind=kind) or (
        kind.startswith("jsonb") and same_json(mine, theirs, kind=kind)
    )
