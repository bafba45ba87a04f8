"""The order in which rows are read: an index of their places, and windows as conditions on it.

A file that is only read does not change, so the index of a table is made once and serves all of its pages.
"""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

from collections.abc import Sequence
from dataclasses import dataclass, field

from supasync_core.model import timestamps
from supasync_core.model.batch import Cursor, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_core.staging.duckdb_tables import Kinds
from supasync_core.staging.values import VARCHAR, Kind, identifier, instant, literal, parsed, plain

SOURCE = "source"
"""What a table's rows are called in a query."""


@dataclass(frozen=True, slots=True)
class Index:
    """A table's places: ``place`` is the row's number, ``t0 ...`` the ordering values, ``k0 ...`` the key.

    ``rows`` is the SQL of the table's rows, ``number`` the name of their number in there.
    """

    table: Table
    kinds: Kinds
    columns: tuple[str, ...]
    rows: str
    number: str

    def query(self) -> str:
        """The SQL that finds the places of all rows, in order."""
        ordering = [f"{self._ordering(name)} AS t{i}" for i, name in enumerate(self.columns)]
        key = [f"{_comparable(name, self.kinds[name])} AS k{i}" for i, name in enumerate(self.table.key)]
        cells = [f"{SOURCE}.{self.number} AS place", *ordering, *key]
        order = ", ".join(str(i) for i in range(2, len(cells) + 1))
        return f"SELECT {', '.join(cells)} FROM {self.rows} AS {SOURCE} ORDER BY {order}"

    def numbered(self, name: str) -> bool:
        """Whether an untyped column holds whole numbers: a key that rows are read by, as ``append`` does."""
        return name in self.table.key and name not in self.table.timestamp and _untyped(self.kinds[name])

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


@dataclass(slots=True)
class Condition:
    """A window as SQL on an index, its values as named parameters."""

    index: Index
    values: dict[str, str] = field(default_factory=dict)

    def where(self, window: Window) -> str:
        """Rows of any of the spans."""
        return " OR ".join(f"({self._span(span)})" for span in window.spans)

    def order(self, window: Window) -> str:
        """The first span's keyset, NULL last; the places stand in ``page``."""
        column = window.spans[0].keyset.column
        by_value = [] if column is None else [f"page.{self._value(column)} NULLS LAST"]
        return ", ".join([*by_value, *(f"page.k{i}" for i in range(len(self.index.table.key)))])

    def _span(self, span: Span) -> str:
        terms = [f"{self._value(name)} IS NULL" for name in span.keyset.nulls]
        column = span.keyset.column
        if column is not None:
            terms.append(f"{self._value(column)} IS NOT NULL")
            bounds = ((">=", span.start), ("<=", span.until), (">", span.beyond))
            terms += [self._compare(column, sign, text) for sign, text in bounds if text is not None]
        if span.after is not None:
            terms.append(self._after(column, span.after))
        if span.to is not None:
            terms.append(f"NOT {self._key_after(span.to)}")
        return " AND ".join(terms) or "true"

    def _after(self, column: str | None, place: Cursor) -> str:
        """Strictly beyond the place; without a key that is the place before its value's first row."""
        if column is None or place.value is None:
            return self._key_after(place.key)
        if not place.key:
            return self._compare(column, ">=", place.value)
        beyond, same = (self._compare(column, sign, place.value) for sign in (">", "="))
        return f"({beyond} OR ({same} AND {self._key_after(place.key)}))"

    def _key_after(self, key: Sequence[str]) -> str:
        """Whether the key is greater, column by column."""
        condition = "false"
        for i, text in reversed(list(enumerate(key))):
            kind = self.index.kinds[self.index.table.key[i]]
            bound = self._bind(text)
            value = bound if kind.family == "json" else parsed(bound, kind)
            condition = f"(k{i} > {value} OR (k{i} = {value} AND {condition}))"
        return condition

    def _compare(self, column: str, sign: str, text: str) -> str:
        kind = self.index.kinds[column]
        if self.index.numbered(column):
            return f"{self._value(column)} {sign} {_whole(self._bind(text))}"
        if instant("", kind) is None:
            return f"{self._value(column)} {sign} {parsed(self._bind(text), kind)}"
        try:
            bound = literal(_printed(timestamps.parse(text)))
        except ValueError as err:
            name = self.index.table.name
            raise SchemaError(
                f"{name}: {text!r} is not a timestamp to compare {column} with", table=name
            ) from err
        return f"{self._value(column)} {sign} TIMESTAMPTZ {bound}"

    def _value(self, column: str) -> str:
        return f"t{self.index.columns.index(column)}"

    def _bind(self, text: str) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = text
        return f"CAST(${name} AS VARCHAR)"


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
