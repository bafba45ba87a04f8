"""The order in which rows are read: an index of their places, and windows as conditions on it.

A file that is only read does not change, so the index of a table is made once and serves all of its pages.
"""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

from dataclasses import dataclass

from supasync_core.api.sql_window import Parameters, SqlWindow
from supasync_core.model import timestamps
from supasync_core.model.batch import Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_core.staging.duckdb_tables import Kinds
from supasync_core.staging.values import VARCHAR, Kind, identifier, instant, literal, parsed, plain

SOURCE = "source"
"""What a table's rows are called in a query."""


@dataclass(frozen=True, slots=True)
class Index:
    """A table's places: ``place`` is the row's number, ``t0 ...`` the ordering values, ``k0 ...`` the key.

    ``rows`` is the SQL of the table's rows, ``number`` the name of their number in there, ``numbers`` the
    columns of texts that turned out to be whole numbers.
    """

    table: Table
    kinds: Kinds
    columns: tuple[str, ...]
    rows: str
    number: str
    numbers: frozenset[str] = frozenset()

    def query(self) -> str:
        """The SQL that finds the places of all rows, in order."""
        ordering = [f"{self._ordering(name)} AS t{i}" for i, name in enumerate(self.columns)]
        key = [f"{_comparable(name, self.kinds[name])} AS k{i}" for i, name in enumerate(self.table.key)]
        cells = [f"{SOURCE}.{self.number} AS place", *ordering, *key]
        order = ", ".join(str(i) for i in range(2, len(cells) + 1))
        return f"SELECT {', '.join(cells)} FROM {self.rows} AS {SOURCE} ORDER BY {order}"

    def numbered(self, name: str) -> bool:
        """Whether an untyped column holds whole numbers, which ``append`` reads by."""
        own = name in self.table.key and name not in self.table.timestamp and _untyped(self.kinds[name])
        return own or name in self.numbers

    def whole(self) -> dict[str, str]:
        """The SQL that tells, by column, whether texts that are no timestamps by name are all numbers."""
        texts = {
            name: plain(column(name), self.kinds[name])
            for name in self.columns
            if name not in (*self.table.timestamp, *self.table.key) and _untyped(self.kinds[name])
        }
        return {
            name: f"SELECT coalesce(bool_and({_whole(text)} IS NOT NULL), true) "
            f"FROM {self.rows} AS {SOURCE} WHERE {text} IS NOT NULL"
            for name, text in texts.items()
        }

    def unplaceable(self) -> dict[str, str]:
        """The SQL that counts, by column, the texts that have no place in its order."""
        return {
            name: f"SELECT count(*) FROM {self.rows} AS {SOURCE} "
            f"WHERE {plain(column(name), self.kinds[name])} IS NOT NULL AND {self._ordering(name)} IS NULL"
            for name in self.columns
            if _untyped(self.kinds[name])
        }

    def keyless(self) -> str:
        """The SQL that counts the rows that have NULL in the key: no page would hold them."""
        null = " OR ".join(f"{_comparable(name, self.kinds[name])} IS NULL" for name in self.table.key)
        return f"SELECT count(*) FROM {self.rows} AS {SOURCE} WHERE {null}"

    def _ordering(self, name: str) -> str:
        value, kind = column(name), self.kinds[name]
        return _whole(plain(value, kind)) if self.numbered(name) else instant(value, kind) or value


class Condition(SqlWindow):
    """A window as SQL on an index called ``page``, which has no rows but those of ``where``."""

    def __init__(self, index: Index) -> None:
        super().__init__(index.table.whole(), Parameters("dollar"))
        self._index = index

    def ordered(self, name: str) -> str:
        """The ordering value at a place."""
        return f"page.t{self._index.columns.index(name)}"

    nullable = ordered

    def bound(self, name: str, text: str) -> str:
        """The text as a value of the column; SchemaError where it has none."""
        kind = self._index.kinds[name]
        if self._index.numbered(name):
            return _whole(self._bind(text))
        if instant("", kind) is None:
            return parsed(self._bind(text), kind)
        try:
            return f"TIMESTAMPTZ {literal(_printed(timestamps.parse(text)))}"
        except ValueError as err:
            table = self.table.name
            raise SchemaError(
                f"{table}: {text!r} is not a timestamp to compare {name} with", table=table
            ) from err

    def plain(self, name: str) -> str:
        """A column of the key at a place."""
        return f"page.k{self.table.key.index(name)}"

    def plain_bound(self, name: str, text: str) -> str:
        """A text of the key as the column's kind has it."""
        kind, bound = self._index.kinds[name], self._bind(text)
        return bound if kind.family == "json" else parsed(bound, kind)

    def _bind(self, text: str) -> str:
        return f"CAST({self.parameters.bind(text)} AS VARCHAR)"


def column(name: str) -> str:
    """A table's column as SQL."""
    return f"{SOURCE}.{identifier(name)}"


def indexed(table: Table, window: Window, kinds: Kinds) -> tuple[str, ...]:
    """The columns whose values order or limit the window; all timestamps, so that one index serves all."""
    wanted = dict.fromkeys(name for name in table.timestamp if name in kinds)
    for span in window.spans:
        names = (*span.keyset.nulls, span.keyset.column)
        wanted.update((name, None) for name in names if name is not None)
    return tuple(wanted)


def _untyped(kind: Kind) -> bool:
    """Whether the column holds texts, whatever they stand for."""
    return kind.family == "json" or kind == VARCHAR


def _whole(text: str) -> str:
    """The text as a whole number; NULL where it is none, which a cast would round."""
    return f"CASE WHEN regexp_full_match({text}, '-?[0-9]+') THEN TRY_CAST({text} AS HUGEINT) END"


def _comparable(name: str, kind: Kind) -> str:
    """A key column as it is compared: raw JSON by its plain text, so that 1 and "1" are one key."""
    value = column(name)
    return plain(value, kind) if kind.family == "json" else value


def _printed(at: timestamps.Instant) -> str:
    """The instant as DuckDB reads it: the era stands behind the date."""
    text = timestamps.to_text(at)
    if not text.endswith(" BC"):
        return text
    date, _, time = text.removesuffix(" BC").partition("T")
    return f"{date} (BC) {time}"
