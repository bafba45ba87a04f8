"""The statements that merge a batch into a table of DuckDB."""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

from collections.abc import Sequence
from dataclasses import dataclass

from supasync_core.model.pg_types import type_of
from supasync_core.model.table import Shape, Table
from supasync_core.staging.duckdb_tables import Kinds, qualified
from supasync_core.staging.equality import normal
from supasync_core.staging.exact_casts import fits
from supasync_core.staging.values import JSON, VARCHAR, Kind, identifier, parsed, plain

BATCH = "supasync_batch"
"""The draft of a batch that is merged at once."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Statements for one table and the columns of a batch."""

    table: Table
    columns: Sequence[str]
    kinds: Kinds
    shape: Shape
    sound: bool = False
    """Whether every text of a JSON column is known to be JSON; else one that is not would be NULL."""
    name: str = BATCH

    @property
    def rows(self) -> str:
        """The draft in the order of rows: columns ``c0 ...``, raw JSON for a JSON column, else plain text."""
        return f"temp.{self.name}"

    def draft(self) -> str:
        """An empty draft."""
        columns = ", ".join(f"c{i} VARCHAR" for i in range(len(self.columns)))
        return f"CREATE OR REPLACE TEMP TABLE {self.name} ({columns})"

    def dropped(self) -> str:
        """The draft removed."""
        return f"DROP TABLE IF EXISTS {self.rows}"

    def staged(self) -> str:
        """Add raw cells to the draft: ``$c0 ...`` are those of a column, with a record separator between."""
        places = range(len(self.columns))
        lists = ", ".join(f"unnest(string_split($c{i}, chr(30))) AS c{i}" for i in places)
        return self._texts_of(f"(SELECT {lists})")

    def streamed(self, relation: str) -> str:
        """The same for a relation of raw cells: columns ``c0 ...``, NULL for what a row lacks."""
        return self._texts_of(relation)

    def staged_texts(self) -> str:
        """The same for lists of texts as the draft has them."""
        lists = ", ".join(f"unnest(CAST($c{i} AS VARCHAR[]))" for i in range(len(self.columns)))
        return f"INSERT INTO {self.rows} SELECT {lists}"

    def misfits(self) -> str:
        """How many texts of each column would not keep their value."""
        counts = [
            f"count(*) FILTER (c{i} IS NOT NULL AND NOT {fits(f'c{i}', self.kinds[name])})"
            for i, name in enumerate(self.columns)
        ]
        return f"SELECT {', '.join(counts)} FROM {self.rows}"

    def doubles(self) -> str:
        """One row where the draft has several rows of one key."""
        key = ", ".join(self._key())
        return f"SELECT 1 FROM ({self._values()}) AS batch GROUP BY {key} HAVING count(*) > 1 LIMIT 1"

    def known(self) -> str:
        """One row where the table has a key of the draft."""
        rows = f"({self._values()}) AS batch"
        return f"SELECT 1 FROM {qualified(self.table)} AS target SEMI JOIN {rows} ON {self._same()} LIMIT 1"

    def insertion(self) -> str:
        """Insert all rows: no key is in the draft twice, or known."""
        names = ", ".join(map(identifier, self.columns))
        values = ", ".join(f"v{i}" for i in range(len(self.columns)))
        return f"INSERT INTO {qualified(self.table)} ({names}) SELECT {values} FROM ({self._values()})"

    def statement(self) -> str:
        """Update the rows whose key exists, insert the others."""
        latest = (
            f"QUALIFY row_number() OVER (PARTITION BY {', '.join(self._key())} ORDER BY batch.n DESC) = 1"
        )
        rows = f"(SELECT * FROM ({self._values()}) AS batch {latest})"
        changed = [
            f"{identifier(name)} = batch.v{i}"
            for i, name in enumerate(self.columns)
            if name not in self.table.key or self.kinds[name] in (JSON, VARCHAR)
        ]
        update = f"WHEN MATCHED THEN UPDATE SET {', '.join(changed)} " if changed else ""
        return (
            f"MERGE INTO {qualified(self.table)} AS target USING {rows} AS batch ON {self._same()} {update}"
            f"WHEN NOT MATCHED THEN INSERT ({', '.join(map(identifier, self.columns))}) "
            f"VALUES ({', '.join(f'batch.v{i}' for i in range(len(self.columns)))})"
        )

    def _values(self) -> str:
        values = (f"{self._value(f'c{i}', self.kinds[name])} AS v{i}" for i, name in enumerate(self.columns))
        return f"SELECT {', '.join(values)}, rowid AS n FROM {self.rows}"

    def _texts_of(self, relation: str) -> str:
        texts = ", ".join(_text(f"c{i}", self.kinds[name]) for i, name in enumerate(self.columns))
        return f"INSERT INTO {self.rows} SELECT {texts} FROM {relation}"

    def _value(self, text: str, kind: Kind) -> str:
        return f"CAST({text} AS JSON)" if self.sound and kind == JSON else parsed(text, kind)

    def _same(self) -> str:
        target = [self._comparable(f"target.{identifier(name)}", name) for name in self.table.key]
        return " AND ".join(f"{left} = {right}" for left, right in zip(target, self._key(), strict=True))

    def _key(self) -> list[str]:
        return [self._comparable(f"batch.v{self.columns.index(name)}", name) for name in self.table.key]

    def _comparable(self, value: str, column: str) -> str:
        """A key as it is compared: a text as its type has it, raw JSON so that 1 and "1" are one key."""
        kind = self.kinds[column]
        if kind not in (JSON, VARCHAR):
            return value
        return normal(key_type(self.shape, kind, column), plain(value, kind))


def key_type(shape: Shape, kind: Kind, name: str) -> str:
    """The type by which a key is compared: that of the column itself, else the source's."""
    return type_of(shape, name) if kind in (JSON, VARCHAR) else kind.sql


def _text(cell: str, kind: Kind) -> str:
    """A raw cell as the draft has it; what a JSON string holds is read as `raw_json.plain` does."""
    if kind == JSON:
        return f"nullif({cell}, 'null')"
    inside = f"substr({cell}, 2, length({cell}) - 2)"
    string = f"CASE WHEN contains({cell}, '\\') THEN CAST({cell} AS JSON) ->> '$' ELSE {inside} END"
    return f"CASE WHEN starts_with({cell}, '\"') THEN {string} ELSE nullif({cell}, 'null') END"
