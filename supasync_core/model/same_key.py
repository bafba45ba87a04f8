"""Keys that two sides print otherwise and that are one: by its type, not by its text.

A database prints moments in its own time zone, ``numeric(12,3)`` with three digits, a ``date`` that became a
``timestamp`` with a time. Rows are found by such keys, because PostgreSQL reads them, and come back under
other texts. `supasync_core.staging.equality` has the same rules in SQL.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from decimal import Decimal, InvalidOperation

from supasync_core.model.batch import Key
from supasync_core.model.pg_types import INTEGERS, MOMENTS, NUMBERS, UNZONED, WHOLE, bare, type_of
from supasync_core.model.same_value import without_zone
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import parse_or_none


def translator(table: Table, shape: Shape, asked: Iterable[Key]) -> Callable[[Key], Key | None]:
    """What tells which of the keys a row was asked for by, from the key that the side of that shape prints.

    The answer is None where that cannot be told: the same key in other words, or another one.
    """
    kinds = [type_of(shape, name) for name in table.key]
    texts = {key: key for key in asked}
    values: dict[tuple[Hashable, ...], Key] = {}

    def told(key: Key) -> Key | None:
        if key in texts:
            return key
        if not values:
            values.update((_values(kinds, each), each) for each in texts)
        return values.get(_values(kinds, key))

    return told


def may_differ(table: Table, shape: Shape) -> bool:
    """Whether a column of the key has a type of whose values there are several texts."""
    several = {*NUMBERS, *MOMENTS, "uuid"} - {*WHOLE}
    return any(bare(type_of(shape, name)) in several for name in table.key)


def readable(shape: Shape, columns: Sequence[str], values: Sequence[Sequence[str]]) -> list[Key]:
    """The tuples of texts as the side of that shape reads them, without those that it can have in no row.

    The other side may print a whole number with zeros behind a point, which no type of whole numbers reads.
    """
    whole = [at for at, name in enumerate(columns) if type_of(shape, name) in INTEGERS]
    if not any("." in each[at] for each in values for at in whole):
        return list(map(tuple, values))
    found = (tuple(_whole(text) if at in whole else text for at, text in enumerate(each)) for each in values)
    return [each for each in found if not any("." in each[at] for at in whole)]


def _whole(text: str) -> str:
    head, _, rest = text.partition(".")
    return text if rest.strip("0") else head


def _values(kinds: Iterable[str], key: Key) -> tuple[Hashable, ...]:
    return tuple(_value(bare(kind), text) for kind, text in zip(kinds, key, strict=True))


def _value(kind: str, text: str) -> Hashable:
    """The same for all texts of one value of the type; the text itself where it has but one."""
    if kind in NUMBERS:
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    if kind in MOMENTS:
        found = parse_or_none(without_zone(text) if kind == UNZONED else text)
        return text if found is None else found
    return text.lower() if kind == "uuid" else text
