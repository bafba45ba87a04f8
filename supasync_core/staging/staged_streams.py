"""Staged rows handed over by column, some megabytes at a time, to a sink that takes them so."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from duckdb import DuckDBPyConnection

from supasync_core.model.arrow_batch import ArrowBatch
from supasync_core.model.table import Table
from supasync_core.staging.connection import second_connection
from supasync_core.staging.duckdb_tables import Kinds, qualified
from supasync_core.staging.order_index import SOURCE, column
from supasync_core.staging.read_rows import row_json
from supasync_core.staging.staged_tables import ready
from supasync_core.staging.values import JSON, json, plain

_AT_ONCE = 16_000_000
"""Bytes of cells of one batch, as far as the mean of all rows tells."""
_MOST, _FEWEST = 100_000, 1_000
"""Rows of one batch; what would have fewer goes by pages of JSON."""
_LARGEST = 512_000_000
"""Bytes of cells of one batch, were all its rows as large as the largest: Arrow takes less than 2 GB."""


@dataclass(frozen=True, slots=True)
class StagedStreams:
    """Rows of a staged table whose ``place`` is in the table ``sending``; both names are SQL."""

    connection: DuckDBPyConnection
    table: Table
    kinds: Kinds
    place: str
    sending: str

    def batches(self) -> Iterator[ArrowBatch] | None:
        """The rows in the order of their places; None where one is large, or has no plain key."""
        weights = " + ".join(f"coalesce(strlen({self._text(name)}), 0)" for name in self.kinds)
        query = (
            f"SELECT count(*) FILTER ({self._keyless()}), coalesce(avg({weights}), 0), "
            f"coalesce(max({weights}), 0) FROM {self._rows()}"
        )
        keyless, mean, largest = self.connection.execute(query).fetchall()[0]
        size = min(_MOST, _AT_ONCE // (int(mean) + 1), _LARGEST // (int(largest) + 1))
        return None if keyless or size < _FEWEST else self._cut(size, int(mean) + 1)

    def _cut(self, size: int, weight: int) -> Iterator[ArrowBatch]:
        """Batches of so many rows that have so many bytes each in the mean."""
        total = int(self.connection.execute(f"SELECT count(*) FROM {self.sending}").fetchall()[0][0])
        for start in range(0, total, size):
            rows = min(size, total - start)
            among = self._among(start, start + rows - 1)
            yield ArrowBatch(
                stream=partial(self._stream, among),
                json=partial(self._json, among),
                names=tuple(self.kinds),
                held=rows,
                weight=rows * weight,
            )

    def _stream(self, among: str, columns: Sequence[str]) -> "_Stream":
        cells = ", ".join(f"{json(column(name), self.kinds[name])} AS c{i}" for i, name in enumerate(columns))
        return _Stream(self.connection, f"SELECT {cells} FROM {among}")

    def _json(self, among: str) -> bytes:
        row = row_json(ready(self.table), self.kinds)
        query = f"SELECT string_agg({row}, E',\n') FROM {among}"
        return f"[{self.connection.execute(query).fetchall()[0][0] or ''}]".encode()

    def _among(self, first: int, last: int) -> str:
        some = f"(SELECT place FROM {self.sending} WHERE rowid BETWEEN {first} AND {last})"
        return f"{self._rows()} SEMI JOIN {some} AS s ON s.place = {SOURCE}.{self.place}"

    def _rows(self) -> str:
        return f"{qualified(ready(self.table))} AS {SOURCE}"

    def _keyless(self) -> str:
        return " OR ".join(
            f"{plain(column(name), self.kinds[name])} IS NULL"
            + (f" OR left({self._text(name)}, 1) IN ('{{', '[')" if self.kinds[name] == JSON else "")
            for name in self.table.key
        )

    def _text(self, name: str) -> str:
        return f"CAST({column(name)} AS VARCHAR)"


@dataclass(frozen=True, slots=True)
class _Stream:
    """The rows of a query, run each time when somebody reads them."""

    connection: DuckDBPyConnection
    query: str

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The PyCapsule of the Arrow stream; its connection is one of its own, and ends with it."""
        return second_connection(self.connection).sql(self.query).__arrow_c_stream__(requested_schema)
