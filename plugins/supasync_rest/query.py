r"""Windows as PostgREST filters, names and values quoted by its rules.

PostgREST documentation, "URL grammar", reserved characters; measured on 13.0.8 and 14.10: a top-level value
is raw, values and names inside ``and=()`` are quoted with ``"`` and escape ``"`` and ``\`` by a backslash,
columns called ``order`` or ``select`` can only be filtered inside ``and=()``, and a raw ``+`` is a space.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote, unquote_plus

from supasync_core.model.batch import Cursor, Span, Window
from supasync_core.model.table import Table
from supasync_rest import long_keys

LOOKUP_CHARACTERS = 6000
"""Characters of one address; gateways accept about 8,000."""
LOOKUP_ROWS = 500
"""Rows asked for at once: less than any max-rows in use."""
DELETE_ROWS = 100
"""Rows deleted by one statement: foreign keys without an index make each of them a scan."""
_LONGEST_END = 300
"""Encoded characters of a key with which a range may end."""
_LONGEST_KEY = 1500
"""Encoded characters of a key's text up to which an address names it whole; it does so several times."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = ("and", "or", "not")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_FILTERS = ("select", "order", "limit", "offset", "columns", "on_conflict")
_KEPT_IN_VALUES = "(),.:*"


def name(column: str) -> str:
    """The column's name as a query has it, quoted where necessary."""
    return column if _PLAIN.fullmatch(column) and column not in _WORDS else value(column)


def names(columns: Iterable[str]) -> str:
    """A list of columns for ``select=``, ``columns=`` and ``on_conflict=``."""
    return ",".join(map(name, columns))


def value(text: str) -> str:
    """A value inside ``and=()`` or ``or=()``, quoted."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def path(table: Table, parameters: Iterable[tuple[str, str]] = (), *, where: str = "") -> str:
    """The table's address below ``/rest/v1``, percent-encoded; ``where`` is encoded already."""
    pairs = [f"{key}={quote(text, safe=_KEPT_IN_VALUES)}" for key, text in parameters]
    query = "&".join([*pairs, where] if where else pairs)
    return f"/{quote(table.relation, safe='')}" + (f"?{query}" if query else "")


def with_parameter(address: str, key: str, text: str) -> str:
    """The address with one more parameter; the text has letters and digits alone."""
    return f"{address}{'&' if '?' in address else '?'}{key}={text}"


def page(table: Table, window: Window, columns: Sequence[str] = (), offset: int = 0) -> str:
    """The address of one page of the window, in its order, with these columns or all.

    ``offset``: without so many rows of its beginning.
    """
    selected = [("select", names(columns))] if columns else []
    column = None if window.by_key else window.spans[0].keyset.column
    ordered = dict.fromkeys([column, *table.key] if column else table.key)
    order = ",".join(f"{name(each)}.asc" for each in ordered)
    parameters = [*selected, *filters(table, window.spans), ("order", order), ("limit", str(window.limit))]
    parameters += [("offset", str(offset))] if offset else []
    return path(table, parameters, where=user_filter(table))


def may_end_range(key: Sequence[str]) -> bool:
    """Whether this key is so short that addresses can name it beside others."""
    return sum(len(quote(text)) for text in key) <= _LONGEST_END


def is_long(window: Window) -> bool:
    """Whether the cursor of one of the spans is too long for an address."""
    keys = [text for span in window.spans if span.after for text in span.after.key]
    return any(len(quote(text)) > _LONGEST_KEY for text in keys)


def nearer(table: Table, window: Window, kinds: Mapping[str, str]) -> Window:
    """The window, beginning before its cursor where that is too long for an address.

    The rows up to the cursor come again then: those of the key's beginning, or, where no smaller key is known
    for its type, all of the columns before it.
    """
    return replace(window, spans=tuple(_nearer(table, span, kinds) for span in window.spans))


def _nearer(table: Table, span: Span, kinds: Mapping[str, str]) -> Span:
    key: list[str] = []
    for column, text in zip(table.key, span.after.key if span.after else (), strict=False):
        if len(quote(text)) > _LONGEST_KEY:
            short = long_keys.smaller(text, kinds.get(column))
            key += [] if short is None else [short]
            return replace(span, after=Cursor(span.after.value if span.after else None, tuple(key)))
        key.append(text)
    return span


def counting(table: Table, window: Window | None) -> str:
    """The address whose exact count is the number of rows in the window, or in the table."""
    conditions = filters(table, window.spans) if window else []
    selected = ("select", name(table.key[0]))
    return path(table, [selected, *conditions, ("limit", "1")], where=user_filter(table))


def lookups(
    table: Table,
    columns: Sequence[str],
    values: Sequence[Sequence[str]],
    kinds: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
    """The addresses that together ask for the rows whose columns have one of these tuples of texts.

    Each comes with the tuples that it asks for. One that fits no address is asked for by how it begins, which
    ``kinds`` says of its type: other rows may begin like it, and there may be many.

    ``in.("")`` matches nothing and ``%00`` cuts a value short (both measured): equality is asked for one by
    one, and a text with a NUL, which PostgreSQL cannot hold, is not asked for at all.
    """
    selected = [("select", names(table.columns))] if table.columns else []
    asked = [value_of for value_of in values if not any("\0" in text for text in value_of)]
    short = [value_of for value_of in asked if fits(columns, value_of)]
    for some in _portions(columns, short, LOOKUP_ROWS):
        yield path(table, [*selected, _any_of(columns, some)], where=user_filter(table)), some
    alike: dict[str, list[Sequence[str]]] = {}
    for value_of in asked:
        if not fits(columns, value_of):
            near = _beginning(table, columns, value_of, kinds or {})
            alike.setdefault(path(table, [*selected, *near], where=user_filter(table)), []).append(value_of)
    yield from alike.items()


def fits(columns: Sequence[str], values: Sequence[str]) -> bool:
    """Whether an address can name these values."""
    return (
        sum(map(len, values)) < LOOKUP_CHARACTERS and len(quote(_equal(columns, values))) < LOOKUP_CHARACTERS
    )


def deletions(table: Table, keys: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, int]]:
    """The addresses that together name exactly the rows of these keys, each with how many it names."""
    for some in _portions(table.key, keys, DELETE_ROWS):
        yield path(table, [_any_of(table.key, some)]), len(some)


def _portions(
    columns: Sequence[str], values: Sequence[Sequence[str]], rows: int
) -> Iterator[Sequence[Sequence[str]]]:
    """As many values at once as an address can name, and no more than so many rows."""
    longest = max((len(quote(_equal(columns, each))) for each in values), default=1)
    size = min(LOOKUP_CHARACTERS // longest or 1, rows)
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _any_of(columns: Sequence[str], values: Sequence[Sequence[str]]) -> tuple[str, str]:
    return "or", f"({','.join(_equal(columns, each) for each in values)})"


def _equal(columns: Sequence[str], values: Sequence[str]) -> str:
    return _all_of([f"{name(column)}.eq.{value(text)}" for column, text in zip(columns, values, strict=True)])


def without_key(table: Table) -> str:
    """The address of one row that has NULL in the key."""
    null = ",".join(f"{name(column)}.is.null" for column in table.key)
    parameters = [("select", names(table.key)), ("or", f"({null})"), ("limit", "1")]
    return path(table, parameters, where=user_filter(table))


def user_filter(table: Table) -> str:
    """The table's ``where``, percent-encoded where it is not yet; a ``+`` in it means a plus.

    SchemaError where part of it is not a filter: it would break paging.
    """
    if not table.where:
        return ""
    for part in table.where.split("&"):
        word, equals, _ = part.partition("=")
        if unquote_plus(word).strip() in _NOT_FILTERS or not equals:
            raise table.schema_error(
                f"where: {part} is not a filter",
                hint="write PostgREST filters joined by &, as in expires_at=gte.2024-01-01&status=eq.done",
            )
    return quote(_STRAY_PERCENT.sub("%25", table.where), safe=_KEPT_IN_VALUES + "=&%")


def filters(table: Table, spans: Sequence[Span]) -> list[tuple[str, str]]:
    """Parameters that keep the rows of any of the spans; none where that is every row."""
    after = spans[0].after
    if len(spans) > 1 and after and after.value is None and all(span.after == after for span in spans):
        # Within each of the alternatives, PostgreSQL would walk the key's index from its start.
        behind = ("and", f"({','.join(_beyond(table.key, after.key))})")
        return [behind, *filters(table, [replace(span, after=None) for span in spans])]
    each = [_conditions(span, table.key) for span in spans]
    if _hold_every_row(spans) or not all(each):
        return []
    if len(each) == 1:
        return [("and", f"({','.join(each[0])})")]
    return [("or", f"({','.join(map(_all_of, each))})")]


def _beginning(
    table: Table, columns: Sequence[str], values: Sequence[str], kinds: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Parameters for rows whose columns have these values, or begin like one that is too long.

    A value of a type of which no bounds are known is not asked for; the order is one to page by.
    """
    conditions = []
    for column, text in zip(columns, values, strict=True):
        kind = kinds.get(column)
        short = _cut(text, _LONGEST_KEY)
        if len(short) == len(text):
            conditions.append(_equal([column], [text]))
        elif long_keys.is_text(kind):
            pattern = short.replace("\\", "\\\\") + "*"
            conditions.append(f"{name(column)}.like.{value(pattern)}")
        else:
            bounds = (("gte", long_keys.smaller(text, kind)), ("lte", long_keys.greater(text, kind)))
            conditions += [f"{name(column)}.{how}.{value(bound)}" for how, bound in bounds if bound]
    asked = [("and", f"({','.join(conditions)})")] if conditions else []
    return [*asked, _by_key(table)]


def ordered(address: str, table: Table) -> str:
    """The address, its rows in the order of the key."""
    word, order = _by_key(table)
    return f"{address}&{word}={quote(order, safe=_KEPT_IN_VALUES)}"


def _by_key(table: Table) -> tuple[str, str]:
    return "order", ",".join(f"{name(each)}.asc" for each in table.key)


def _cut(text: str, most: int) -> str:
    """The beginning that has so many encoded characters at most."""
    short = text[:most]
    while len(quote(short)) > most:
        short = short[: len(short) * most // len(quote(short))]
    return short


def _all_of(conditions: list[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"and({','.join(conditions)})"


def _hold_every_row(spans: Sequence[Span]) -> bool:
    """Whether the spans are all keysets of a table, unbounded."""
    columns = [span.keyset.column for span in spans]
    bounded = any(span.start or span.after or span.until or span.beyond or span.to for span in spans)
    chained = all(span.keyset.nulls == tuple(columns[:i]) for i, span in enumerate(spans))
    return columns[-1] is None and chained and not bounded


def _conditions(span: Span, key: tuple[str, ...]) -> list[str]:
    """What holds for the rows of one span; comparisons never hold for NULL, so a bound needs no more."""
    nulls = [f"{name(column)}.is.null" for column in span.keyset.nulls]
    column = span.keyset.column
    nulls += _up_to(key, span.to or ())
    if column is None or (span.after and span.after.value is None):
        nulls += _beyond(key, span.after.key if span.after else ())
    if column is None:
        return nulls
    compared = (("gte", span.start), ("gt", span.beyond), ("lte", span.until))
    bounds = [f"{name(column)}.{operator}.{value(text)}" for operator, text in compared if text is not None]
    bounds += _after(column, key, span.after)
    return [*nulls, *(bounds or [f"{name(column)}.not.is.null"])]


def _after(column: str, key: tuple[str, ...], place: Cursor | None) -> list[str]:
    """Strictly beyond the place; without a key that is the place before the first row of its value."""
    if place is None or place.value is None:
        return []
    if not place.key:
        return [f"{name(column)}.gte.{value(place.value)}"]
    return _beyond((column, *key), (place.value, *place.key))


def _up_to(columns: tuple[str, ...], place: tuple[str, ...]) -> list[str]:
    """Rows at or before a place in the order of these columns; see `_beyond` for the redundant ``lte``."""
    if not place:
        return []
    first = name(columns[0])
    if len(columns) == 1:
        return [f"{first}.lte.{value(place[0])}"]
    equal = [f"{first}.eq.{value(place[0])}", *_up_to(columns[1:], place[1:])]
    return [f"{first}.lte.{value(place[0])}", f"or({first}.lt.{value(place[0])},{_all_of(equal)})"]


def _beyond(columns: tuple[str, ...], place: tuple[str, ...]) -> list[str]:
    """Rows behind a place in the order of these columns.

    The ``gte`` is redundant: without it PostgreSQL walks the index from its start (measured on 200,000 rows:
    150,010 read and thrown away, instead of 11).
    """
    if not place:
        return []
    first = name(columns[0])
    greater = f"{first}.gt.{value(place[0])}"
    if len(columns) == 1:
        return [greater]
    equal = [f"{first}.eq.{value(place[0])}", *_beyond(columns[1:], place[1:])]
    return [f"{first}.gte.{value(place[0])}", f"or({greater},{_all_of(equal)})"]
