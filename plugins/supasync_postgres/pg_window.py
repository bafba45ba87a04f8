"""Windows as PostgreSQL's SQL: bounds are literals of no type, which take that of the column.

So a bound is compared by the column's own operators and collation, as PostgREST compares it. A row of columns
is compared as a whole, which an index on them answers without a scan.
"""

from collections.abc import Sequence

from supasync_core.api.sql_window import SqlWindow
from supasync_core.model.batch import Cursor, Window


class PgWindow(SqlWindow):
    """The conditions of one statement."""

    def order(self, window: Window) -> str:
        """NULL is last in PostgreSQL's own order."""
        column = None if window.by_key else window.spans[0].keyset.column
        names = [column, *self.table.key] if column else self.table.key
        return ", ".join(map(self.column, dict.fromkeys(names)))

    def any_of(self, columns: Sequence[str], values: Sequence[Sequence[str]]) -> str:
        fitting = [each for each in values if not any("\0" in text for text in each)]
        if not fitting:
            return "false"
        names = ", ".join(map(self.column, columns))
        tuples = (f"({', '.join(map(self.parameters.bind, each))})" for each in fitting)
        return f"({names}) IN ({', '.join(tuples)})"

    def where(self, window: Window | None = None) -> str:
        """With a value the statement is sent by itself, so that no filter of the user's can be two."""
        if not self.table.where:
            return super().where(window)
        return f"{self.parameters.bind('true')}::boolean AND {super().where(window)}"

    def _after(self, column: str | None, place: Cursor) -> str:
        if column is None or place.value is None:
            return self._key_after(place.key)
        if not place.key:
            return self._compared(column, ">=", place.value)
        return self._beyond([column, *self.table.key], [place.value, *place.key])

    def _key_after(self, key: Sequence[str], at: int = 0) -> str:
        return self._beyond(self.table.key, key)

    def _beyond(self, columns: Sequence[str], place: Sequence[str]) -> str:
        if not place:
            return "true"
        names = ", ".join(map(self.column, columns[: len(place)]))
        return f"({names}) > ({', '.join(map(self.parameters.bind, place))})"
