"""A window as SQL: WHERE, ORDER BY and LIMIT for any database, its values as parameters of the driver.

::

    sql = SqlWindow(table, Parameters(driver.paramstyle))
    connection.execute(f"SELECT * FROM events {sql.page(window)}", sql.parameters.values)

A subclass says where a database differs: how a column is ordered (`SqlWindow.ordered`), how its values are
told apart (`SqlWindow.plain`), and what a bound is turned into before it is compared with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from supasync_core.model.batch import Cursor, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table

Style = Literal["qmark", "numeric", "named", "format", "pyformat", "dollar"]
"""How a driver marks a parameter: as its ``paramstyle`` (PEP 249) says, or by ``$p0`` as DuckDB does."""


def quoted(name: str, mark: str = '"') -> str:
    """The name of a column or a table as SQL has it; MySQL's ``mark`` is a backtick."""
    if "\0" in name:
        raise SchemaError(f"{name!r}: a name cannot contain a NUL character")
    return mark + name.replace(mark, mark * 2) + mark


class Parameters:
    """The values of one statement in the order of its text; none of them is ever part of the text."""

    def __init__(self, style: Style = "qmark") -> None:
        if style not in get_args(Style):
            raise ValueError(f"{style} is not a parameter style; known styles: {', '.join(get_args(Style))}")
        self._style = style
        self._bound: list[object] = []

    def bind(self, value: object) -> str:
        """The mark of the statement's next parameter. A value that is used twice is bound twice."""
        name = f"p{len(self._bound)}"
        self._bound.append(value)
        marks = {
            "qmark": "?",
            "numeric": f":{len(self._bound)}",
            "named": f":{name}",
            "format": "%s",
            "pyformat": f"%({name})s",
            "dollar": f"${name}",
        }
        return marks[self._style]

    def text(self, sql: str) -> str:
        """Other SQL of the statement: a driver that marks parameters by ``%`` takes two for one."""
        return sql.replace("%", "%%") if self._style in ("format", "pyformat") else sql

    @property
    def values(self) -> Sequence[object] | Mapping[str, object]:
        """What the driver is handed with the statement: by name where its parameters have names."""
        if self._style in ("named", "pyformat", "dollar"):
            return {f"p{i}": value for i, value in enumerate(self._bound)}
        return list(self._bound)


@dataclass
class SqlWindow:
    """Windows of one table as conditions of one statement.

    ``mark`` quotes names, ``types`` are those of the columns, as far as they are known. Conditions and
    parameters come in the order of the text, so each method is called once, where its text stands.
    """

    table: Table
    parameters: Parameters = field(default_factory=Parameters)
    mark: str = '"'
    types: Mapping[str, str | None] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """A column."""
        return self.parameters.text(quoted(name, self.mark))

    def selected(self, name: str) -> str:
        """What is read of a column, for `SqlSource.cell`: such as ``to_json(x)::text`` in PostgreSQL."""
        return self.column(name)

    def nullable(self, name: str) -> str:
        """What is NULL where the column is."""
        return self.column(name)

    def ordered(self, name: str) -> str:
        """What rows are ordered by in a keyset of this column: NULL where the column is NULL."""
        return self.column(name)

    def bound(self, name: str, text: str) -> str:
        """A bound of that keyset, as `Cursor.value` has it, to be compared with what it is ordered by."""
        return self.parameters.bind(text)

    def plain(self, name: str) -> str:
        """What tells the column's values apart, as a key's are: it orders the rows of one place too."""
        return self.column(name)

    def plain_bound(self, name: str, text: str) -> str:
        """A value's plain text, to be compared with that."""
        return self.parameters.bind(text)

    def page(self, window: Window) -> str:
        """WHERE, ORDER BY and LIMIT of one page, after the table's name."""
        return f"WHERE {self.where(window)} ORDER BY {self.order(window)} LIMIT {window.limit}"

    def where(self, window: Window | None = None) -> str:
        """The rows of any of the spans, or of the table, that the table's ``where`` lets through."""
        spans = " OR ".join([f"({self._span(span)})" for span in window.spans]) if window else "1 = 1"
        return f"{self._filtered()} AND ({spans})" if self.table.where else spans

    def order(self, window: Window) -> str:
        """The first span's keyset, then the key. NULL is last; a window of one span has none."""
        column = window.spans[0].keyset.column
        keys = [self.plain(name) for name in self.table.key]
        if column is None:
            return ", ".join(keys)
        value = self.ordered(column)
        last = f"CASE WHEN {self.nullable(column)} IS NULL THEN 1 ELSE 0 END"
        nulls = [] if len(window.spans) == 1 else [last]
        return ", ".join(dict.fromkeys([*nulls, value, *keys]))

    def any_of(self, columns: Sequence[str], values: Sequence[Sequence[str]]) -> str:
        """The rows whose columns have one of these tuples of texts, whatever the ``where`` of the table."""
        each = [" AND ".join(map(self._same, columns, texts)) for texts in values]
        found = " OR ".join(f"({same})" for same in each) or "1 = 0"
        return f"({found})"

    def _filtered(self) -> str:
        return f"({self.parameters.text(self.table.where or '')}\n)"  # it may end with a comment

    def _same(self, name: str, text: str) -> str:
        return f"{self.plain(name)} = {self.plain_bound(name, text)}"

    def _span(self, span: Span) -> str:
        terms = [f"{self.nullable(name)} IS NULL" for name in span.keyset.nulls]
        column = span.keyset.column
        if column is not None:
            terms.append(f"{self.nullable(column)} IS NOT NULL")
            bounds = ((">=", span.start), ("<=", span.until), (">", span.beyond))
            terms += [self._compared(column, sign, text) for sign, text in bounds if text is not None]
        if span.after is not None:
            terms.append(self._after(column, span.after))
        if span.to is not None:
            terms.append(f"NOT {self._key_after(span.to)}")
        return " AND ".join(terms) or "1 = 1"

    def _after(self, column: str | None, place: Cursor) -> str:
        """Strictly beyond the place; without a key that is the place before its value's first row.

        The first condition is redundant: without it a database walks its index from the start.
        """
        if column is None or place.value is None:
            return self._key_after(place.key)
        at_least = self._compared(column, ">=", place.value)
        if not place.key:
            return at_least
        beyond, same = (self._compared(column, sign, place.value) for sign in (">", "="))
        return f"({at_least} AND ({beyond} OR ({same} AND {self._key_after(place.key)})))"

    def _key_after(self, key: Sequence[str], at: int = 0) -> str:
        """Whether the key is greater, column by column."""
        if at == len(key):
            return "1 = 0"
        name, text = self.table.key[at], key[at]

        def compared(sign: str) -> str:
            return f"{self.plain(name)} {sign} {self.plain_bound(name, text)}"

        if at == len(key) - 1:
            return compared(">")
        at_least, beyond, same = (compared(sign) for sign in (">=", ">", "="))
        return f"({at_least} AND ({beyond} OR ({same} AND {self._key_after(key, at + 1)})))"

    def _compared(self, column: str, sign: str, text: str) -> str:
        return f"{self.ordered(column)} {sign} {self.bound(column, text)}"
