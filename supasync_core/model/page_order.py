"""Places of a reading, each behind the one before it: a side whose pages come round is left."""

import re
from math import inf

from supasync_core.model.batch import Batch, Cursor, Window
from supasync_core.model.errors import TransientError
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Instant, parse, parse_or_none

LONGEST_END = 300
"""Characters of a key up to which a range may end with it: a request has to name where it ends."""
_WHOLE = re.compile(r"-?\d+")
_UTC = re.compile(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?\+00:00(?:\n|\Z))*", re.ASCII)
_SECOND = 1_000_000
_SHOWN = 40


def ends_range(key: tuple[str, ...]) -> bool:
    """Whether a range of rows may end with this key."""
    return sum(map(len, key)) <= LONGEST_END


class Onward:
    """The places that a reading of one keyset has come to; one of them twice means that it will never end.

    Any circle is found, however many pages it has, and one place is kept (Brent's algorithm): texts have an
    order that PostgreSQL alone knows, so that places cannot be compared.
    """

    def __init__(self, table: Table, column: str | None = None) -> None:
        self._table, self._column = table, column
        self._known: Cursor | None = None
        self._pages, self._until = 0, 1

    def behind(self, page: Batch) -> Cursor:
        """The place behind a page's last row; TransientError where it is one of those before."""
        place = self._table.place(page.rows[-1], self._column)
        if place == self._known:
            raise _endless(self._table)
        self._pages += 1
        if self._known is None or self._pages == self._until:
            self._known, self._pages, self._until = place, 0, self._until * 2
        return place


def refuse_standstill(table: Table, window: Window, page: Batch) -> None:
    """TransientError where a page begins or ends with the very row that it was to come after.

    Whoever goes on behind the last row of each page would read such a page for ever.
    """
    after = window.spans[0].after if len(window.spans) == 1 else None
    if after is None or not after.key or not page.count:
        return
    column = window.spans[0].keyset.column if after.value is not None else None
    if any(table.place(page.rows[index], column) == after for index in (0, -1)):
        raise _endless(table)


def refuse_falling(table: Table, window: Window, page: Batch) -> None:
    """SchemaError where a page in the order of a timestamp goes back in time: a cursor would hide rows.

    A column of texts has the order of texts, and one row may stand behind all others there, stamped with
    whatever it likes. Within a second texts may fall: `00.5Z` comes before `00Z`, and the overlap covers it.
    """
    span = window.spans[0]
    column = span.keyset.column
    if window.by_key or column is None or column not in (*table.timestamp, table.soft_delete):
        return
    bound = span.after.value if span.after else span.start
    found = _values(page, column)
    if _rise([bound, *found] if bound else found):
        return
    latest, before = (-inf, "") if bound is None else (parse(bound), bound)
    for text in found:
        at = instant_of(table, column, text)
        if at < latest and at <= latest - _SECOND:  # infinity less a second is infinity
            raise table.schema_error(
                f"the timestamp column {column} holds {text[:_SHOWN]!r}, which OLD sorts behind "
                f"{before[:_SHOWN]!r} though it is earlier",
                hint="correct that value in OLD, or make the column timestamptz there",
            )
        if at >= latest:
            latest, before = at, text


def _rise(texts: list[str]) -> bool:
    """Whether these texts are in order, in the form in which most servers print: none has to be parsed."""
    return texts == sorted(texts) and _UTC.fullmatch("\n".join(texts)) is not None


def instant_of(table: Table, column: str, text: object) -> Instant:
    """The instant of a timestamp; SchemaError where it is none."""
    at = parse_or_none(text)
    if at is None:
        raise table.schema_error(
            f"the timestamp column {column} holds {str(text)[:_SHOWN]!r}, which is not a timestamp",
            hint="name a column of type timestamptz, timestamp or date in tables.yaml: timestamp: ...",
        )
    return at


def _values(page: Batch, column: str) -> list[str]:
    """The column's values that are not NULL, in their order; none where the page lacks it."""
    try:
        return [text for (text,) in page.texts((column,)) if text is not None]
    except ValueError:
        found = [row.get(column) for row in page.rows]
    return [str(value) for value in found if value is not None]


def _endless(table: Table) -> TransientError:
    return table.error(
        TransientError,
        "the server returns the same pages again and again",
        hint="ask whoever runs the server or proxy, or wrote the backend: pages have to move on",
    )


def ordinal(text: str) -> Instant:
    """Where a value stands in the order of a keyset: a whole number as it is, else a timestamp's instant.

    ValueError where it is neither. A backend that stores texts orders by this: `1` and `10` are numbers, and
    two texts of one moment are equal.
    """
    return int(text) if _WHOLE.fullmatch(text) else parse(text)


def ordinal_of(table: Table, column: str, text: object) -> Instant:
    """The `ordinal` of a column's value; SchemaError where rows cannot be ordered by it."""
    try:
        return ordinal(text)  # type: ignore[arg-type]  # TypeError is answered too
    except (TypeError, ValueError) as err:
        raise table.schema_error(
            f"a value of {column} is neither a timestamp nor a whole number",
            hint="read the table by another column, or with another strategy",
        ) from err
