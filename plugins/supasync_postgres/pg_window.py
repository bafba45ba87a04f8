"""Windows as PostgreSQL's SQL: bounds are literals of no type, which take that of the column.

So a bound is compared in the column's own type and collation, as PostgREST compares it, and by the operators
that ORDER BY uses: those of the type's default index, named with their schema. A row of columns is compared
as a whole, which an index on them answers without a scan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from supasync_core.api.sql_window import SqlWindow, quoted
from supasync_core.model.batch import Cursor, Window


@dataclass
class PgWindow(SqlWindow):
    """The conditions of one statement; ``orders`` holds the schema of each column's operators.

    ``types`` are those of columns whose operators are not PostgreSQL's own.
    """

    orders: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """A column; a domain as what it stands on, for it may have operators of somebody else's."""
        kind = self.types.get(name)
        return super().column(name) + (f"::{self.parameters.text(kind)}" if kind else "")

    def order(self, window: Window) -> str:
        """NULL is last in PostgreSQL's own order."""
        column = None if window.by_key else window.spans[0].keyset.column
        names = [column, *self.table.key] if column else self.table.key
        return ", ".join(map(self.column, dict.fromkeys(names)))

    def where(self, window: Window | None = None) -> str:
        """With a value the statement is sent by itself, so that no filter of the user's can be two."""
        if not self.table.where:
            return super().where(window)
        return f"{self.parameters.bind('true')}::boolean AND {super().where(window)}"

    def any_of(self, columns: Sequence[str], values: Sequence[Sequence[str]]) -> str:
        fitting = [each for each in values if not any("\0" in text for text in each)]
        each = [" AND ".join(map(self._same, columns, texts)) for texts in fitting]
        found = " OR ".join(f"({same})" for same in each)
        return f"({found or 'false'})"

    def _same(self, name: str, text: str) -> str:
        return self._compared(name, "=", text)

    def _compared(self, column: str, sign: str, text: str) -> str:
        return f"{self.column(column)} {self._operator(column, sign)} {self.parameters.bind(text)}"

    def _operator(self, column: str, sign: str) -> str:
        schema = quoted(self.orders.get(column, "pg_catalog"))
        return f"OPERATOR({self.parameters.text(schema)}.{sign})"

    def _after(self, column: str | None, place: Cursor) -> str:
        if column is None or place.value is None:
            return self._key_after(place.key)
        if not place.key:
            return self._compared(column, ">=", place.value)
        return self._beyond([column, *self.table.key], [place.value, *place.key])

    def _key_after(self, key: Sequence[str], at: int = 0) -> str:
        return self._beyond(self.table.key, key)

    def _beyond(self, columns: Sequence[str], place: Sequence[str]) -> str:
        """Strictly behind a place in the order of these columns."""
        if not place:
            return "true"
        named = columns[: len(place)]
        if len({self._operator(name, ">") for name in named}) > 1:
            return self._beyond_each(named, place)
        names = ", ".join(map(self.column, named))
        places = ", ".join(map(self.parameters.bind, place))
        return f"({names}) {self._operator(named[0], '>')} ({places})"

    def _beyond_each(self, columns: Sequence[str], place: Sequence[str]) -> str:
        """The same where the columns have operators of several schemas: a row is compared by those of one."""
        first = self._compared(columns[0], ">", place[0])
        if len(columns) == 1:
            return first
        same = self._compared(columns[0], "=", place[0])
        return f"({first} OR ({same} AND {self._beyond_each(columns[1:], place[1:])}))"
